"""Parameters and input schemas in, output schemas out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from .errors import DataError, MissingColumn, ParamError, PluginError, WrongType, WrongUnit
from .schema import Field, Type


class Purpose(Enum):
    """What a column is read for; the host's leakage guard rests on it."""

    #: Learnt from, or predicted with.
    FEATURE = "feature"
    #: The truth that is learnt or scored.
    LABEL = "label"
    #: Says which row this is, or which rows belong together.
    KEY = "key"
    #: Weighs rows.
    WEIGHT = "weight"
    #: Anything else that new columns are computed from.
    VALUE = "value"


@dataclass
class TableSchema:
    """An output port's columns, and which of them are an input's: (field, input, column)."""

    fields: list[Field] = field(default_factory=list)
    passed: list[tuple[int, int, int]] = field(default_factory=list)


class Bind:
    """Gathers what a plugin declares about one node of a workflow."""

    def __init__(self, outputs: Iterable[str], inputs: Sequence[tuple[str, object]]) -> None:
        """`inputs` are ports with a list of fields, or with a file. For hosts and tests."""
        self._inputs = list(inputs)
        self.outputs = {port: TableSchema() for port in outputs}
        #: Columns that runs read: (input, column, purpose).
        self.reads: list[tuple[int, int, Purpose]] = []
        #: In how many runs the work is cut, each with a fresh instance, their outputs put
        #: together in order. Derive it from parameters and source only.
        self.pieces = 1
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        """What the user should know although nothing is wrong."""
        self.warnings.append(message)

    def _index(self, port: str) -> int:
        for index, (name, _) in enumerate(self._inputs):
            if name == port:
                return index
        raise PluginError(f"input `{port}` is not connected")

    def is_connected(self, port: str) -> bool:
        """Whether anything is connected to input `port`."""
        return any(name == port for name, _ in self._inputs)

    def fields(self, port: str) -> list[Field]:
        """The columns of the table on input `port`."""
        shape = self._inputs[self._index(port)][1]
        if not isinstance(shape, list):
            raise PluginError(f"input `{port}` is a file, not a table")
        return shape

    def blob(self, port: str):
        """The file on input `port`."""
        shape = self._inputs[self._index(port)][1]
        if isinstance(shape, list):
            raise PluginError(f"input `{port}` is a table, not a file")
        return shape

    def column(self, port: str, column: str, param: str | None = None) -> ColumnRef:
        """Looks at a column of the table on `port`; `param` is the parameter that named it.
        Nothing is declared until `read` of it is called.

        Raises `MissingColumn` when there is none of that name.
        """
        for index, found in enumerate(self.fields(port)):
            if found.name == column:
                return ColumnRef(self, self._index(port), port, index, found, param)
        raise MissingColumn(port, column, param)

    def key(self, port: str, named: str | None = None) -> str:
        """The name of the key column on `port`, as `key_of` finds it."""
        return key_of(self.fields(port), port, named)

    def add(self, port: str, field: Field) -> None:
        """Adds a new column to output `port`."""
        self._push(port, field, None)

    def pass_(self, port: str, input: str, column: str) -> None:
        """Adds a column of `input`, untouched, to output `port`."""
        found = self.column(input, column)
        self._push(port, found.field, (found.input, found.index))

    def pass_all(self, port: str, input: str) -> None:
        """Adds all columns of `input`, untouched, to output `port`."""
        at = self._index(input)
        for index, found in enumerate(self.fields(input)):
            self._push(port, found, (at, index))

    def _push(self, port: str, field: Field, source: tuple[int, int] | None) -> None:
        output = self.outputs.get(port)
        if output is None:
            raise PluginError(f"no output `{port}`")
        if any(other.name == field.name for other in output.fields):
            raise DataError(
                f"output `{port}` would have two columns `{field.name}`; "
                "rename or drop the input's"
            )
        if source is not None:
            output.passed.append((len(output.fields), *source))
        output.fields.append(field)


class ColumnRef:
    """A column of an input, looked at but not yet read."""

    def __init__(
        self, bind: Bind, input: int, port: str, index: int, field: Field, param: str | None
    ) -> None:
        self._bind = bind
        self._port = port
        self._param = param
        self.input = input
        self.index = index
        #: The column's name, type and metadata.
        self.field = field

    def of_type(self, expected: str, check: Callable[[Type], bool]) -> ColumnRef:
        """Demands that `check` holds for the type; `expected` says what would do."""
        if check(self.field.type):
            return self
        raise WrongType(self._port, self.field.name, self._param, expected, str(self.field.type))

    def number(self) -> ColumnRef:
        """Demands an integer or floating-point column."""
        return self.of_type("a number", lambda kind: kind.is_number)

    def text(self) -> ColumnRef:
        """Demands text, plain or dictionary-encoded."""
        return self.of_type("text", lambda kind: kind.is_text)

    def unit(self, *units: str) -> ColumnRef:
        """Demands one of `units`; a column without a unit passes."""
        unit = self.field.unit
        if unit is None or unit in units:
            return self
        raise WrongUnit(self._port, self.field.name, self._param, " or ".join(units), unit)

    def read(self, purpose: Purpose) -> Field:
        """Declares that runs read this column. Reading any other is refused."""
        read = (self.input, self.index, purpose)
        if read not in self._bind.reads:
            self._bind.reads.append(read)
        return self.field


def key_of(fields: Iterable[Field], port: str, named: str | None = None) -> str:
    """The name of the key among the `fields` of input `port`: `named`, or else the column whose
    UCD starts with `meta.id` and says `meta.main`.

    Raises `ParamError` for `key` when there is neither.
    """
    if named is not None:
        return named
    for found in fields:
        ucd = found.ucd or ""
        if ucd.startswith("meta.id") and "meta.main" in ucd:
            return found.name
    raise ParamError(
        "key",
        f"no column of input `{port}` is marked as key; name one here, "
        "or with `key` in the ingester",
    )
