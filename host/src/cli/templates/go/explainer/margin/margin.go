// Package margin says how far a value lies from a threshold.
package margin

import "math"

// Of is value − threshold, over width where that is positive; all three in one unit. False where
// the result is no finite number.
func Of(value, threshold, width float64) (float64, bool) {
	margin := value - threshold
	if width > 0 {
		margin /= width
	}
	return margin, !math.IsInf(margin, 0) && !math.IsNaN(margin)
}
