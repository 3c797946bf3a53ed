#include "signal.h"

#include <math.h>

bool signal_to_noise(double value, double error, double *ratio) {
  *ratio = value / error;
  return error > 0 && isfinite(*ratio);
}
