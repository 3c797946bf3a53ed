// How far a value lies from a threshold.
#ifndef MARGIN_H
#define MARGIN_H

#include <stdbool.h>

// `value − threshold`, over `width` where that is positive; all three in one unit. False where
// the result is no finite number.
bool margin_of(double value, double threshold, double width, double *margin);

#endif
