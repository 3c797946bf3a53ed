"""Fields and their types, and how they cross the border.

A type is the format string of Arrow's C data interface, with child fields where it nests:
`g` is a float64, `u` text, `+l` a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

#: Names of types that users read.
NAMES = {
    "n": "Null",
    "b": "Boolean",
    "c": "Int8",
    "C": "UInt8",
    "s": "Int16",
    "S": "UInt16",
    "i": "Int32",
    "I": "UInt32",
    "l": "Int64",
    "L": "UInt64",
    "e": "Float16",
    "f": "Float32",
    "g": "Float64",
    "u": "Utf8",
    "U": "LargeUtf8",
    "z": "Binary",
    "Z": "LargeBinary",
}
INTEGERS = "cCsSiIlL"
FLOATS = "efg"
TEXTS = "uU"


@dataclass(frozen=True)
class Type:
    """What the values of a column are."""

    format: str
    children: tuple[Field, ...] = ()
    #: The format is that of the keys; the one child holds the values.
    is_dictionary: bool = False

    @property
    def is_number(self) -> bool:
        """Whether values are integers or floating-point numbers."""
        return not self.is_dictionary and self.format in tuple(INTEGERS + FLOATS)

    @property
    def is_text(self) -> bool:
        """Whether values are text, plain or dictionary-encoded."""
        if self.is_dictionary:
            return self.children[0].type.is_text
        return self.format in tuple(TEXTS)

    @property
    def is_list(self) -> bool:
        """Whether values are lists of any length."""
        return self.format in ("+l", "+L")

    @property
    def is_struct(self) -> bool:
        """Whether values have named parts."""
        return self.format == "+s"

    def __str__(self) -> str:
        if self.is_dictionary:
            return f"Dictionary({NAMES[self.format]}, {self.children[0].type})"
        if self.is_list:
            return f"List({self.children[0].type})"
        if self.is_struct:
            inside = ", ".join(f"{child.name}: {child.type}" for child in self.children)
            return f"Struct({inside})"
        return NAMES.get(self.format, self.format)


@dataclass(frozen=True)
class Field:
    """A column's name, type and metadata."""

    name: str
    type: Type
    nullable: bool = True
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str | None:
        """The unit, in VOUnits."""
        return self.metadata.get("unit")

    @property
    def ucd(self) -> str | None:
        """The meaning, as a UCD1+."""
        return self.metadata.get("ucd")

    @property
    def categories(self) -> list[str] | None:
        """The sorted distinct values of a text column, where known."""
        text = self.metadata.get("categories")
        return None if text is None else json.loads(text)

    def with_(self, key: str, value: str) -> Field:
        """The same field with one more pair of metadata."""
        return replace(self, metadata={**self.metadata, key: value})

    def with_unit(self, unit: str) -> Field:
        return self.with_("unit", unit)

    def with_ucd(self, ucd: str) -> Field:
        return self.with_("ucd", ucd)

    def with_description(self, description: str) -> Field:
        return self.with_("description", description)

    def with_categories(self, categories: Sequence[str]) -> Field:
        text = json.dumps(list(categories), ensure_ascii=False, separators=(",", ":"))
        return self.with_("categories", text)


boolean = Type("b")
int32 = Type("i")
int64 = Type("l")
float32 = Type("f")
float64 = Type("g")
utf8 = Type("u")


def list_of(item: Type, nullable: bool = True) -> Type:
    """Lists of any length."""
    return Type("+l", (Field("item", item, nullable),))


def struct(fields: Iterable[Field]) -> Type:
    """Values with named parts: a point of a light curve, say."""
    return Type("+s", tuple(fields))


def dictionary(values: Type = utf8, keys: str = "i") -> Type:
    """Few distinct values, each kept once. `keys` is the format of the integers in rows."""
    return Type(keys, (Field("values", values),), is_dictionary=True)


@dataclass(frozen=True)
class WireField:
    """One field of a schema in preorder, as the contract's `record field`."""

    name: str
    format: str
    nullable: bool
    dictionary: bool
    metadata: list[tuple[str, str]]
    children: int


def from_wire(flat: Iterable) -> list[Field]:
    """The fields that a schema in preorder describes."""
    rest = iter(flat)
    fields = []
    for head in rest:
        fields.append(_field(head, rest))
    return fields


def _field(head, rest) -> Field:
    children = tuple(_field(next(rest), rest) for _ in range(head.children))
    kind = Type(head.format, children, head.dictionary)
    return Field(head.name, kind, head.nullable, dict(head.metadata))


def to_wire(fields: Iterable[Field]) -> list[WireField]:
    """The schema of `fields` in preorder."""
    flat: list[WireField] = []
    for each in fields:
        kind = each.type
        pairs = sorted(each.metadata.items())
        flat.append(
            WireField(
                each.name,
                kind.format,
                each.nullable,
                kind.is_dictionary,
                pairs,
                len(kind.children),
            )
        )
        flat.extend(to_wire(kind.children))
    return flat
