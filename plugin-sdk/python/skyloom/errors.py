"""What can go wrong in a plugin, and where.

Raise one of these, and the user reads it with node, plugin and partition added. Any other
exception arrives too, with its type, its words and the line of the author's file.
"""

from __future__ import annotations


class PluginError(Exception):
    """The base of all that a plugin says to the user."""


class ParamError(PluginError):
    """A parameter's value cannot be used; `message` says why and what would do."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"parameter `{param}`: {message}")
        self.param = param
        self.message = message


class ColumnError(PluginError):
    """Something is wrong with one column of an input."""

    def __init__(
        self,
        input: str,
        column: str,
        param: str | None = None,
        expected: str = "",
        found: str = "",
    ) -> None:
        self.input = input
        self.column = column
        self.param = param
        self.expected = expected
        self.found = found
        super().__init__(self.words())

    def words(self) -> str:
        return (
            f"column `{self.column}` of input `{self.input}` should be {self.expected}, "
            f"but is {self.found}"
        )


class MissingColumn(ColumnError):
    """A column that the plugin or its parameters name is not there."""

    def words(self) -> str:
        return f"input `{self.input}` has no column `{self.column}`"


class WrongType(ColumnError):
    """A column is there, with another type than the plugin can read."""


class WrongUnit(ColumnError):
    """A column is there, in another unit."""


class DataError(PluginError):
    """The data cannot be worked on: says where, and what to do."""


class HostError(PluginError):
    """The host refused a call: its own words. The run has failed already."""
