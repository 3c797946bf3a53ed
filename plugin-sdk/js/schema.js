/**
 * Fields and their types, and how they cross the border.
 *
 * A type is the format string of Arrow's C data interface, with child fields where it nests:
 * `g` is a float64, `u` text, `+l` a list.
 */

const NAMES = {
  n: "Null", b: "Boolean", c: "Int8", C: "UInt8", s: "Int16", S: "UInt16", i: "Int32", I: "UInt32",
  l: "Int64", L: "UInt64", e: "Float16", f: "Float32", g: "Float64", u: "Utf8", U: "LargeUtf8",
  z: "Binary", Z: "LargeBinary",
};

/** What the values of a column are. */
export class Type {
  /**
   * @param {string} format of the C data interface; for a dictionary, that of its keys
   * @param {Field[]} children
   * @param {boolean} dictionary the one child holds the values
   */
  constructor(format, children = [], dictionary = false) {
    this.format = format;
    this.children = children;
    this.dictionary = dictionary;
  }

  get isList() {
    return this.format === "+l" || this.format === "+L";
  }

  get isStruct() {
    return this.format === "+s";
  }

  toString() {
    if (this.dictionary) return `Dictionary(${NAMES[this.format]}, ${this.children[0].type})`;
    if (this.isList) return `List(${this.children[0].type})`;
    if (this.isStruct) {
      return `Struct(${this.children.map((child) => `${child.name}: ${child.type}`).join(", ")})`;
    }
    return NAMES[this.format] ?? this.format;
  }
}

/** Whether values of this type are integers or floating-point numbers. */
export function isNumber(type) {
  return !type.dictionary && type.format.length === 1 && "cCsSiIlLefg".includes(type.format);
}

/** Whether values of this type are text, plain or dictionary-encoded. */
export function isText(type) {
  if (type.dictionary) return isText(type.children[0].type);
  return type.format === "u" || type.format === "U";
}

/** A column's name, type and metadata. */
export class Field {
  /**
   * @param {string} name
   * @param {Type} type
   * @param {boolean} nullable
   * @param {Record<string, string>} metadata
   */
  constructor(name, type, nullable = true, metadata = {}) {
    this.name = name;
    this.type = type;
    this.nullable = nullable;
    this.metadata = metadata;
  }

  /** The unit, in VOUnits. */
  get unit() {
    return this.metadata.unit ?? null;
  }

  /** The meaning, as a UCD1+. */
  get ucd() {
    return this.metadata.ucd ?? null;
  }

  /** The sorted distinct values of a text column, where known. */
  get categories() {
    const text = this.metadata.categories;
    return text === undefined ? null : JSON.parse(text);
  }

  /** The same field with one more pair of metadata. */
  with(key, value) {
    return new Field(this.name, this.type, this.nullable, { ...this.metadata, [key]: value });
  }

  withUnit(unit) {
    return this.with("unit", unit);
  }

  withUcd(ucd) {
    return this.with("ucd", ucd);
  }

  withDescription(description) {
    return this.with("description", description);
  }

  withCategories(categories) {
    return this.with("categories", JSON.stringify(categories));
  }
}

/** A new column. */
export function field(name, type, nullable = true) {
  return new Field(name, type, nullable);
}

export const boolean = new Type("b");
export const int32 = new Type("i");
export const int64 = new Type("l");
export const float32 = new Type("f");
export const float64 = new Type("g");
export const utf8 = new Type("u");

/** Lists of any length. */
export function listOf(item, nullable = true) {
  return new Type("+l", [new Field("item", item, nullable)]);
}

/** Values with named parts: a point of a light curve, say. */
export function struct(fields) {
  return new Type("+s", fields);
}

/** Few distinct values, each kept once. `keys` is the format of the integers in rows. */
export function dictionary(values = utf8, keys = "i") {
  return new Type(keys, [new Field("values", values)], true);
}

/** The fields that a schema in preorder describes. */
export function fromWire(flat) {
  const rest = flat[Symbol.iterator]();
  const next = () => {
    const head = rest.next().value;
    const children = [];
    for (let index = 0; index < head.children; index += 1) children.push(next());
    const type = new Type(head.format, children, head.dictionary);
    return new Field(head.name, type, head.nullable, Object.fromEntries(head.metadata));
  };
  const fields = [];
  for (let at = 0; at < flat.length; at += size(fields[fields.length - 1])) fields.push(next());
  return fields;
}

function size(field) {
  return field.type.children.reduce((sum, child) => sum + size(child), 1);
}

/** The schema of `fields` in preorder. */
export function toWire(fields) {
  return fields.flatMap((each) => [
    {
      name: each.name,
      format: each.type.format,
      nullable: each.nullable,
      dictionary: each.type.dictionary,
      metadata: Object.entries(each.metadata).sort(([a], [b]) => (a < b ? -1 : Number(a > b))),
      children: each.type.children.length,
    },
    ...toWire(each.type.children),
  ]);
}
