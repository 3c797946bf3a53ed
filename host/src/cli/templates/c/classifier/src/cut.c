#include "cut.h"

#include <math.h>

bool probability_above(double value, double threshold, double width, double *probability) {
  if (isnan(value)) return false;
  if (width == 0) {
    *probability = value >= threshold ? 1 : 0;
    return true;
  }
  const double risen = (value - threshold + width) / (2 * width);
  *probability = risen < 0 ? 0 : risen > 1 ? 1 : risen;
  return true;
}
