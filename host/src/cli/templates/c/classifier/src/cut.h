// A cut, sharp or blurred.
#ifndef CUT_H
#define CUT_H

#include <stdbool.h>

// The probability, in [0, 1], that `value` belongs to the class above `threshold`.
//
// It rises linearly from 0 at `threshold − width` to 1 at `threshold + width`, all three in
// one unit; with width 0 it is 1 from the threshold on. False where the value is not a number.
bool probability_above(double value, double threshold, double width, double *probability);

#endif
