package signal

import (
	"math"
	"testing"
)

func TestToNoise(t *testing.T) {
	for _, test := range []struct {
		value, err, ratio float64
		there             bool
	}{
		{10, 2, 5, true},
		{-1, 2, -0.5, true},
		{value: 1, err: 0},
		{value: 1, err: -1},
		{value: 1, err: math.NaN()},
		{value: math.NaN(), err: 1},
		{value: math.Inf(1), err: 1},
	} {
		ratio, there := ToNoise(test.value, test.err)
		if there != test.there || there && ratio != test.ratio {
			t.Errorf("ToNoise(%v, %v) = %v, %v", test.value, test.err, ratio, there)
		}
	}
}
