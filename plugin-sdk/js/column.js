/**
 * Columns: bytes as the host handed them over, and JavaScript values from and to them.
 *
 * Numbers are typed arrays over those bytes: nothing is copied until a value is asked for.
 */

import { PluginError } from "./errors.js";
import { isNumber, isText } from "./schema.js";
import { bytesOf, decodeAll, encode } from "./text.js";

const ARRAYS = {
  c: Int8Array, C: Uint8Array, s: Int16Array, S: Uint16Array, i: Int32Array, I: Uint32Array,
  l: BigInt64Array, L: BigUint64Array, e: globalThis.Float16Array, f: Float32Array, g: Float64Array,
  tdD: Int32Array, tdm: BigInt64Array, tts: Int32Array, ttm: Int32Array, ttu: BigInt64Array,
  ttn: BigInt64Array, tiM: Int32Array,
};

const FLOATS = [Float64Array, Float32Array, globalThis.Float16Array];

/** The typed array that holds values of this format, if one does. */
function arrayOf(format) {
  if (ARRAYS[format] !== undefined) return ARRAYS[format];
  return format.startsWith("ts") || format.startsWith("tD") ? BigInt64Array : undefined;
}

/** `bytes` as a typed array: a view, unless they lie where none can be. */
function view(Kind, bytes) {
  const width = Kind.BYTES_PER_ELEMENT;
  const placed = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new Kind(placed.buffer, placed.byteOffset, Math.floor(placed.byteLength / width));
}

/** The bytes of a typed array: a view. */
function bytesIn(array) {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function bit(bits, row) {
  return (bits[row >> 3] >> (row & 7)) & 1;
}

/** One bit for each flag, least significant first. */
export function packBits(flags) {
  const bits = new Uint8Array((flags.length + 7) >> 3);
  for (let row = 0; row < flags.length; row += 1) if (flags[row]) bits[row >> 3] |= 1 << (row & 7);
  return bits;
}

/** How many bits are set, of the first `rows`. */
export function countBits(bits, rows) {
  let count = 0;
  for (let row = 0; row < rows; row += 1) count += bit(bits, row);
  return count;
}

/** An Arrow array: rows, which of them are there, buffers, and the arrays inside. */
export class Column {
  /**
   * @param {import("./schema.js").Type} type
   * @param {number} rows
   * @param {Uint8Array | null} validity one bit a row, least significant first, 1 for valid
   * @param {Uint8Array[]} buffers as the columnar format lays them out, without validity
   * @param {Column[]} children
   */
  constructor(type, rows, validity, buffers, children = []) {
    this.type = type;
    this.rows = rows;
    this.validity = validity;
    this.buffers = buffers;
    this.children = children;
  }

  /** Whether there is a value in this row. */
  isValid(row) {
    if (this.type.format === "n") return false;
    return this.validity === null || bit(this.validity, row) === 1;
  }

  /**
   * Numbers, dates and times as they are stored, whatever lies under a null: a typed array over
   * the bytes that were handed over.
   */
  get values() {
    const Kind = arrayOf(this.type.format);
    if (Kind === undefined) throw new PluginError(`values of type ${this.type} have no view`);
    return view(Kind, this.buffers[0]);
  }

  /** Where lists and texts begin and end. */
  get offsets() {
    return view("ULZ".includes(this.type.format.at(-1)) ? BigInt64Array : Int32Array, this.buffers[0]);
  }

  /**
   * The values, null where there is none. Integers of 64 bits, dates and times in their unit and
   * decimals without their point are BigInts, structs objects, maps arrays of pairs.
   */
  toArray() {
    const values = this.type.format === "n" ? new Array(this.rows).fill(null) : this.#all();
    if (this.validity !== null) {
      for (let row = 0; row < this.rows; row += 1) if (!bit(this.validity, row)) values[row] = null;
    }
    return values;
  }

  #all() {
    const { format } = this.type;
    if (this.type.dictionary) {
      const words = this.children[0].toArray();
      return Array.from(this.values, (key) => words[Number(key)] ?? null);
    }
    if (arrayOf(format) !== undefined) return Array.from(this.values);
    if (format === "b") {
      return Array.from({ length: this.rows }, (_, row) => bit(this.buffers[0], row) === 1);
    }
    if (format === "u" || format === "U") return decodeAll(this.buffers[1], this.offsets);
    if (format === "z" || format === "Z") return this.#slices(this.buffers[1], (a, b, c) => a.slice(b, c));
    if (format.startsWith("w:")) return this.#blocks(Number(format.slice(2)), (block) => block);
    if (format.startsWith("d:")) return this.#blocks(16, decimal);
    if (format === "tiD") return this.#blocks(8, (block) => Array.from(view(Int32Array, block)));
    if (format === "tin") return this.#blocks(16, interval);
    if (format === "+s") return this.#objects();
    const items = this.children[0].toArray();
    if (format.startsWith("+w:")) {
      const width = Number(format.slice(3));
      return Array.from({ length: this.rows }, (_, row) => items.slice(row * width, (row + 1) * width));
    }
    const inside = format === "+m" ? items.map((item) => Object.values(item)) : items;
    return this.#slices(inside, (all, start, end) => all.slice(start, end));
  }

  #slices(all, slice) {
    const { offsets } = this;
    return Array.from({ length: this.rows }, (_, row) =>
      slice(all, Number(offsets[row]), Number(offsets[row + 1])),
    );
  }

  #blocks(width, of) {
    const data = this.buffers[0];
    return Array.from({ length: this.rows }, (_, row) => of(data.slice(row * width, (row + 1) * width)));
  }

  #objects() {
    const names = this.type.children.map((child) => child.name);
    const parts = this.children.map((child) => child.toArray());
    return Array.from({ length: this.rows }, (_, row) =>
      Object.fromEntries(names.map((name, part) => [name, parts[part][row]])),
    );
  }
}

function decimal(block) {
  const [low] = view(BigUint64Array, block);
  const [, high] = view(BigInt64Array, block);
  return (high << 64n) | low;
}

function interval(block) {
  const [months, days] = view(Int32Array, block);
  return [months, days, view(BigInt64Array, block)[1]];
}

/**
 * A column of any number type as numbers, null where there is none. NaN is a number. Integers
 * beyond 2**53 are rounded.
 */
export class Numbers {
  constructor(column) {
    this.column = column;
    this.length = column.rows;
    /** The numbers as they are stored, whatever lies under a null: no copy. */
    this.values = column.values;
    this.isBig = this.values instanceof BigInt64Array || this.values instanceof BigUint64Array;
  }

  /** The number in row `row`; null when there is none. */
  get(row) {
    const { validity } = this.column;
    if (validity !== null && !bit(validity, row)) return null;
    return this.isBig ? Number(this.values[row]) : this.values[row];
  }

  /** The numbers, null where there is none. */
  toArray() {
    return Array.from({ length: this.length }, (_, row) => this.get(row));
  }

  *[Symbol.iterator]() {
    for (let row = 0; row < this.length; row += 1) yield this.get(row);
  }
}

/** A column of lists, such as light curves. */
export class Lists {
  #parts = new Map();

  constructor(column) {
    this.column = column;
    this.length = column.rows;
    this.offsets = column.offsets;
  }

  /** The items of the list in row `row`; null when there is none. */
  get(row) {
    if (!this.column.isValid(row)) return null;
    return new Items(this, Number(this.offsets[row]), Number(this.offsets[row + 1]));
  }

  *[Symbol.iterator]() {
    for (let row = 0; row < this.length; row += 1) yield this.get(row);
  }

  /** The items, or what they have under this name: for `Items`. */
  part(name, check, expected) {
    const items = this.column.children[0];
    let found = items;
    if (name !== null) {
      const index = items.type.isStruct ? items.type.children.findIndex((child) => child.name === name) : -1;
      if (index < 0) throw new PluginError(`the items of this column have no part \`${name}\``);
      found = items.children[index];
    }
    if (!check(found.type)) {
      throw new PluginError(`\`${name ?? "item"}\` is ${found.type}, not ${expected}`);
    }
    return found;
  }

  /** The values of a part of all items, once: for `Items`. */
  all(name, part, of) {
    if (!this.#parts.has(name)) {
      const values = of(part);
      const items = this.column.children[0];
      if (name !== null && items.validity !== null) {
        for (let row = 0; row < items.rows; row += 1) if (!items.isValid(row)) values[row] = null;
      }
      this.#parts.set(name, values);
    }
    return this.#parts.get(name);
  }
}

/** The items of one list: points of a light curve, say, each with named parts. */
export class Items {
  #lists;

  constructor(lists, start, end) {
    this.#lists = lists;
    this.start = start;
    this.end = end;
    this.length = end - start;
  }

  /** One part as numbers, null where there is none; without a name, the items. */
  numbers(name = null) {
    const part = this.#lists.part(name, isNumber, "a number");
    return this.#lists.all(name, part, (all) => new Numbers(all).toArray()).slice(this.start, this.end);
  }

  /** One part as text, null where there is none; without a name, the items. */
  strings(name = null) {
    const part = this.#lists.part(name, isText, "text");
    return this.#lists.all(name, part, (all) => all.toArray()).slice(this.start, this.end);
  }

  /** One part of numbers as it is stored, whatever lies under a null: no copy. */
  values(name) {
    return this.#lists.part(name, isNumber, "a number").values.subarray(this.start, this.end);
  }
}

/**
 * A column of this type: from values with null for none, from a typed array of numbers, or from a
 * column of that type.
 *
 * @throws {PluginError} when a value does not fit
 */
export function build(type, values) {
  if (values instanceof Numbers) return build(type, same(values.column.type, type) ? values.column : values.toArray());
  if (values instanceof Column) {
    if (same(values.type, type)) return values;
    throw new PluginError(`a column is ${values.type}, not ${type}`);
  }
  const Kind = type.dictionary ? undefined : arrayOf(type.format);
  if (Kind !== undefined && values instanceof Kind) return new Column(type, values.length, null, [bytesIn(values)]);
  try {
    return built(type, Array.isArray(values) ? values : Array.from(values));
  } catch (error) {
    throw new PluginError(`a value does not fit a column of ${type}: ${error.message}`);
  }
}

/** Whether two types are one, whatever their metadata. */
function same(left, right) {
  return (
    left.format === right.format &&
    left.dictionary === right.dictionary &&
    left.children.length === right.children.length &&
    left.children.every((child, index) => same(child.type, right.children[index].type))
  );
}

function isNone(value) {
  return value === null || value === undefined;
}

function built(type, values) {
  const { format } = type;
  const rows = values.length;
  if (format === "n") return new Column(type, rows, null, []);
  const validity = values.some(isNone) ? packBits(values.map((value) => !isNone(value))) : null;
  const plain = (...buffers) => new Column(type, rows, validity, buffers);
  if (type.dictionary) return encoded(type, values, validity);
  const Kind = arrayOf(format);
  if (Kind !== undefined) return plain(bytesIn(fill(Kind, values)));
  if (format === "b") return plain(packBits(values));
  if (format === "u" || format === "U") return plain(...texts(values.map((value) => encode(value ?? "")), format === "U"));
  if (format === "z" || format === "Z") {
    const parts = values.map((value) => value ?? new Uint8Array(0));
    return plain(offsets(parts, format === "Z"), joined(parts));
  }
  if (format === "+s") {
    const children = type.children.map((child) =>
      inner(child, values.map((value) => (isNone(value) ? zeroIn(child) : value[child.name]))),
    );
    return new Column(type, rows, validity, [], children);
  }
  if (format.startsWith("+")) return lists(type, values, validity);
  return plain(joined(values.map((value) => block(format, value))));
}

function fill(Kind, values) {
  const isBig = Kind === BigInt64Array || Kind === BigUint64Array;
  const array = new Kind(values.length);
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row];
    if (isNone(value)) continue;
    if (!isBig && typeof value !== "number") throw new TypeError(`${typeof value} ${value} is no number`);
    array[row] = isBig ? BigInt(value) : value;
    // Typed arrays wrap integers without a word.
    if (!FLOATS.includes(Kind) && array[row] != value) {
      throw new RangeError(`${value} is out of range`);
    }
  }
  return array;
}

function offsets(parts, isLong) {
  const array = new (isLong ? BigInt64Array : Int32Array)(parts.length + 1);
  let end = 0;
  parts.forEach((part, row) => {
    end += part.length;
    array[row + 1] = isLong ? BigInt(end) : end;
  });
  return bytesIn(array);
}

function texts(parts, isLong) {
  return [offsets(parts, isLong), bytesOf(parts.join(""))];
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A value of fixed width. */
function block(format, value) {
  if (format.startsWith("w:")) {
    const width = Number(format.slice(2));
    const bytes = value ?? new Uint8Array(width);
    if (bytes.length !== width) throw new RangeError(`bytes of another width than ${width}`);
    return bytes;
  }
  if (format === "tiD") return bytesIn(Int32Array.from(value ?? [0, 0]));
  if (format === "tin") {
    const [months, days, nanoseconds] = value ?? [0, 0, 0n];
    return joined([bytesIn(Int32Array.of(months, days)), bytesIn(BigInt64Array.of(BigInt(nanoseconds)))]);
  }
  const number = BigInt(value ?? 0);
  return bytesIn(BigUint64Array.of(BigInt.asUintN(64, number), BigInt.asUintN(64, number >> 64n)));
}

const NEGATIVE_ZERO = Symbol("-0");

function encoded(type, values, validity) {
  const places = new Map();
  const words = [];
  const keys = values.map((value) => {
    if (isNone(value)) return 0;
    // Zeros of both signs are equal, and two words.
    const word = Object.is(value, -0) ? NEGATIVE_ZERO : value;
    if (!places.has(word)) places.set(word, words.push(value) - 1);
    return places.get(word);
  });
  const child = built(type.children[0].type, words);
  return new Column(type, values.length, validity, [bytesIn(fill(ARRAYS[type.format], keys))], [child]);
}

function lists(type, values, validity) {
  const { format } = type;
  const [item] = type.children;
  if (format.startsWith("+w:")) {
    const width = Number(format.slice(3));
    const empty = new Array(width).fill(zeroIn(item));
    const filled = values.map((value) => value ?? empty);
    if (filled.some((value) => value.length !== width)) throw new RangeError(`lists of another length than ${width}`);
    return new Column(type, values.length, validity, [], [inner(item, filled.flat(1))]);
  }
  const filled = values.map((value) => value ?? []);
  let items = filled.flat(1);
  if (format === "+m") {
    const names = item.type.children.map((child) => child.name);
    items = filled.flatMap((pairs) => pairs.map(([key, value]) => ({ [names[0]]: key, [names[1]]: value })));
  }
  return new Column(type, values.length, validity, [offsets(filled, format === "+L")], [inner(item, items)]);
}

function inner(field, values) {
  if (!field.nullable && field.type.format !== "n" && values.some(isNone)) {
    throw new TypeError(`\`${field.name}\` may not be null`);
  }
  return built(field.type, values);
}

function zeroIn(field) {
  return field.nullable ? null : zero(field.type);
}

/** What lies under a null whose parts may not be null themselves. */
function zero(type) {
  const { format } = type;
  if (type.dictionary) return zero(type.children[0].type);
  if (format === "+s") return Object.fromEntries(type.children.map((child) => [child.name, zeroIn(child)]));
  if (format.startsWith("+w:")) return new Array(Number(format.slice(3))).fill(zeroIn(type.children[0]));
  if (format.startsWith("+")) return [];
  if (format === "u" || format === "U") return "";
  if (format === "z" || format === "Z") return new Uint8Array(0);
  if (format.startsWith("w:")) return new Uint8Array(Number(format.slice(2)));
  if (format === "tiD") return [0, 0];
  if (format === "tin") return [0, 0, 0n];
  return 0;
}
