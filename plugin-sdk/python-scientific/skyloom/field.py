"""Columns without their values: name, type, whether they hold nulls, metadata."""

import json

# Arrow's names, for messages, by format of the C data interface.
_NAMES = {
    "n": "Null", "b": "Boolean",
    "c": "Int8", "C": "UInt8", "s": "Int16", "S": "UInt16",
    "i": "Int32", "I": "UInt32", "l": "Int64", "L": "UInt64",
    "e": "Float16", "f": "Float32", "g": "Float64",
    "u": "Utf8", "U": "LargeUtf8", "z": "Binary", "Z": "LargeBinary",
    "tdD": "Date32", "tdm": "Date64",
    "+l": "List", "+L": "LargeList", "+s": "Struct", "+m": "Map",
}  # fmt: skip


class Field:
    """A column: `name`, `format` (of Arrow's C data interface), `nullable`, `metadata`, and
    `children` where it is nested."""

    def __init__(self, name, format, nullable=True, metadata=None, children=(), dictionary=False):
        self.name = name
        self.format = format
        self.nullable = nullable
        self.metadata = dict(metadata or {})
        self.children = list(children)
        self.dictionary = dictionary

    @property
    def unit(self):
        """The unit in VOUnits; None if there is none."""
        return self.metadata.get("unit")

    @property
    def ucd(self):
        """The meaning as a UCD1+; None if there is none."""
        return self.metadata.get("ucd")

    @property
    def categories(self):
        """The sorted distinct values of a text column; None if they are not known."""
        text = self.metadata.get("categories")
        return None if text is None else json.loads(text)

    @property
    def is_number(self):
        return not self.dictionary and self.format in tuple("cCsSiIlLefg")

    @property
    def is_text(self):
        if self.dictionary:
            return self.children[0].is_text
        return self.format in ("u", "U")

    @property
    def type_name(self):
        return _NAMES.get(self.format, self.format)


def _field(format, name, *, nullable=True, unit=None, ucd=None, description=None, categories=None):
    metadata = {"unit": unit, "ucd": ucd, "description": description}
    metadata = {key: text for key, text in metadata.items() if text is not None}
    if categories is not None:
        metadata["categories"] = json.dumps(
            list(categories), ensure_ascii=False, separators=(",", ":")
        )
    return Field(name, format, nullable, metadata)


def float64(name, **about):
    """A new column of 64-bit floats. `about`: nullable, unit, ucd, description."""
    return _field("g", name, **about)


def float32(name, **about):
    """A new column of 32-bit floats."""
    return _field("f", name, **about)


def int64(name, **about):
    """A new column of 64-bit integers."""
    return _field("l", name, **about)


def int32(name, **about):
    """A new column of 32-bit integers."""
    return _field("i", name, **about)


def boolean(name, **about):
    """A new column of truth values."""
    return _field("b", name, **about)


def utf8(name, **about):
    """A new column of text. `categories` are its distinct values, where known."""
    return _field("u", name, **about)


def list_of(name, item, **about):
    """A new column of lists, whose items are as the field `item` says."""
    field = _field("+l", name, **about)
    field.children = [item]
    return field


def to_tree(flat):
    """Fields as the host sends them, in preorder, as fields with children."""
    entries = iter(flat)

    def one():
        entry = next(entries)
        children = entry["children"]
        field = Field(
            entry["name"],
            entry["format"],
            entry["nullable"],
            dict(entry["metadata"]),
            dictionary=entry["dictionary"],
        )
        field.children = [one() for _ in range(children)]
        return field

    fields = []
    while entries.__length_hint__():
        fields.append(one())
    return fields


def to_flat(fields):
    """The inverse of `to_tree`."""
    flat = []
    for field in fields:
        flat.append(
            {
                "name": field.name,
                "format": field.format,
                "nullable": field.nullable,
                "dictionary": field.dictionary,
                "metadata": sorted(field.metadata.items()),
                "children": len(field.children),
            }
        )
        flat.extend(to_flat(field.children))
    return flat
