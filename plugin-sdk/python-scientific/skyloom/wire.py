"""Arrow's buffers as NumPy arrays, and back.

A buffer of all batches lands in one array, one after the other: the host copies it there, and
nobody copies it again.
"""

import numpy as np

from .door import knock, part
from .errors import PluginError

_DTYPES = {
    "c": np.int8, "C": np.uint8, "s": np.int16, "S": np.uint16,
    "i": np.int32, "I": np.uint32, "l": np.int64, "L": np.uint64,
    "e": np.float16, "f": np.float32, "g": np.float64,
}  # fmt: skip
_TIME_UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}


class Lists:
    """A column of lists: `values[offsets[i]:offsets[i + 1]]` are those of row `i`. `values` is
    a column like any other, or a dict of columns where the items are structs. `mask` is true
    where a list is null, or None. As a sequence, it gives the values of each row."""

    def __init__(self, offsets, values, mask=None):
        self.offsets = np.asarray(offsets, np.int64)
        self.values = values
        self.mask = mask

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, row):
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step != 1:
                raise ValueError("lists are cut in ranges of rows")
            offsets = self.offsets[start : max(stop, start) + 1]
            mask = None if self.mask is None else self.mask[start:stop]
            return Lists(offsets - offsets[0], _cut(self.values, offsets[0], offsets[-1]), mask)
        if row < 0:
            row += len(self)
        if not 0 <= row < len(self):
            raise IndexError(row)
        if self.mask is not None and self.mask[row]:
            return None
        return _cut(self.values, self.offsets[row], self.offsets[row + 1])


def _cut(values, start, stop):
    if isinstance(values, dict):
        return {name: column[start:stop] for name, column in values.items()}
    return values[start:stop]


class _Array:
    """One Arrow array of all batches: rows of each, validity and buffers of all."""

    def __init__(self, layouts):
        self.rows = [layout["rows"] for layout in layouts]
        self.at = []
        self.validity, self.validity_lengths = None, None
        if any(layout["validity"] is not None for layout in layouts):
            self.validity_lengths = [layout["validity"] for layout in layouts]
            self.validity = np.empty(sum(n or 0 for n in self.validity_lengths), np.uint8)
        count = max((len(layout["buffers"]) for layout in layouts), default=0)
        self.lengths = [[layout["buffers"][i] for layout in layouts] for i in range(count)]
        self.buffers = [np.empty(sum(lengths), np.uint8) for lengths in self.lengths]

    def places(self, batch):
        """Where the buffers of a batch go, validity first if it has one."""
        places = []
        if self.validity is not None and self.validity_lengths[batch] is not None:
            before = sum(n or 0 for n in self.validity_lengths[:batch])
            places.append(_address(self.validity, before))
        for buffer, lengths in zip(self.buffers, self.lengths):
            places.append(_address(buffer, sum(lengths[:batch])))
        return places

    def mask(self):
        """True where null; None if nothing is."""
        if self.validity is None:
            return None
        mask, at = [], 0
        for rows, length in zip(self.rows, self.validity_lengths):
            if length is None:
                mask.append(np.zeros(rows, bool))
                continue
            mask.append(~_bits(self.validity[at : at + length], rows))
            at += length
        mask = np.concatenate(mask)
        return mask if mask.any() else None

    def truths(self):
        """The values of an array of truth values."""
        bits, at = [np.zeros(0, bool)], 0
        for rows, length in zip(self.rows, self.lengths[0]):
            bits.append(_bits(self.buffers[0][at : at + length], rows))
            at += length
        return np.concatenate(bits)

    def offsets(self, dtype):
        """Offsets of all batches, as if they were one."""
        size = np.dtype(dtype).itemsize
        joined, at, base = [np.zeros(1, np.int64)], 0, 0
        for rows, length in zip(self.rows, self.lengths[0]):
            offsets = self.buffers[0][at : at + (rows + 1) * size].view(dtype)
            joined.append(offsets[1:].astype(np.int64) + base)
            base += int(offsets[-1])
            at += length
        return np.concatenate(joined)


def _address(array, offset):
    return part(array)[0] + offset


def _bits(packed, rows):
    return np.unpackbits(packed, count=rows, bitorder="little").astype(bool)


def load(index, place, field):
    """A column of an input."""
    batches = knock("load", input=index, column=place)
    arrays = [_Array(layouts) for layouts in zip(*batches)]
    if not batches:
        arrays = [_Array([]) for _ in range(_count(field))]
    places = [
        place for batch in range(len(batches)) for array in arrays for place in array.places(batch)
    ]
    knock("fill", at=places)
    return _column(field, iter(arrays))


def _count(field):
    return 1 + sum(_count(child) for child in field.children)


def _masked(data, mask):
    return np.ma.MaskedArray(data, np.ma.nomask if mask is None else mask)


def _column(field, arrays):
    array = next(arrays)
    mask, format = array.mask(), field.format
    rows = sum(array.rows)
    if field.dictionary:
        return _words(field, array, arrays, mask)
    if format in _DTYPES:
        return _masked(_values(array, _DTYPES[format]), mask)
    if format == "b":
        return _masked(array.truths() if array.buffers else np.zeros(0, bool), mask)
    if format == "n":
        return np.full(rows, None, object)
    if format in ("u", "U", "z", "Z"):
        return _texts(format, array, mask)
    if format == "tdD":
        return _masked(_values(array, np.int32).astype("M8[D]"), mask)
    if format == "tdm":
        return _masked(_values(array, "M8[ms]"), mask)
    if format.startswith("ts"):
        return _masked(_values(array, f"M8[{_TIME_UNITS[format[2]]}]"), mask)
    if format.startswith("tD"):
        return _masked(_values(array, f"m8[{_TIME_UNITS[format[2]]}]"), mask)
    if format in ("+l", "+L"):
        offsets = np.zeros(1, np.int64)
        if array.buffers:
            offsets = array.offsets(np.int32 if format == "+l" else np.int64)
        return Lists(offsets, _column(field.children[0], arrays), mask)
    if format.startswith("+w:"):
        offsets = np.arange(rows + 1) * int(format[3:])
        return Lists(offsets, _column(field.children[0], arrays), mask)
    if format == "+s":
        return {child.name: _column(child, arrays) for child in field.children}
    raise PluginError(
        f"column `{field.name}` is of type {field.type_name}, which scientific Python does not read"
    )


def _values(array, dtype):
    if not array.buffers:
        return np.empty(0, dtype)
    return array.buffers[0].view(dtype)


def _texts(format, array, mask):
    rows = sum(array.rows)
    texts = np.full(rows, None, object)
    if not rows:
        return texts
    offsets = array.offsets(np.int64 if format.isupper() else np.int32).tolist()
    data = array.buffers[1].tobytes()
    if format in "uU":
        joined = data.decode()
        if len(joined) == len(data):
            data = joined  # ASCII: cut where the bytes are
    is_text = format in "uU" and isinstance(data, bytes)
    for row in range(rows):
        text = data[offsets[row] : offsets[row + 1]]
        texts[row] = text.decode() if is_text else text
    if mask is not None:
        texts[mask] = None
    return texts


def _words(field, array, arrays, mask):
    """A dictionary column: its words lie in another array, each batch with its own."""
    keys = _values(array, _DTYPES[field.format]).astype(np.int64)
    peek = next(arrays)
    words = _column(field.children[0], iter([peek, *arrays]))
    at, base = 0, 0
    for rows, count in zip(array.rows, peek.rows):
        keys[at : at + rows] += base
        at, base = at + rows, base + count
    if mask is not None:
        keys[mask] = 0
    if len(words) == 0:
        return np.full(len(keys), None, object)
    found = words[keys]
    if mask is not None:
        if isinstance(found, np.ma.MaskedArray):
            found[mask] = np.ma.masked
        else:
            found[mask] = None
    return found


class Column:
    """A new column, checked against its field, ready to be sent in parts."""

    def __init__(self, field, values, rows):
        self.field = field
        self.name = field.name
        if len(values) != rows:
            raise PluginError(f"column `{self.name}` has {len(values)} values for {rows} rows")
        if field.format in _DTYPES:
            self.data, self.mask = self._numbers(values, _DTYPES[field.format])
        elif field.format == "b":
            self.data, self.mask = self._numbers(values, np.bool_)
        elif field.format == "u":
            self.data, self.mask = values, np.fromiter((v is None for v in values), bool, rows)
        elif field.format == "+l":
            self.data, self.mask = self._lists(values)
        else:
            raise PluginError(
                f"column `{self.name}` is of type {field.type_name}, which scientific Python does not write"
            )
        if self.mask is not None and not self.mask.any():
            self.mask = None
        if self.mask is not None and not field.nullable:
            raise PluginError(
                f"column `{self.name}` holds nulls, and its field says that it has none"
            )

    def _numbers(self, values, dtype):
        mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
        data = np.ma.getdata(values)
        if data.dtype == object:
            mask = np.fromiter((v is None for v in data), bool, len(data))
            data = np.array([0 if v is None else v for v in data])
        if data.ndim != 1:
            raise PluginError(f"column `{self.name}` has {data.ndim} dimensions, not one")
        if mask is None and data.dtype.kind == "f" and self.field.nullable:
            mask = np.isnan(data)
        if not np.can_cast(data.dtype, dtype, "same_kind"):
            raise PluginError(
                f"column `{self.name}` is declared as {self.field.type_name}, and cannot be made of {data.dtype}"
            )
        with np.errstate(all="ignore"):
            cast = np.ascontiguousarray(data, dtype)
        if data.dtype.kind in "iu" and np.dtype(dtype).kind in "iu" and (cast != data).any():
            raise PluginError(
                f"column `{self.name}` holds numbers too large for {self.field.type_name}"
            )
        return cast, mask

    def _lists(self, values):
        if isinstance(values, Lists):
            return values, values.mask
        mask = np.fromiter((v is None for v in values), bool, len(values))
        lengths = np.fromiter((0 if v is None else len(v) for v in values), np.int64, len(values))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        item = [v for v in values if v is not None]
        joined = np.concatenate([np.asarray(v) for v in item]) if item else np.zeros(0)
        return Lists(offsets, joined, mask), mask

    def part(self, start, stop):
        """Rows in this range, as a list of arrays in preorder: rows, validity, buffers."""
        validity = None
        if self.mask is not None:
            validity = np.packbits(~self.mask[start:stop], bitorder="little")
        rows = stop - start
        if self.field.format == "u":
            return [(rows, validity, _encoded(self.data[start:stop]))]
        if self.field.format == "b":
            return [(rows, validity, [np.packbits(self.data[start:stop], bitorder="little")])]
        if self.field.format == "+l":
            lists = self.data[start:stop]
            item = Column(self.field.children[0], lists.values, int(lists.offsets[-1]))
            offsets = [lists.offsets.astype(np.int32)]
            return [(rows, validity, offsets), *item.part(0, int(lists.offsets[-1]))]
        return [(rows, validity, [self.data[start:stop]])]


def _encoded(texts):
    encoded = [b"" if text is None else str(text).encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise PluginError("a batch of text holds more than 2 GiB")
    return [offsets.astype(np.int32), np.frombuffer(b"".join(encoded), np.uint8)]


def emit(output, source, keep, columns, start, stop):
    """Sends rows of columns to an output."""
    arrays = [array for column in columns for array in column.part(start, stop)]
    packed = None if keep is None else np.packbits(keep, bitorder="little")
    knock(
        "emit",
        output=output,
        source=source,
        keep=None if packed is None else part(packed),
        columns=[
            {
                "rows": rows,
                "validity": None if validity is None else part(validity),
                "buffers": [part(buffer) for buffer in buffers],
            }
            for rows, validity, buffers in arrays
        ],
    )
