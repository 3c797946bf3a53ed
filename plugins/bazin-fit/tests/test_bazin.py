"""The method, without Skyloom."""

import sys
import unittest
from math import exp, isclose
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bazin import fit, flux

TRUE = (120.0, 59012.3, 4.2, 24.0, 3.0)
TIMES = [58980.0 + 2.5 * number for number in range(60)]


class Bazin(unittest.TestCase):
    def test_the_function_is_that_of_the_paper(self) -> None:
        since = 5.0
        expected = 2.0 * exp(-since / 20.0) / (1.0 + exp(-since / 4.0)) + 1.0
        self.assertAlmostEqual(flux(5.0, 2.0, 0.0, 4.0, 20.0, 1.0), expected, places=14)

    def test_long_before_and_after_there_is_the_baseline(self) -> None:
        for time in (-1e6, 1e6):
            self.assertEqual(flux(time, 2.0, 0.0, 4.0, 20.0, 1.0), 1.0)

    def test_a_curve_without_noise_gives_its_own_numbers(self) -> None:
        fluxes = [flux(time, *TRUE) for time in TIMES]
        found = fit(TIMES, fluxes, [1.0] * 60, 3.0, 25.0, 200)
        numbers = (found.amplitude, found.t0, found.rise, found.fall, found.baseline)
        for number, true in zip(numbers, TRUE):
            self.assertTrue(isclose(number, true, rel_tol=1e-7), f"{number}, not {true}")
        self.assertTrue(found.converged)

    def test_points_may_come_in_any_order(self) -> None:
        fluxes = [flux(time, *TRUE) + (number % 5) for number, time in enumerate(TIMES)]
        errors = [1.0 + number % 3 for number in range(60)]
        one = fit(TIMES, fluxes, errors, 3.0, 25.0, 200)
        other = fit(TIMES[::-1], fluxes[::-1], errors[::-1], 3.0, 25.0, 200)
        self.assertEqual(one, other)

    def test_without_enough_points_there_is_no_fit(self) -> None:
        self.assertIsNone(fit(TIMES[:5], [1.0] * 5, [1.0] * 5, 3.0, 25.0, 200))
        self.assertIsNone(fit([1.0] * 9, [1.0] * 9, [1.0] * 9, 3.0, 25.0, 200))

    def test_steps_have_an_end(self) -> None:
        found = fit(TIMES, [float(number % 7) for number in range(60)], [1.0] * 60, 3.0, 25.0, 3)
        self.assertFalse(found.converged)


if __name__ == "__main__":
    unittest.main()
