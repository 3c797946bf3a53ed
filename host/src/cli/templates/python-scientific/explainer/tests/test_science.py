"""The formula, without a host: `python -m unittest discover tests`, with NumPy installed."""

import sys
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError:
    raise unittest.SkipTest("NumPy is not here; `pip install numpy`") from None

sys.path.insert(0, str(Path(__file__).parent.parent))

from margin import margin_of


class Margin(unittest.TestCase):
    def test_margins_are_counted_from_the_threshold(self):
        values = np.array([1.5, 2.0, 3.0])
        np.testing.assert_array_equal(margin_of(values, 2.0, 0.0), [-0.5, 0.0, 1.0])
        np.testing.assert_array_equal(margin_of(values, 2.0, 0.5), [-1.0, 0.0, 2.0])

    def test_without_a_number_there_is_none(self):
        values = np.array([np.nan, np.inf, -np.inf])
        self.assertTrue(np.isnan(margin_of(values, 2.0, 0.5)).all())


if __name__ == "__main__":
    unittest.main()
