// Package signal says how far a measurement stands out of its noise.
package signal

import "math"

// ToNoise is the signal-to-noise ratio value / err, of no unit.
//
// err is the 1σ error of value, in the same unit. Negative values, as faint fluxes can be, give
// negative ratios. False where the error is not a positive number, or the value is not a number.
func ToNoise(value, err float64) (float64, bool) {
	ratio := value / err
	return ratio, err > 0 && !math.IsInf(ratio, 0) && !math.IsNaN(ratio)
}
