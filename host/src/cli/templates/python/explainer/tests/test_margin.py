"""The formula, without Skyloom."""

import sys
import unittest
from math import inf, nan
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from margin import margin_of


class Margin(unittest.TestCase):
    def test_margins_are_counted_from_the_threshold(self) -> None:
        found = [margin_of(value, 2.0, 0.0) for value in (1.5, 2.0, 3.0)]
        self.assertEqual(found, [-0.5, 0.0, 1.0])

    def test_a_width_is_their_unit(self) -> None:
        found = [margin_of(value, 2.0, 0.5) for value in (1.5, 2.0, 3.0)]
        self.assertEqual(found, [-1.0, 0.0, 2.0])

    def test_without_a_number_there_is_none(self) -> None:
        for value in (nan, inf, -inf, 1.7e308):
            self.assertIsNone(margin_of(value, 2.0, 0.5))


if __name__ == "__main__":
    unittest.main()
