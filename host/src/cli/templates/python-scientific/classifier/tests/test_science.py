"""The rule, without a host: `python -m unittest discover tests`, with NumPy installed."""

import sys
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError:
    raise unittest.SkipTest("NumPy is not here; `pip install numpy`") from None

sys.path.insert(0, str(Path(__file__).parent.parent))

from cut import probability_above


class Cut(unittest.TestCase):
    def test_a_sharp_cut_knows_no_doubt(self):
        above = probability_above(np.array([1.9, 2.0, np.inf, np.nan]), 2.0, 0.0)
        np.testing.assert_array_equal(above, [0.0, 1.0, 1.0, np.nan])

    def test_a_blurred_cut_is_even_at_the_threshold(self):
        values = np.array([1.0, 1.75, 2.0, 3.0, -np.inf])
        above = probability_above(values, 2.0, 0.5)
        np.testing.assert_array_equal(above, [0.0, 0.25, 0.5, 1.0, 0.0])


if __name__ == "__main__":
    unittest.main()
