"""Text to fields."""

import re

# What reads as a number in Rust, so that plugins in all languages agree: no underscores, no
# other digits than these.
_NUMBER = re.compile(
    r"[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)", re.ASCII | re.IGNORECASE
)


class LineError(Exception):
    """A line is no row; the message names it. Lines count from 1."""


def rows_of(text: bytes, comment: str, missing: list, columns: int) -> list:
    """The fields of each line, None where a word in `missing` stands for a missing value.

    Lines that begin with `comment` are left out, as are empty ones.

    Raises:
        LineError: for the first line that is not UTF-8 or has another number of fields.
    """
    rows = []
    for number, line in enumerate(text.removesuffix(b"\n").split(b"\n"), 1):
        try:
            words = line.decode().strip()
        except UnicodeDecodeError:
            raise LineError(
                f"line {number} is not UTF-8; convert the file, say with `iconv`"
            ) from None
        if not words or (comment and words.startswith(comment)):
            continue
        row = [None if word in missing else word for word in words.split()]
        if len(row) != columns:
            raise LineError(
                f"line {number} has {len(row)} fields, but `columns` names {columns}; "
                "name all columns, or mend the line"
            )
        rows.append(row)
    return rows


def is_number(word: str) -> bool:
    """Whether a word reads as a number."""
    return _NUMBER.fullmatch(word) is not None
