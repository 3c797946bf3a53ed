"""The formula, without Skyloom."""

import sys
import unittest
from math import inf, nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from signal_to_noise import signal_to_noise


class SignalToNoise(unittest.TestCase):
    def test_the_ratio_is_of_value_and_error(self) -> None:
        self.assertEqual(signal_to_noise(10.0, 2.0), 5.0)
        self.assertEqual(signal_to_noise(-1.0, 2.0), -0.5)

    def test_without_a_good_error_there_is_none(self) -> None:
        for value, error in [(1.0, 0.0), (1.0, -1.0), (1.0, nan), (nan, 1.0), (inf, 1.0)]:
            self.assertIsNone(signal_to_noise(value, error))


if __name__ == "__main__":
    unittest.main()
