"""Taking text apart, without a host: `python -m unittest discover tests`."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from lines import LineError, is_number, rows_of


class Lines(unittest.TestCase):
    def test_fields_are_words(self):
        text = b"# star mag\n\n a   1.5\r\nb\t-\n"
        self.assertEqual(rows_of(text, "#", ["-"], 2), [["a", "1.5"], ["b", None]])

    def test_a_ragged_line_is_named(self):
        with self.assertRaisesRegex(LineError, "line 3 has 3 fields"):
            rows_of(b"a 1\n# x\nb 2 3\n", "#", ["-"], 2)

    def test_numbers_are_told_from_text(self):
        for word in ["1", "-1e3", ".5", "2.", "inf", "NaN"]:
            self.assertTrue(is_number(word), word)
        for word in ["x", "1_000", "", "e3", "0x1", "."]:
            self.assertFalse(is_number(word), word)


if __name__ == "__main__":
    unittest.main()
