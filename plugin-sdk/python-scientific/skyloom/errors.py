"""What can go wrong, and where. The host adds node, plugin and place in the workflow.

Any other exception arrives too, with its text and the line that raised it.
"""


class PluginError(Exception):
    """The base of those that the host knows."""

    def to_wire(self):
        return {"failed": str(self)}


class ParamError(PluginError):
    """A parameter's value cannot be used; `message` says why and what would do."""

    def __init__(self, param, message):
        super().__init__(f"parameter `{param}`: {message}")
        self.wire = {"param": {"param": param, "message": message}}

    def to_wire(self):
        return self.wire


class DataError(PluginError):
    """The data cannot be worked on; the message says where, and what to do."""

    def to_wire(self):
        return {"data": str(self)}


class ColumnError(PluginError):
    """Something is wrong with a column of an input."""

    kind = ""

    def __init__(self, port, column, param=None, expected="", found=""):
        super().__init__(f"column `{column}` of input `{port}` is {found or 'missing'}")
        self.wire = {
            "input": port,
            "column": column,
            "param": param,
            "expected": expected,
            "found": found,
        }

    def to_wire(self):
        return {self.kind: self.wire}


class MissingColumn(ColumnError):
    """A column that the plugin or its parameters name is not there."""

    kind = "missing-column"


class WrongType(ColumnError):
    """A column is there, with another type than the plugin can read."""

    kind = "wrong-type"


class WrongUnit(ColumnError):
    """A column is there, in another unit."""

    kind = "wrong-unit"
