"""Text to fields."""

import re

#: What stands between two fields: Unicode's white space.
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
WORD = re.compile(f"[^{SPACE}]+")
#: A decimal number, infinity or NaN.
NUMBER = re.compile(
    r"[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)", re.ASCII | re.IGNORECASE
)

#: The fields of one line; None where a word stands for a missing value.
Row = list[str | None]


class LineError(Exception):
    """What is wrong with a text, and on which line; lines count from 1."""


class Lines:
    """Makes rows of a text that comes in pieces.

    Lines that begin with `comment` are left out, as are empty ones; the words in `missing` stand
    for missing values.
    """

    def __init__(self, comment: str, missing: list[str], columns: int) -> None:
        self._comment = comment
        self._missing = frozenset(missing)
        self._columns = columns
        #: Lines that are complete.
        self._line = 0
        #: The beginning of the next line.
        self._rest = b""

    def take(self, data: bytes, is_last: bool) -> list[Row]:
        """The rows that are complete once `data` are added; with `is_last`, all that are left.

        Raises `LineError` for the first line that is no row.
        """
        data = self._rest + data
        end = len(data) if is_last else data.rfind(b"\n") + 1
        self._rest = data[end:]
        if end == 0:
            return []
        rows = []
        for line in data[:end].removesuffix(b"\n").split(b"\n"):
            self._line += 1
            try:
                row = self._row(line.decode())
            except UnicodeDecodeError:
                raise LineError(
                    f"line {self._line} is not UTF-8; convert the file, say with `iconv`"
                ) from None
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, text: str) -> Row | None:
        words = WORD.findall(text)
        if not words:
            return None
        if self._comment and text[text.index(words[0]) :].startswith(self._comment):
            return None
        if len(words) != self._columns:
            raise LineError(
                f"line {self._line} has {len(words)} fields, but `columns` names "
                f"{self._columns}; name all columns, or mend the line"
            )
        return [None if word in self._missing else word for word in words]


def widen(numbers: list[bool], row: Row) -> None:
    """Notes the columns in which `row` has something else than a number."""
    for column, field in enumerate(row):
        if field is not None and not NUMBER.fullmatch(field):
            numbers[column] = False
