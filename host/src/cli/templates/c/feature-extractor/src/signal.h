// How far a measurement stands out of its noise.
#ifndef SIGNAL_H
#define SIGNAL_H

#include <stdbool.h>

// The signal-to-noise ratio `value / error`, of no unit.
//
// `error` is the 1σ error of `value`, in the same unit. Negative values, as faint fluxes can
// be, give negative ratios. False where the error is not a positive number, or the value is
// not a number.
bool signal_to_noise(double value, double error, double *ratio);

#endif
