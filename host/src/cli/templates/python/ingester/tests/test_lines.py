"""Text to fields, without Skyloom."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lines import LineError, Lines, widen


def rows(*pieces: str) -> list[list[str | None]]:
    lines = Lines("#", ["-"], 2)
    last = len(pieces) - 1
    found = [lines.take(piece.encode(), at == last) for at, piece in enumerate(pieces)]
    return [row for part in found for row in part]


class Fields(unittest.TestCase):
    def test_fields_are_words(self) -> None:
        expected = [["a", "1.5"], ["b", None]]
        self.assertEqual(rows("# star mag\n\n a   1.5\r\nb\t-\n"), expected)
        # Wherever the text is cut, and without the last newline.
        self.assertEqual(rows("# star", " mag\n\n a  ", " 1.5\r", "\nb\t-"), expected)

    def test_a_ragged_line_is_named(self) -> None:
        with self.assertRaisesRegex(LineError, "^line 3 has 3 fields, but `columns` names 2;"):
            rows("a 1\n# x\nb 2", " 3\n")

    def test_a_line_that_is_no_text_is_named(self) -> None:
        with self.assertRaisesRegex(LineError, "^line 2 is not UTF-8"):
            Lines("#", [], 2).take(b"a 1\n\xff 2\n", True)

    def test_columns_of_numbers_are_told_from_text(self) -> None:
        numbers = [True, True]
        for row in rows("1 -\n2 -1e3\nx 3\n"):
            widen(numbers, row)
        self.assertEqual(numbers, [False, True])


if __name__ == "__main__":
    unittest.main()
