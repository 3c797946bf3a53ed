"""What plugin authors use to write Skyloom plugins in Python.

A plugin is a class. It says what it is, which columns it reads and makes, and maps batches:

    class Ratio(Plugin):
        descriptor = Descriptor("ratio", "0.1.0", "…", Role.FEATURE_EXTRACTOR, ...)
        Params = Params  # a dataclass

        def bind(self, params, bind): ...
        def map(self, params, batch): ...

Only the standard library is needed, here and in plugins.
"""

from .bind import Bind, ColumnRef, Purpose, key_of
from .column import Column, Lists, Numbers, Structs, build
from .data import Batch, Blob, Reader, Task, Writer, each
from .errors import (
    ColumnError,
    DataError,
    HostError,
    MissingColumn,
    ParamError,
    PluginError,
    WrongType,
    WrongUnit,
)
from .params import param, read_params, schema_of
from .plugin import Descriptor, Plugin, Port, Role, Scope
from .schema import Field, boolean, dictionary, float32, float64, int32, int64, list_of, struct, utf8

__all__ = [
    "Batch",
    "Bind",
    "Blob",
    "Column",
    "ColumnError",
    "ColumnRef",
    "DataError",
    "Descriptor",
    "Field",
    "HostError",
    "Lists",
    "MissingColumn",
    "Numbers",
    "ParamError",
    "Plugin",
    "PluginError",
    "Port",
    "Purpose",
    "Reader",
    "Role",
    "Scope",
    "Structs",
    "Task",
    "Writer",
    "WrongType",
    "WrongUnit",
    "boolean",
    "build",
    "dictionary",
    "each",
    "float32",
    "float64",
    "int32",
    "int64",
    "key_of",
    "list_of",
    "param",
    "read_params",
    "schema_of",
    "struct",
    "utf8",
]
