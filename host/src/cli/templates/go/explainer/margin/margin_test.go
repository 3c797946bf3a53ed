package margin

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, test := range []struct{ value, width, margin float64 }{
		// They are counted from the threshold.
		{1.5, 0, -0.5},
		{2, 0, 0},
		{3, 0, 1},
		// A width is their unit.
		{1.5, 0.5, -1},
		{3, 0.5, 2},
	} {
		margin, there := Of(test.value, 2, test.width)
		if !there || margin != test.margin {
			t.Errorf("of %v with width %v: %v, %v", test.value, test.width, margin, there)
		}
	}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		if margin, there := Of(value, 2, 0.5); there {
			t.Errorf("%v has the margin %v", value, margin)
		}
	}
}
