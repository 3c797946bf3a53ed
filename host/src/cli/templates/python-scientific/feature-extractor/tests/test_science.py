"""The formula, without a host: `python -m unittest discover tests`, with NumPy installed."""

import sys
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError:
    raise unittest.SkipTest("NumPy is not here; `pip install numpy`") from None

sys.path.insert(0, str(Path(__file__).parent.parent))

from signal_to_noise import signal_to_noise


class SignalToNoise(unittest.TestCase):
    def test_the_ratio_is_of_value_and_error(self):
        ratio = signal_to_noise(np.array([10.0, -1.0]), np.array([2.0, 2.0]))
        np.testing.assert_array_equal(ratio, [5.0, -0.5])

    def test_without_a_good_error_there_is_none(self):
        errors = np.array([0.0, -1.0, np.nan, 1.0, 1.0])
        values = np.array([1.0, 1.0, 1.0, np.nan, np.inf])
        self.assertTrue(np.isnan(signal_to_noise(values, errors)).all())


if __name__ == "__main__":
    unittest.main()
