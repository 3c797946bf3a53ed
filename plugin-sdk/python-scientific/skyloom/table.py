"""Inputs of a run, as NumPy arrays."""

import numpy as np

from . import wire
from .door import knock, part
from .errors import PluginError


class Table:
    """The rows of an input: all of the partition, or of all partitions where the plugin's
    scope is whole. `table[name]` gives a column; it is copied in when it is first asked for.

    - numbers, truth values, dates and times: a masked array, masked where null;
    - text and bytes: an array of objects, None where null;
    - lists: a `Lists`; structs: a dict of columns.
    """

    def __init__(self, index, fields, rows):
        self._index = index
        self._places = {field.name: place for place, field in enumerate(fields)}
        self._columns = {}
        self.fields = fields
        self.rows = rows

    def __len__(self):
        return self.rows

    def __contains__(self, name):
        return name in self._places

    def __getitem__(self, name):
        if name not in self._columns:
            place = self._place(name)
            self._columns[name] = wire.load(self._index, place, self.fields[place])
        return self._columns[name]

    def field(self, name):
        """Name, type and metadata of a column."""
        return self.fields[self._place(name)]

    def floats(self, *names):
        """Columns of numbers as float64, NaN where null: an array of rows for one name, else
        an array of rows by names."""
        if len(names) != 1:
            matrix = np.empty((self.rows, len(names)))
            for place, name in enumerate(names):
                matrix[:, place] = self.floats(name)
            return matrix
        column = self[names[0]]
        if not isinstance(column, np.ma.MaskedArray):
            raise PluginError(f"column `{names[0]}` is no column of numbers")
        if column.mask is np.ma.nomask:
            return column.data.astype(np.float64, copy=False)
        floats = column.data.astype(np.float64)
        floats[column.mask] = np.nan
        return floats

    def _place(self, name):
        if name not in self._places:
            raise PluginError(f"`bind` did not declare that column `{name}` is read")
        return self._places[name]


class Blob:
    """A file as it lies on disk: `name`, `size`, and its bytes."""

    def __init__(self, index, name, size):
        self._index = index
        self.name = name
        self.size = size

    def read(self, offset, length):
        """Bytes from `offset` on; fewer at the end."""
        length = min(length, max(self.size - offset, 0))
        buffer = np.empty(length, np.uint8)
        at, _ = part(buffer)
        count = knock("read", input=self._index, offset=offset, at=at, length=length)
        return buffer[:count].tobytes()

    def bytes(self):
        """All of it."""
        return self.read(0, self.size)


class Kept:
    """The rows that go on, and their new columns: `keep` is true for each row of the input
    that goes on, and `columns` hold a value for each of these."""

    def __init__(self, keep, columns=None):
        self.keep = np.asarray(keep, dtype=bool)
        self.columns = columns or {}
