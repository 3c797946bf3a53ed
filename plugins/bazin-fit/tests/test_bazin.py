"""The method, without Skyloom: curves whose parameters are known."""

import sys
import unittest
from math import log, nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bazin import fit, flux

TRUE = (120.0, 58010.0, 4.0, 25.0, -3.0)


class Bazin(unittest.TestCase):
    def check(self, found, expected, digits: float) -> None:
        for one, other in zip(found, expected):
            self.assertLess(abs(one - other), digits * max(1.0, abs(other)))

    def test_a_curve_without_noise_gives_its_parameters_back(self) -> None:
        times = [57980.0 + 2.5 * step for step in range(60)]
        for true in (TRUE, (900.0, 58000.0, 1.5, 60.0, 10.0), (50.0, 58030.0, 8.0, 12.0, 0.0)):
            found = fit(times, [flux(time, *true) for time in times], [1.0] * 60, 200)
            self.assertTrue(found.converged)
            self.check((found.amplitude, found.t0, found.rise, found.fall, found.baseline), true, 1e-6)
            self.assertLess(found.chi2, 1e-12)

    def test_the_maximum_is_where_the_formula_says(self) -> None:
        amplitude, t0, rise, fall, baseline = TRUE
        top = t0 + rise * log(fall / rise - 1.0)
        for away in (-0.1, 0.1):
            self.assertLess(flux(top + away, *TRUE), flux(top, *TRUE))

    def test_points_that_are_none_are_left_out(self) -> None:
        times = [58000.0 + step for step in range(40)]
        values = [flux(time, *TRUE) for time in times]
        clean = fit(times, values, [2.0] * 40, 200)
        spoilt = fit([*times, nan, 1.0, 2.0], [*values, 1.0, nan, 5.0], [2.0] * 42 + [0.0], 200)
        self.assertEqual(clean, spoilt)

    def test_too_few_points_have_no_fit(self) -> None:
        self.assertIsNone(fit([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5, [1.0] * 5, 10))
        self.assertIsNone(fit([1.0] * 9, [1.0] * 9, [1.0] * 9, 10))


if __name__ == "__main__":
    unittest.main()
