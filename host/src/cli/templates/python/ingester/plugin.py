"""Reads text tables whose columns are set apart by white space.

`lines.py` takes text apart, and tells what type a column is of; here, the file comes in and a
typed table goes out.
"""

from dataclasses import dataclass

from skyloom import (
    Bind,
    Blob,
    DataError,
    Descriptor,
    Field,
    ParamError,
    Plugin,
    Role,
    Scope,
    Task,
    float64,
    param,
    utf8,
)

from lines import LineError, Lines, Row, widen

FILE = "file"
TABLE = "table"
#: So many bytes are read at once.
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may stand under `with:` in a workflow."""

    columns: list[str] = param("The names of the columns, from left to right.", min_items=1)
    key: str | None = param("The column that says which row this is.", default=None)
    comment: str = param("Lines that begin so are left out.", default="#")
    missing: list[str] = param("What stands where there is no value.", default=["-"])

    def lines(self) -> Lines:
        return Lines(self.comment, self.missing, len(self.columns))


class PluginName(Plugin):
    """The plugin."""

    Params = Params
    descriptor = (
        Descriptor("plugin-name", "0.1.0", "PLUGIN DESCRIPTION", Role.INGESTER, Scope.WHOLE)
        .blob(FILE, "Text in UTF-8, one row a line, fields set apart by white space.")
        .output(TABLE, "Its rows, in order. A column is of numbers if all its values are.")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        if params.key is not None and params.key not in params.columns:
            raise ParamError("key", f"`columns` names no `{params.key}`")
        for name, is_number in zip(params.columns, kinds(params, bind.blob(FILE))):
            field = Field(name, float64 if is_number else utf8)
            bind.add(TABLE, field.with_ucd("meta.id;meta.main") if name == params.key else field)

    def run(self, params: Params, task: Task) -> None:
        # The types are those that `bind` found: this run sees the same file.
        numbers = kinds(params, task.blob(FILE))
        for rows, position, size in pieces(params, task.blob(FILE)):
            task.output(TABLE).put(arrays(numbers, rows))
            task.progress(position, size)


def pieces(params: Params, blob: Blob):
    """The file's rows, with how far they reach, and how long the file is."""
    lines, position, size = params.lines(), 0, blob.size()
    while position < size:
        chunk = blob.read(position, CHUNK)
        position += len(chunk)
        try:
            yield lines.take(chunk, position == size), position, size
        except LineError as error:
            raise DataError(f"`{blob.name()}`: {error}") from None


def kinds(params: Params, blob: Blob) -> list[bool]:
    """Of each column of the file, whether it holds numbers."""
    numbers = [True] * len(params.columns)
    for rows, _, _ in pieces(params, blob):
        for row in rows:
            widen(numbers, row)
    return numbers


def arrays(numbers: list[bool], rows: list[Row]) -> list:
    """Rows as typed columns."""
    columns = zip(*rows) if rows else [()] * len(numbers)
    return [
        [None if field is None else float(field) for field in column] if is_number else column
        for is_number, column in zip(numbers, columns)
    ]
