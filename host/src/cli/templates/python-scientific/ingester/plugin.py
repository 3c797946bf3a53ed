"""Reads text tables whose columns are set apart by white space.

`lines.py` takes text apart; here is the file in, a typed table out.
"""

from dataclasses import dataclass

from skyloom import Bind, Blob, DataError, ParamError, Plugin, blob, float64, param, utf8

from lines import LineError, is_number, rows_of


@dataclass
class Params:
    """What may stand under `with:` in a workflow."""

    columns: list[str] = param("The names of the columns, from left to right.", min_items=1)
    key: str | None = param("The column that says which row this is.", default=None)
    comment: str = param("Lines that begin so are left out.", default="#")
    missing: list[str] = param("What stands where there is no value.", default=["-"])


PLUGIN = Plugin(
    name="plugin-name",
    version="0.1.0",
    role="ingester",
    description="PLUGIN DESCRIPTION",
    params=Params,
    inputs={"file": blob("Text in UTF-8, one row a line, fields set apart by white space.")},
    outputs={"table": "Its rows, in order. A column is of numbers if all its values are."},
)


def bind(params: Params, bind: Bind) -> None:
    """Declares the columns of the file, of the types that its values have."""
    if params.key is not None and params.key not in params.columns:
        raise ParamError("key", f"`columns` names no `{params.key}`")
    for name, words in zip(params.columns, columns_of(bind.blob("file"), params)):
        make = float64 if holds_numbers(words) else utf8
        bind.add("table", make(name, ucd="meta.id;meta.main" if name == params.key else None))


def run(file: Blob, params: Params) -> dict:
    """All rows of the file."""
    columns = {}
    for name, words in zip(params.columns, columns_of(file, params)):
        if holds_numbers(words):
            words = [None if word is None else float(word) for word in words]
        columns[name] = words
    return columns


def columns_of(file: Blob, params: Params) -> list:
    """The words of each column, None where there is no value."""
    try:
        rows = rows_of(file.bytes(), params.comment, params.missing, len(params.columns))
    except LineError as error:
        raise DataError(f"`{file.name}`: {error}") from None
    return [[row[place] for row in rows] for place in range(len(params.columns))]


def holds_numbers(words: list) -> bool:
    return all(word is None or is_number(word) for word in words)
