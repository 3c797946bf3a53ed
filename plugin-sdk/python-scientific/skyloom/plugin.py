"""What a plugin says about itself, and what may stand under `with:` in a workflow."""

import dataclasses
import json
import types
import typing

from .errors import ParamError

_SCALARS = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number", "format": "double"},
}
_BOUNDS = {"minimum": "minimum", "maximum": "maximum", "min_items": "minItems", "choices": "enum"}


def param(description, *, default=dataclasses.MISSING, column=None, **bounds):
    """A parameter, in a dataclass.

    Without `default` it is required. `column` makes it name a column that is read for this
    purpose, see `Plugin`. `bounds`: minimum, maximum, min_items, choices.
    """
    for bound in bounds:
        if bound not in _BOUNDS:
            raise TypeError(f"there is no bound `{bound}`; there are {', '.join(_BOUNDS)}")
    metadata = {"description": description, "column": column, "bounds": bounds}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def blob(description):
    """An input that is a file."""
    return {"kind": "blob", "optional": False, "description": description}


def whole_table(description):
    """An input that each run sees whole, such as a model."""
    return {"kind": "whole-table", "optional": False, "description": description}


@dataclasses.dataclass(frozen=True)
class Plugin:
    """All that a host must know before it binds; a module `plugin` holds one as `PLUGIN`.

    `inputs` and `outputs` are ports by name, each with a description, or what `blob` and
    `whole_table` make. `params` is a dataclass. `scope` is "partition", one run for each
    partition, or "whole", one run for all; ingesters are whole.

    A plugin without a function `bind` reads the columns that its parameters name (those with
    `column=`), passes all columns of its one input on, and adds the fields in `adds`, in whose
    names and descriptions `{parameter}` is replaced.
    """

    name: str
    version: str
    role: str
    description: str
    outputs: dict
    inputs: dict = dataclasses.field(default_factory=dict)
    params: type = None
    scope: str = "partition"
    citations: tuple = ()
    adds: tuple = ()

    def descriptor(self):
        return {
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "role": self.role,
            "scope": "whole" if self.role == "ingester" else self.scope,
            "inputs": [_port(*port) for port in self.inputs.items()],
            "outputs": [_port(*port) for port in self.outputs.items()],
            "params": json.dumps(schema_of(self.params), ensure_ascii=False),
            "citations": list(self.citations),
        }

    def read_params(self, text):
        """The parameters as the dataclass, from JSON. The host has checked and completed them;
        whoever else calls is told what is wrong.

        Raises:
            ParamError: one is missing, unknown, or of another type.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ParamError("", f"the parameters are not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ParamError("", "the parameters are no mapping")
        if self.params is None:
            return None
        hints = typing.get_type_hints(self.params)
        fields = {field.name.replace("_", "-"): field for field in dataclasses.fields(self.params)}
        given = {}
        for name, value in values.items():
            if name not in fields:
                raise ParamError(name, "there is no such parameter")
            field = fields[name].name
            given[field] = _typed(name, value, hints[field])
        for name, field in fields.items():
            if field.name not in given and _is_required(field):
                raise ParamError(name, "it is missing")
        return self.params(**given)


def _port(name, about):
    if isinstance(about, str):
        about = {"kind": "table", "optional": False, "description": about}
    return {"name": name, **about}


def _is_required(field):
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _typed(name, value, hint):
    """`value` as the type that it should have; JSON has one type of number."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if type(None) in args:
        if value is None:
            return None
        (hint,) = (arg for arg in args if arg is not type(None))
        origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and isinstance(value, list):
        return [_typed(name, item, args[0]) for item in value]
    if hint is float and type(value) is int:
        return float(value)
    if hint is int and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not hint:
        expected = "list" if origin is list else hint.__name__
        raise ParamError(name, f"it should be of type {expected}, not {type(value).__name__}")
    return value


def schema_of(params):
    """The JSON Schema of a dataclass of parameters."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Params",
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    if params is None:
        return schema
    if params.__doc__ and not params.__doc__.startswith(f"{params.__name__}("):
        schema["description"] = params.__doc__.strip()
    hints = typing.get_type_hints(params)
    required = []
    for field in dataclasses.fields(params):
        name = field.name.replace("_", "-")
        about = {"description": field.metadata.get("description", ""), **_schema(hints[field.name])}
        for bound, limit in field.metadata.get("bounds", {}).items():
            about[_BOUNDS[bound]] = limit
        if field.default is not dataclasses.MISSING:
            about["default"] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            about["default"] = field.default_factory()
        else:
            required.append(name)
        schema["properties"][name] = about
    if required:
        schema["required"] = required
    return schema


def _schema(hint):
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": _schema(args[0])}
    if origin in (types.UnionType, typing.Union) and type(None) in args and len(args) == 2:
        (inner,) = (arg for arg in args if arg is not type(None))
        schema = _schema(inner)
        schema["type"] = [schema["type"], "null"]
        return schema
    raise TypeError(
        f"a parameter cannot be of type {hint}; use str, int, float, bool, a list of these, or one of them `| None`"
    )
