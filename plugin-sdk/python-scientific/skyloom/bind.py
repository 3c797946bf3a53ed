"""Parameters and input schemas in, output schemas out."""

import dataclasses

from .errors import DataError, MissingColumn, ParamError, PluginError, WrongType, WrongUnit
from .field import Field, to_flat

_PURPOSES = ("feature", "label", "key", "weight", "value")
_MAIN_KEY = "meta.id;meta.main"


class Bind:
    """Gathers what a plugin declares about one node of a workflow."""

    def __init__(self, inputs, output_ports):
        # By port: fields of a table, or a `Blob`.
        self._inputs = inputs
        self._outputs = {port: ([], []) for port in output_ports}
        self._reads = []

    def fields(self, port):
        """The columns of the table on this input."""
        fields = self._input(port)
        if not isinstance(fields, list):
            raise PluginError(f"input `{port}` is a file, not a table")
        return fields

    def blob(self, port):
        """The file on this input."""
        blob = self._input(port)
        if isinstance(blob, list):
            raise PluginError(f"input `{port}` is a table, not a file")
        return blob

    def _input(self, port):
        if port not in self._inputs:
            raise PluginError(f"input `{port}` is not connected")
        return self._inputs[port]

    def column(self, port, name, param=None):
        """A column of the table on `port`, looked at but not yet read; `param` is the
        parameter that named it, if one did.

        Raises:
            MissingColumn: there is none of that name.
        """
        for index, field in enumerate(self.fields(port)):
            if field.name == name:
                return ColumnRef(self, port, index, field, param)
        raise MissingColumn(port, name, param)

    def key(self, port, named=None):
        """The name of the key: the one that was `named`, or else the one that is marked.

        Raises:
            ParamError: for `key`, when there is neither.
        """
        if named is not None:
            return named
        for field in self.fields(port):
            if field.ucd == _MAIN_KEY:
                return field.name
        raise ParamError(
            "key",
            f"no column of input `{port}` is marked as key; name one here, or with `key` in the ingester",
        )

    def add(self, port, field):
        """A new column of this output, after those that it has.

        Raises:
            DataError: it has one of that name.
        """
        fields, _ = self._output(port)
        if any(other.name == field.name for other in fields):
            raise DataError(
                f"output `{port}` would have two columns `{field.name}`; give the new one another name"
            )
        fields.append(field)

    def pass_on(self, port, input_port, name):
        """An input column that this output has untouched."""
        column = self.column(input_port, name)
        self._pass(port, column)

    def pass_all(self, port, input_port):
        """All columns of an input, untouched."""
        for index, field in enumerate(self.fields(input_port)):
            self._pass(port, ColumnRef(self, input_port, index, field, None))

    def _pass(self, port, column):
        _, passed = self._output(port)
        self.add(port, column.field)
        place = len(self._outputs[port][0]) - 1
        passed.append({"field": place, "input": self._index(column.port), "column": column.index})

    def _index(self, port):
        return list(self._inputs).index(port)

    def _output(self, port):
        if port not in self._outputs:
            raise PluginError(f"there is no output `{port}`")
        return self._outputs[port]

    def _read(self, port, index, purpose):
        read = {"input": self._index(port), "column": index, "purpose": purpose}
        if read not in self._reads:
            self._reads.append(read)

    def to_wire(self):
        outputs = [
            {"fields": to_flat(fields), "passed": passed}
            for fields, passed in self._outputs.values()
        ]
        return {"outputs": outputs, "reads": self._reads, "pieces": 1}


class ColumnRef:
    """A column of an input. Its checks can be chained; `read` declares that runs read it."""

    def __init__(self, bind, port, index, field: Field, param):
        self.bind = bind
        self.port = port
        self.index = index
        self.field = field
        self.param = param

    def number(self):
        """Demands integers or floating-point numbers."""
        return self._of(self.field.is_number, "a number")

    def text(self):
        """Demands text, plain or dictionary-encoded."""
        return self._of(self.field.is_text, "text")

    def _of(self, is_good, expected):
        if not is_good:
            found = self.field.type_name
            raise WrongType(self.port, self.field.name, self.param, expected, found)
        return self

    def unit(self, *units):
        """Demands one of these units; a column without a unit passes."""
        found = self.field.unit
        if found is not None and found not in units:
            expected = " or ".join(units)
            raise WrongUnit(self.port, self.field.name, self.param, expected, found)
        return self

    def read(self, purpose):
        """Declares that runs read this column: as feature, label, key, weight or value."""
        if purpose not in _PURPOSES:
            raise ValueError(f"a column is read as one of {', '.join(_PURPOSES)}, not {purpose}")
        self.bind._read(self.port, self.index, purpose)
        return self.field


def default(plugin, params, bind):
    """What `Plugin` promises for a plugin without a function `bind`."""
    (port,) = plugin.inputs
    (output,) = plugin.outputs
    values = {}
    for field in dataclasses.fields(plugin.params):
        value = values[field.name] = getattr(params, field.name)
        purpose = field.metadata.get("column")
        if purpose is None:
            continue
        name = field.name.replace("_", "-")
        for column in value if isinstance(value, list) else [value]:
            column = bind.column(port, column, name)
            if purpose != "key":
                column.number()
            column.read(purpose)
    bind.pass_all(output, port)
    for field in plugin.adds:
        metadata = {key: text.format(**values) for key, text in field.metadata.items()}
        named = Field(field.name.format(**values), field.format, field.nullable, metadata)
        named.children = field.children
        bind.add(output, named)
