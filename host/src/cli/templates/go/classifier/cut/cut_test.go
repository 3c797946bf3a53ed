package cut

import (
	"math"
	"testing"
)

func TestProbabilityAbove(t *testing.T) {
	for _, test := range []struct{ value, width, probability float64 }{
		// A sharp cut knows no doubt.
		{1.9, 0, 0},
		{2, 0, 1},
		{math.Inf(1), 0, 1},
		// A blurred one is even at the threshold.
		{1, 0.5, 0},
		{1.75, 0.5, 0.25},
		{2, 0.5, 0.5},
		{3, 0.5, 1},
		{math.Inf(-1), 0.5, 0},
	} {
		probability, there := ProbabilityAbove(test.value, 2, test.width)
		if !there || probability != test.probability {
			t.Errorf("of %v with width %v: %v, %v", test.value, test.width, probability, there)
		}
	}
	for _, width := range []float64{0, 0.5} {
		if _, there := ProbabilityAbove(math.NaN(), 2, width); there {
			t.Errorf("NaN has a class with width %v", width)
		}
	}
}
