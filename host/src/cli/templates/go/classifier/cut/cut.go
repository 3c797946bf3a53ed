// Package cut is a cut, sharp or blurred.
package cut

import "math"

// ProbabilityAbove is the probability, in [0, 1], that value belongs to the class above
// threshold.
//
// It rises linearly from 0 at threshold − width to 1 at threshold + width, all three in one
// unit; with width 0 it is 1 from the threshold on. False where the value is not a number.
func ProbabilityAbove(value, threshold, width float64) (float64, bool) {
	switch {
	case math.IsNaN(value):
		return 0, false
	case width == 0 && value >= threshold:
		return 1, true
	case width == 0:
		return 0, true
	}
	switch risen := (value - threshold + width) / (2 * width); {
	case risen < 0:
		return 0, true
	case risen > 1:
		return 1, true
	default:
		return risen, true
	}
}
