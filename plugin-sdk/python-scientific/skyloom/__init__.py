"""Plugins in Python with NumPy, SciPy, scikit-learn and pandas.

A package's `plugin.py` defines `PLUGIN`, a `Plugin`; a function `run(table, params)`; and, if
the default does not do, a function `bind(params, bind)`.
"""

from .bind import Bind
from .errors import DataError, MissingColumn, ParamError, PluginError, WrongType, WrongUnit
from .field import Field, boolean, float32, float64, int32, int64, list_of, utf8
from .plugin import Plugin, blob, param, whole_table
from .table import Blob, Kept, Table
from .wire import Lists

__all__ = [
    "Bind", "Blob", "DataError", "Field", "Kept", "Lists", "MissingColumn", "ParamError",
    "Plugin", "PluginError", "Table", "WrongType", "WrongUnit", "blob", "boolean", "float32",
    "float64", "int32", "int64", "list_of", "param", "utf8", "whole_table",
]  # fmt: skip
