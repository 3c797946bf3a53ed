"""Parameters: a dataclass, its JSON Schema, and reading one from JSON.

    @dataclass(frozen=True, kw_only=True)
    class Params:
        "What may stand under `with:` in a workflow."

        value: str = param("The column that was measured.")
        name: str = param("What the new column is called.", default="snr")

In workflows, names have hyphens where Python has underscores. The host checks values against
the schema, and fills in defaults, before a plugin sees them.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any

from .errors import ParamError

_REQUIRED = dataclasses.MISSING

_NAMED = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "choices": "enum",
}


def param(description: str, *, default: Any = _REQUIRED, **limits: Any) -> Any:
    """A parameter of a dataclass: required, unless it has a default.

    `limits` are `minimum`, `maximum`, `min_items`, `max_items`, `min_length` and `choices`.
    """
    unknown = set(limits) - set(_NAMED)
    if unknown:
        raise TypeError(f"param() knows no {sorted(unknown)[0]!r}; it knows {', '.join(_NAMED)}")
    metadata = {"description": description, "limits": limits}
    if isinstance(default, (list, dict)):
        kept = default
        return dataclasses.field(
            default_factory=lambda: json.loads(json.dumps(kept)), metadata=metadata
        )
    return dataclasses.field(default=default, metadata=metadata)


def schema_of(params: type) -> dict[str, Any]:
    """The JSON Schema of a dataclass of parameters, draft 2020-12."""
    schema = _object(params)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _object(params: type) -> dict[str, Any]:
    hints = typing.get_type_hints(params)
    properties = {}
    required = []
    for field in dataclasses.fields(params):
        name = _outside(field.name)
        said: dict[str, Any] = {}
        if description := field.metadata.get("description"):
            said["description"] = description
        said.update(_type(hints[field.name]))
        for key, limit in field.metadata.get("limits", {}).items():
            said[_NAMED[key]] = limit
        if field.default is not _REQUIRED:
            said["default"] = _plain(field.default)
        elif field.default_factory is not _REQUIRED:
            said["default"] = _plain(field.default_factory())
        else:
            required.append(name)
        properties[name] = said
    schema: dict[str, Any] = {}
    # A dataclass without words of its own gets its signature from Python.
    if params.__doc__ and not params.__doc__.startswith(f"{params.__name__}("):
        schema["description"] = " ".join(params.__doc__.split())
    schema["type"] = "object"
    schema["properties"] = properties
    schema["additionalProperties"] = False
    if required:
        schema["required"] = required
    return schema


def _type(hint: Any) -> dict[str, Any]:
    plain: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer", "format": "int64"},
        float: {"type": "number", "format": "double"},
        Any: {},
    }
    if hint in plain:
        return dict(plain[hint])
    if dataclasses.is_dataclass(hint):
        return _object(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": _type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if origin is typing.Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) == 1:
            inner = _type(rest[0])
            if isinstance(inner.get("type"), str):
                return {**inner, "type": [inner["type"], "null"]}
            return {"anyOf": [inner, {"type": "null"}]}
    raise TypeError(
        f"a parameter cannot be of type {hint}; use str, int, float, bool, list, dict, Literal, "
        "a dataclass, or one of these or None"
    )


def read_params(params: type | None, text: str) -> Any:
    """The parameters of type `params` in a JSON object; the object itself where that is none.

    Raises `ParamError` when a value does not fit.
    """
    value = json.loads(text)
    return value if params is None else _read(params, value, "")


def _read(hint: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ParamError(path, f"should be an object, but is {_shown(value)}")
        hints = typing.get_type_hints(hint)
        given = {}
        names = {_outside(field.name): field.name for field in dataclasses.fields(hint)}
        for key, inner in value.items():
            inside = names.get(key)
            if inside is None:
                raise ParamError(_join(path, key), f"there is no such parameter; there is {', '.join(names)}")
            given[inside] = _read(hints[inside], inner, _join(path, key))
        try:
            return hint(**given)
        except TypeError as error:
            raise ParamError(path, str(error)) from None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and isinstance(value, list):
        return [_read(arguments[0], item, f"{path}[{at}]") for at, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _read(arguments[1], item, _join(path, key)) for key, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _read(next(each for each in arguments if each is not type(None)), value, path)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = {str: "text", int: "an integer", float: "a number", bool: "true or false"}.get(hint)
    if wanted is not None and type(value) is not hint:
        raise ParamError(path, f"should be {wanted}, but is {_shown(value)}")
    return value


def _outside(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
