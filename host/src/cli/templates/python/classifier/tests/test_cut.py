"""The rule, without Skyloom."""

import sys
import unittest
from math import inf, nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cut import probability_above


class Cut(unittest.TestCase):
    def test_a_sharp_cut_knows_no_doubt(self) -> None:
        found = [probability_above(value, 2.0, 0.0) for value in (1.9, 2.0, inf, nan)]
        self.assertEqual(found, [0.0, 1.0, 1.0, None])

    def test_a_blurred_cut_is_even_at_the_threshold(self) -> None:
        found = [probability_above(value, 2.0, 0.5) for value in (1.0, 1.75, 2.0, 3.0, -inf)]
        self.assertEqual(found, [0.0, 0.25, 0.5, 1.0, 0.0])


if __name__ == "__main__":
    unittest.main()
