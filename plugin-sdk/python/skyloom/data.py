"""Batches pulled, batches emitted.

Who holds the data is behind four small classes of the host's side; tests may have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from .column import Column, Lists, Numbers, build, pack_bits
from .errors import MissingColumn, PluginError, WrongType
from .schema import Field, Type


class Rows(Protocol):
    """One batch of a table, whoever holds it."""

    def rows(self) -> int: ...

    def column(self, index: int, type: Type) -> Column: ...


class Table(Protocol):
    """A table, whoever holds it."""

    def next(self) -> Rows | None: ...

    def rewind(self) -> None: ...

    def rows(self) -> int: ...


class Sink(Protocol):
    """Where output goes, whoever takes it."""

    def put(self, columns: Sequence[Column]) -> None: ...

    def derive(self, source: Rows, keep: bytes | None, columns: Sequence[Column]) -> None: ...

    def cut(self) -> None: ...


class Bytes(Protocol):
    """A file, whoever holds it."""

    def name(self) -> str: ...

    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


class Reader:
    """Reads the table on an input port, batch by batch."""

    def __init__(self, port: str, fields: list[Field], table: Table) -> None:
        self._port = port
        self._table = table
        #: The table's columns that `bind` declared.
        self.fields = fields

    def rows(self) -> int:
        """Rows in all batches together."""
        return self._table.rows()

    def next(self) -> Batch | None:
        """The next batch, or none at the end. Rows keep the source's order."""
        rows = self._table.next()
        return None if rows is None else Batch(self._port, self.fields, rows)

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self.next()) is not None:
            yield batch

    def rewind(self) -> None:
        """Back to the first batch."""
        self._table.rewind()


class Batch:
    """Some rows of a table. Columns come over the border when they are asked for."""

    def __init__(self, port: str, fields: list[Field], rows: Rows) -> None:
        self._port = port
        self._rows = rows
        self._loaded: dict[int, Column] = {}
        #: The table's columns that `bind` declared.
        self.fields = fields
        #: The number of rows.
        self.rows = rows.rows()

    def __len__(self) -> int:
        return self.rows

    def _find(self, column: str) -> int:
        for index, found in enumerate(self.fields):
            if found.name == column:
                return index
        raise MissingColumn(self._port, column)

    def column(self, column: str | int) -> Column:
        """A column as it is, by its name or its place among those that `bind` declared."""
        index = column if isinstance(column, int) else self._find(column)
        if index not in self._loaded:
            self._loaded[index] = self._rows.column(index, self.fields[index].type)
        return self._loaded[index]

    def _of(self, column: str, expected: str, check: Callable[[Type], bool]) -> Column:
        found = self.column(column)
        if not check(found.type):
            raise WrongType(self._port, column, None, expected, str(found.type))
        return found

    def numbers(self, column: str) -> Numbers:
        """A column of any number type as floats, None where there is none."""
        return Numbers(self._of(column, "a number", lambda kind: kind.is_number))

    def strings(self, column: str) -> list[str | None]:
        """A column of text, plain or dictionary-encoded, None where there is none."""
        return self._of(column, "text", lambda kind: kind.is_text).to_list()

    def booleans(self, column: str) -> list[bool | None]:
        """A column of truth values, None where there is none."""
        return self._of(column, "boolean", lambda kind: kind.format == "b").to_list()

    def lists(self, column: str) -> Lists:
        """A column of lists, such as light curves: for each row its items, or None."""
        return Lists(self._of(column, "a list", lambda kind: kind.is_list))


class Writer:
    """Writes the table on an output port."""

    def __init__(self, fields: list[Field], sink: Sink) -> None:
        """`fields` are the new columns, in order. For hosts and tests."""
        self._sink = sink
        #: The new columns, in order, as `bind` declared them.
        self.fields = fields

    def _built(self, columns: Iterable[Any], rows: int | None) -> list[Column]:
        columns = list(columns)
        if len(columns) != len(self.fields):
            raise PluginError(f"{len(columns)} columns emitted; bind said {len(self.fields)}")
        built = []
        for field, values in zip(self.fields, columns):
            try:
                column = build(field.type, values)
            except PluginError as error:
                raise PluginError(f"new column `{field.name}`: {error}") from error
            rows = column.rows if rows is None else rows
            if column.rows != rows:
                raise PluginError(f"new column `{field.name}` has {column.rows} rows, not {rows}")
            built.append(column)
        return built

    def put(self, columns: Iterable[Any]) -> None:
        """Appends a batch of new columns, in the order that `bind` declared them."""
        self._sink.put(self._built(columns, None))

    def derive(self, batch: Batch, columns: Iterable[Any]) -> None:
        """Appends the rows of `batch`: passed columns from there, new ones from `columns`."""
        self._sink.derive(batch._rows, None, self._built(columns, batch.rows))

    def select(self, batch: Batch, keep: Sequence[bool], columns: Iterable[Any] = ()) -> None:
        """As `derive`, with only the rows to `keep`. `columns` has only those rows."""
        if len(keep) != batch.rows:
            raise PluginError(f"{len(keep)} rows judged, of {batch.rows}")
        kept = sum(map(bool, keep))
        self._sink.derive(batch._rows, pack_bits(keep), self._built(columns, kept))

    def cut(self) -> None:
        """Ends this partition and begins the next; for ingesters and simulators."""
        self._sink.cut()


class Blob:
    """A file as it lies on disk."""

    def __init__(self, bytes: Bytes) -> None:
        self._bytes = bytes

    def name(self) -> str:
        """The file's name, without folders."""
        return self._bytes.name()

    def size(self) -> int:
        """Bytes in all."""
        return self._bytes.size()

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer at the end of the file."""
        return self._bytes.read(offset, length)

    def chunks(self, length: int = 1 << 20) -> Iterator[bytes]:
        """All bytes in order, `length` at a time."""
        position, size = 0, self.size()
        while position < size:
            chunk = self.read(position, length)
            position += len(chunk)
            yield chunk


class Task:
    """What one run is given: its inputs, its outputs, and which piece of the work it is."""

    def __init__(
        self,
        inputs: dict[str, Reader | Blob],
        outputs: dict[str, Writer],
        piece: tuple[int, int] = (0, 1),
        log: Callable[[str, str], None] = lambda level, message: None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Puts a task together; for hosts and tests."""
        self._inputs = inputs
        self._outputs = outputs
        self._log = log
        #: Which of the pieces that `bind` asked for this is: index and count.
        self.piece = piece
        #: How far this run is, in whatever it counts: done, and total or 0.
        self.progress = progress

    def input(self, port: str) -> Reader:
        """The table on input `port`."""
        found = self._inputs.get(port)
        if not isinstance(found, Reader):
            raise PluginError(f"no table on input `{port}`")
        return found

    def blob(self, port: str) -> Blob:
        """The file on input `port`."""
        found = self._inputs.get(port)
        if not isinstance(found, Blob):
            raise PluginError(f"no file on input `{port}`")
        return found

    def is_connected(self, port: str) -> bool:
        """Whether anything is connected to input `port`."""
        return port in self._inputs

    def output(self, port: str) -> Writer:
        """The table to write on output `port`."""
        if port not in self._outputs:
            raise PluginError(f"no output `{port}`")
        return self._outputs[port]

    def first(self) -> tuple[Reader, Writer]:
        """The first input and the first output."""
        reader = next(iter(self._inputs.values()), None)
        writer = next(iter(self._outputs.values()), None)
        if not isinstance(reader, Reader) or writer is None:
            raise PluginError("`map` needs a table as first input, and an output")
        return reader, writer

    def warn(self, message: str) -> None:
        """Tells the user; kept in the run record."""
        self._log("warn", message)

    def info(self, message: str) -> None:
        """For those who look closely; kept in the run record."""
        self._log("info", message)


def each(function: Callable[..., Any], *columns: Iterable[Any]) -> list[Any]:
    """`function` of each row's values; None where one of them is None."""
    if len(columns) == 1:
        return [None if value is None else function(value) for value in columns[0]]
    return [None if None in values else function(*values) for values in zip(*columns)]
