#include "margin.h"

#include <math.h>

bool margin_of(double value, double threshold, double width, double *margin) {
  const double distance = value - threshold;
  *margin = width > 0 ? distance / width : distance;
  return isfinite(*margin);
}
