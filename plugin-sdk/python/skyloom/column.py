"""Columns: bytes as the host handed them over, and Python values from and to them.

Numbers are memoryviews over those bytes: nothing is copied until a value is asked for.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any

from .errors import PluginError
from .schema import FLOATS, INTEGERS, Field, Type

#: The code of `memoryview` and `array` for each format of fixed width that has one.
_CODES = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}
_CODES |= {"f": "f", "g": "d", "tdD": "i", "tdm": "q", "tts": "i", "ttm": "i"}
_CODES |= {"ttu": "q", "ttn": "q", "tiM": "i"}
#: Those that need taking apart. Half floats are here, for `array` has none.
_STRUCTS = {"e": Struct("<e"), "tiD": Struct("<ii"), "tin": Struct("<iiq")}
#: Which rows the bits of a byte say are there, the least significant first.
_BITS = [tuple(byte >> bit & 1 for bit in range(8)) for byte in range(256)]


def code_of(format: str) -> str | None:
    """How `memoryview.cast` calls the values of this format, where it has a name for them."""
    if format.startswith(("ts", "tD")):
        return "q"
    return _CODES.get(format)


class Column:
    """An Arrow array: rows, which of them are there, buffers, and the arrays inside."""

    __slots__ = ("type", "rows", "validity", "buffers", "children")

    def __init__(
        self,
        type: Type,
        rows: int,
        validity: bytes | None,
        buffers: Sequence[bytes],
        children: Sequence[Column] = (),
    ) -> None:
        self.type = type
        self.rows = rows
        #: One bit a row, least significant first, 1 for valid; none when nothing is null.
        self.validity = validity
        #: As the columnar format lays them out, without validity.
        self.buffers = buffers
        self.children = children

    def __len__(self) -> int:
        return self.rows

    def is_valid(self, row: int) -> bool:
        """Whether there is a value in this row."""
        if self.type.format == "n":
            return False
        return self.validity is None or bool(self.validity[row >> 3] >> (row & 7) & 1)

    def valid(self) -> list[int] | None:
        """For each row, whether there is a value; none when all have one."""
        return None if self.validity is None else _flags(self.validity, self.rows)

    @property
    def values(self) -> memoryview:
        """Numbers, dates and times as they are stored, whatever lies under a null. A view of
        the bytes that were handed over."""
        code = code_of(self.type.format)
        if code is None:
            raise PluginError(f"values of type {self.type} have no view; use `to_list()`")
        return memoryview(self.buffers[0]).cast(code)

    def to_list(self) -> list[Any]:
        """The values, None where there is none. Dates and times are integers in their unit,
        decimals integers without their point, structs dicts, maps lists of pairs."""
        if self.type.format == "n":
            return [None] * self.rows
        values = self._values()
        flags = self.valid()
        if flags is None:
            return values
        return [value if there else None for value, there in zip(values, flags)]

    def _values(self) -> list[Any]:
        kind, format = self.type, self.type.format
        if kind.is_dictionary:
            words = self.children[0].to_list()
            # A key under a null may point nowhere.
            return [words[key] if 0 <= key < len(words) else None for key in self.values.tolist()]
        if (code := code_of(format)) is not None:
            return memoryview(self.buffers[0]).cast(code).tolist()
        if format == "b":
            return [bool(bit) for bit in _flags(self.buffers[0], self.rows)]
        if format in _STRUCTS:
            taken = list(_STRUCTS[format].iter_unpack(self.buffers[0]))
            return [value for (value,) in taken] if format == "e" else taken
        if format in ("u", "U"):
            return _texts(self.buffers[0], self.buffers[1], format == "U")
        if format in ("z", "Z"):
            data = self.buffers[1]
            return [data[start:end] for start, end in _ranges(self.buffers[0], format == "Z")]
        if format.startswith("w:"):
            return _blocks(self.buffers[0], int(format[2:]), self.rows)
        if format.startswith("d:"):
            blocks = _blocks(self.buffers[0], 16, self.rows)
            return [int.from_bytes(block, "little", signed=True) for block in blocks]
        return self._nested()

    def _nested(self) -> list[Any]:
        format = self.type.format
        if format == "+s":
            names = [child.name for child in self.type.children]
            if not names:
                return [{} for _ in range(self.rows)]
            parts = zip(*(child.to_list() for child in self.children))
            return [dict(zip(names, part)) for part in parts]
        items = self.children[0].to_list()
        if format.startswith("+w:"):
            width = int(format[3:])
            return [items[row * width : (row + 1) * width] for row in range(self.rows)]
        if format == "+m":
            items = [None if item is None else tuple(item.values()) for item in items]
        return [items[start:end] for start, end in _ranges(self.buffers[0], format == "+L")]


def _flags(bits: bytes, rows: int) -> list[int]:
    flags: list[int] = []
    for byte in bits:
        flags += _BITS[byte]
    return flags[:rows]


def _blocks(data: bytes, width: int, rows: int) -> list[bytes]:
    return [data[row * width : (row + 1) * width] for row in range(rows)]


def _ranges(offsets: bytes, is_long: bool) -> Iterator[tuple[int, int]]:
    view = memoryview(offsets).cast("q" if is_long else "i").tolist()
    return zip(view, view[1:])


def _texts(offsets: bytes, data: bytes, is_long: bool) -> list[str]:
    ranges = _ranges(offsets, is_long)
    if data.isascii():
        text = data.decode("ascii")
        return [text[start:end] for start, end in ranges]
    return [data[start:end].decode() for start, end in ranges]


class Numbers(Sequence):
    """A column of any number type as floats, None where there is none. NaN is a number.

    Integers beyond 2**53 are rounded.
    """

    __slots__ = ("column", "_list")

    def __init__(self, column: Column) -> None:
        self.column = column
        self._list: list[float | None] | None = None

    @property
    def values(self) -> memoryview:
        """The numbers as they are stored, whatever lies under a null: no copy."""
        return self.column.values

    def valid(self) -> list[int] | None:
        """For each row, whether there is a number; none when all have one."""
        return self.column.valid()

    def to_list(self) -> list[float | None]:
        """The numbers, None where there is none."""
        if self._list is None:
            values = self.column.to_list()
            if self.column.type.format in INTEGERS:
                values = [None if value is None else float(value) for value in values]
            self._list = values
        return self._list

    def to_nan(self) -> list[float]:
        """The numbers, NaN where there is none."""
        return [math.nan if value is None else value for value in self.to_list()]

    def __len__(self) -> int:
        return self.column.rows

    def __getitem__(self, row):
        return self.to_list()[row]

    def __iter__(self) -> Iterator[float | None]:
        return iter(self.to_list())


class Lists(Sequence):
    """A column of lists, such as light curves: None, or the items of that row."""

    def __init__(self, column: Column) -> None:
        offsets = column.buffers[0]
        self._ranges = list(_ranges(offsets, column.type.format == "+L"))
        self._flags = column.valid()
        self._items = column.children[0]
        self._parts: dict[str | None, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._ranges)

    def __getitem__(self, row):
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        start, end = self._ranges[row]
        there = self._flags is None or self._flags[row]
        return Structs(self, start, end) if there else None

    def _part(self, name: str | None) -> Column:
        """The items, or what they have under this name."""
        if name is None:
            return self._items
        if self._items.type.is_struct:
            for field, child in zip(self._items.type.children, self._items.children):
                if field.name == name:
                    return child
        raise PluginError(f"the items of this column have no part `{name}`")

    def _list(self, name: str | None, of: Callable[[Column], list[Any]]) -> list[Any]:
        found = self._parts.get(name)
        if found is None:
            part = self._part(name)
            found = of(part)
            flags = None if name is None else self._items.valid()
            if flags is not None:
                found = [value if there else None for value, there in zip(found, flags)]
            self._parts[name] = found
        return found


class Structs:
    """The items of one list: points of a light curve, say, each with named parts."""

    __slots__ = ("_lists", "_start", "_end")

    def __init__(self, lists: Lists, start: int, end: int) -> None:
        self._lists = lists
        self._start = start
        self._end = end

    def __len__(self) -> int:
        return self._end - self._start

    def numbers(self, name: str | None = None) -> list[float | None]:
        """One part as floats, None where there is none; without a name, the items."""
        kind = self._lists._part(name).type
        if not kind.is_number:
            raise PluginError(f"`{name or 'item'}` is {kind}, not a number")
        return self._lists._list(name, lambda part: Numbers(part).to_list())[self._slice()]

    def strings(self, name: str | None = None) -> list[str | None]:
        """One part as text, None where there is none; without a name, the items."""
        kind = self._lists._part(name).type
        if not kind.is_text:
            raise PluginError(f"`{name or 'item'}` is {kind}, not text")
        return self._lists._list(name, Column.to_list)[self._slice()]

    def values(self, name: str) -> memoryview:
        """One part of numbers as it is stored, whatever lies under a null: no copy."""
        return self._lists._part(name).values[self._start : self._end]

    def _slice(self) -> slice:
        return slice(self._start, self._end)


def pack_bits(flags: Sequence[Any]) -> bytes:
    """One bit for each flag, least significant first."""
    if not flags:
        return b""
    digits = "".join(["1" if flag else "0" for flag in flags])
    return int(digits[::-1], 2).to_bytes((len(flags) + 7) // 8, "little")


def build(type: Type, values: Any) -> Column:
    """A column of this type: from values with None for null, from an `array` or `memoryview`
    of numbers, or from a column of that type.

    Raises `PluginError` when a value does not fit.
    """
    if isinstance(values, Numbers):
        values = values.column if values.column.type == type else values.to_list()
    if isinstance(values, Column):
        if not _same(values.type, type):
            raise PluginError(f"a column is {values.type}, not {type}")
        return values
    code = None if type.is_dictionary else code_of(type.format)
    if isinstance(values, (array, memoryview)) and code is not None:
        view = memoryview(values)
        if view.format == code or code in "qQ" and view.format in ("l", "L") and view.itemsize == 8:
            return Column(type, len(view), None, [view.tobytes()])
    values = values if isinstance(values, (list, tuple)) else list(values)
    try:
        return _build(type, values)
    except (TypeError, ValueError, OverflowError, AttributeError, KeyError) as error:
        raise PluginError(f"a value does not fit a column of {type}: {error}") from error


def _same(left: Type, right: Type) -> bool:
    """Whether two types are one, whatever their metadata."""
    if (left.format, left.is_dictionary) != (right.format, right.is_dictionary):
        return False
    pairs = list(zip(left.children, right.children))
    return len(left.children) == len(right.children) and all(_same(a.type, b.type) for a, b in pairs)


def _build(type: Type, values: Sequence[Any]) -> Column:
    format, rows = type.format, len(values)
    if format == "n":
        return Column(type, rows, None, [])
    validity = None
    if None in values:
        validity = pack_bits([value is not None for value in values])
    if type.is_dictionary:
        return _dictionary(type, values, validity)
    if (code := code_of(format)) is not None:
        filled = values if validity is None else [0 if v is None else v for v in values]
        return Column(type, rows, validity, [array(code, filled).tobytes()])
    if format == "b":
        return Column(type, rows, validity, [pack_bits(values)])
    if format in _STRUCTS:
        return Column(type, rows, validity, [_structs(format, values)])
    if format in ("u", "U", "z", "Z"):
        parts = [b"" if value is None else value for value in values]
        if format in ("u", "U"):
            parts = [b"" if value is None else value.encode() for value in values]
        offsets = _offsets(map(len, parts), format in ("U", "Z"))
        return Column(type, rows, validity, [offsets, b"".join(parts)])
    if format.startswith("w:"):
        width = int(format[2:])
        blocks = [bytes(width) if value is None else value for value in values]
        if any(len(block) != width for block in blocks):
            raise ValueError(f"bytes of another width than {width}")
        return Column(type, rows, validity, [b"".join(blocks)])
    if format.startswith("d:"):
        blocks = [int(value or 0).to_bytes(16, "little", signed=True) for value in values]
        return Column(type, rows, validity, [b"".join(blocks)])
    return _build_nested(type, values, validity)


def _structs(format: str, values: Sequence[Any]) -> bytes:
    shape = _STRUCTS[format]
    if format == "e":
        return b"".join(shape.pack(0.0 if value is None else value) for value in values)
    empty = (0,) * (2 if format == "tiD" else 3)
    return b"".join(shape.pack(*(empty if value is None else value)) for value in values)


def _offsets(lengths: Any, is_long: bool) -> bytes:
    offsets = array("q" if is_long else "i", [0])
    end = 0
    for length in lengths:
        end += length
        offsets.append(end)
    return offsets.tobytes()


def _dictionary(type: Type, values: Sequence[Any], validity: bytes | None) -> Column:
    places: dict[Any, int] = {}
    words: list[Any] = []
    keys = []
    for value in values:
        # Zeros of both signs are equal, and two words.
        word = (value, math.copysign(1.0, value)) if isinstance(value, float) else value
        if value is not None and word not in places:
            places[word] = len(words)
            words.append(value)
        keys.append(0 if value is None else places[word])
    child = _build(type.children[0].type, words)
    return Column(type, len(values), validity, [array(_CODES[type.format], keys).tobytes()], [child])


def _build_nested(type: Type, values: Sequence[Any], validity: bytes | None) -> Column:
    format, rows = type.format, len(values)
    if format == "+s":
        filled = [_zero(type) if value is None else value for value in values]
        children = [
            _child(child, [value[child.name] for value in filled]) for child in type.children
        ]
        return Column(type, rows, validity, [], children)
    item = type.children[0]
    if format.startswith("+w:"):
        width = int(format[3:])
        empty = [_zero_of(item)] * width
        filled = [empty if value is None else value for value in values]
        if any(len(value) != width for value in filled):
            raise ValueError(f"lists of another length than {width}")
        items = [each for value in filled for each in value]
        return Column(type, rows, validity, [], [_child(item, items)])
    filled = [() if value is None else value for value in values]
    items = [each for value in filled for each in value]
    if format == "+m":
        names = [child.name for child in item.type.children]
        items = [dict(zip(names, pair)) for pair in items]
    offsets = _offsets(map(len, filled), format == "+L")
    return Column(type, rows, validity, [offsets], [_child(item, items)])


def _child(field: Field, values: list[Any]) -> Column:
    if not field.nullable and None in values and field.type.format != "n":
        raise ValueError(f"`{field.name}` may not be null")
    return _build(field.type, values)


def _zero_of(field: Field) -> Any:
    return None if field.nullable else _zero(field.type)


def _zero(type: Type) -> Any:
    """What lies under a null whose parts may not be null themselves."""
    format = type.format
    if type.is_dictionary:
        return _zero(type.children[0].type)
    if format == "+s":
        return {child.name: _zero_of(child) for child in type.children}
    if format.startswith("+w:"):
        return [_zero_of(type.children[0])] * int(format[3:])
    if format.startswith("+"):
        return []
    if format in ("u", "U"):
        return ""
    if format in ("z", "Z"):
        return b""
    if format.startswith("w:"):
        return bytes(int(format[2:]))
    if format in ("tiD", "tin"):
        return (0,) * (2 if format == "tiD" else 3)
    return 0.0 if format in FLOATS else 0
