"""The method, without a host: `python -m unittest discover tests`, with scikit-learn installed."""

import sys
import unittest
from pathlib import Path

try:
    import numpy as np
    import sklearn  # noqa: F401  (what the science imports)
except ImportError:
    raise unittest.SkipTest("scikit-learn is not here; `pip install scikit-learn`") from None

sys.path.insert(0, str(Path(__file__).parent.parent))

from isolation import colours, outlier_scores


class Isolation(unittest.TestCase):
    def test_colours_are_of_neighbours(self):
        made = colours(np.array([[18.0, 17.0, 16.5]]))
        np.testing.assert_array_equal(made, [[1.0, 0.5]])

    def test_what_lies_apart_scores_highest(self):
        points = np.random.default_rng(1).normal(size=(200, 2))
        points[7] = [20.0, -20.0]
        scores = outlier_scores(points, trees=50, sample=64, seed=0)
        self.assertEqual(np.argmax(scores), 7)
        self.assertTrue((scores > 0).all() and (scores <= 1).all())

    def test_an_incomplete_point_has_no_score_and_changes_none(self):
        points = np.random.default_rng(1).normal(size=(50, 2))
        without = outlier_scores(points, trees=20, sample=16, seed=0)
        with_one = outlier_scores(np.vstack([points, [[np.nan, 0.0]]]), 20, 16, 0)
        np.testing.assert_array_equal(with_one[:50], without)
        self.assertTrue(np.isnan(with_one[50]))

    def test_one_point_is_too_few(self):
        with self.assertRaises(ValueError):
            outlier_scores(np.array([[0.0, 1.0]]), trees=10, sample=16, seed=0)


if __name__ == "__main__":
    unittest.main()
