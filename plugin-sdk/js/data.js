/**
 * Batches pulled, batches emitted.
 *
 * Who holds the data is behind plain objects of the host's side; tests may have their own.
 */

import { Lists, Numbers, build, packBits } from "./column.js";
import { MissingColumn, PluginError, WrongType } from "./errors.js";
import { isNumber, isText } from "./schema.js";

/** Reads the table on an input port, batch by batch. */
export class Reader {
  #port;
  #table;

  constructor(port, fields, table) {
    this.#port = port;
    this.#table = table;
    /** The table's columns that `bind` declared. */
    this.fields = fields;
  }

  /** Rows in all batches together. */
  get rows() {
    return this.#table.rows();
  }

  /** The next batch, or null at the end. Rows keep the source's order. */
  next() {
    const rows = this.#table.next();
    return rows === null ? null : new Batch(this.#port, this.fields, rows);
  }

  *[Symbol.iterator]() {
    for (let batch = this.next(); batch !== null; batch = this.next()) yield batch;
  }

  /** Back to the first batch. */
  rewind() {
    this.#table.rewind();
  }
}

/** Some rows of a table. Columns come over the border when they are asked for. */
export class Batch {
  #port;
  #loaded = new Map();

  constructor(port, fields, held) {
    this.#port = port;
    this.held = held;
    /** The table's columns that `bind` declared. */
    this.fields = fields;
    /** The number of rows. */
    this.rows = held.rows();
  }

  /** A column as it is, by its name or its place among those that `bind` declared. */
  column(column) {
    const index =
      typeof column === "number" ? column : this.fields.findIndex((field) => field.name === column);
    if (index < 0) throw new MissingColumn(this.#port, column);
    if (!this.#loaded.has(index)) {
      this.#loaded.set(index, this.held.column(index, this.fields[index].type));
    }
    return this.#loaded.get(index);
  }

  #of(column, expected, check) {
    const found = this.column(column);
    if (check(found.type)) return found;
    throw new WrongType(this.#port, column, null, expected, String(found.type));
  }

  /** A column of any number type as numbers, null where there is none. */
  numbers(column) {
    return new Numbers(this.#of(column, "a number", isNumber));
  }

  /** A column of text, plain or dictionary-encoded, null where there is none. */
  strings(column) {
    return this.#of(column, "text", isText).toArray();
  }

  /** A column of truth values, null where there is none. */
  booleans(column) {
    return this.#of(column, "boolean", ({ format }) => format === "b").toArray();
  }

  /** A column of lists, such as light curves: for each row its items, or null. */
  lists(column) {
    return new Lists(this.#of(column, "a list", ({ isList }) => isList));
  }
}

/** Writes the table on an output port. */
export class Writer {
  #sink;

  /** `fields` are the new columns, in order. For hosts and tests. */
  constructor(fields, sink) {
    this.#sink = sink;
    /** The new columns, in order, as `bind` declared them. */
    this.fields = fields;
  }

  #built(columns, rows) {
    if (columns.length !== this.fields.length) {
      throw new PluginError(`${columns.length} columns emitted; bind said ${this.fields.length}`);
    }
    let expected = rows;
    return this.fields.map((field, index) => {
      const column = this.#column(field, columns[index]);
      expected ??= column.rows;
      if (column.rows === expected) return column;
      throw new PluginError(`new column \`${field.name}\` has ${column.rows} rows, not ${expected}`);
    });
  }

  #column(field, values) {
    try {
      return build(field.type, values);
    } catch (error) {
      throw new PluginError(`new column \`${field.name}\`: ${error.message}`);
    }
  }

  /** Appends a batch of new columns, in the order that `bind` declared them. */
  put(columns) {
    this.#sink.put(this.#built(columns, null));
  }

  /** Appends the rows of `batch`: passed columns from there, new ones from `columns`. */
  derive(batch, columns) {
    this.#sink.derive(batch.held, null, this.#built(columns, batch.rows));
  }

  /** As `derive`, with only the rows to `keep`. `columns` has only those rows. */
  select(batch, keep, columns = []) {
    if (keep.length !== batch.rows) {
      throw new PluginError(`${keep.length} rows judged, of ${batch.rows}`);
    }
    const kept = keep.reduce((sum, is) => sum + (is ? 1 : 0), 0);
    this.#sink.derive(batch.held, packBits(keep), this.#built(columns, kept));
  }

  /** Ends this partition and begins the next; for ingesters and simulators. */
  cut() {
    this.#sink.cut();
  }
}

/** A file as it lies on disk. */
export class Blob {
  #held;

  constructor(held) {
    this.#held = held;
  }

  /** The file's name, without folders. */
  get name() {
    return this.#held.name();
  }

  /** Bytes in all. */
  get size() {
    return this.#held.size();
  }

  /** `length` bytes from `offset`; fewer at the end of the file. */
  read(offset, length) {
    return this.#held.read(offset, length);
  }

  /** All bytes in order, `length` at a time. */
  *chunks(length = 1 << 20) {
    const { size } = this;
    for (let position = 0; position < size; ) {
      const chunk = this.read(position, length);
      position += chunk.length;
      yield chunk;
    }
  }
}

/** What one run is given: its inputs, its outputs, and which piece of the work it is. */
export class Task {
  #inputs;
  #outputs;
  #log;

  /** Puts a task together; for hosts and tests. Inputs and outputs are maps by port. */
  constructor(inputs, outputs, piece = { index: 0, count: 1 }, log = null) {
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#log = log ?? { log() {}, progress() {} };
    /** Which of the pieces that `bind` asked for this is. */
    this.piece = piece;
  }

  /** The table on input `port`. */
  input(port) {
    const found = this.#inputs.get(port);
    if (found instanceof Reader) return found;
    throw new PluginError(`no table on input \`${port}\``);
  }

  /** The file on input `port`. */
  blob(port) {
    const found = this.#inputs.get(port);
    if (found instanceof Blob) return found;
    throw new PluginError(`no file on input \`${port}\``);
  }

  /** Whether anything is connected to input `port`. */
  isConnected(port) {
    return this.#inputs.has(port);
  }

  /** The table to write on output `port`. */
  output(port) {
    const found = this.#outputs.get(port);
    if (found !== undefined) return found;
    throw new PluginError(`no output \`${port}\``);
  }

  /** The first input and the first output. */
  first() {
    const [reader] = this.#inputs.values();
    const [writer] = this.#outputs.values();
    if (reader instanceof Reader && writer !== undefined) return [reader, writer];
    throw new PluginError("`map` needs a table as first input, and an output");
  }

  /** Tells the user; kept in the run record. */
  warn(message) {
    this.#log.log("warn", message);
  }

  /** For those who look closely; kept in the run record. */
  info(message) {
    this.#log.log("info", message);
  }

  /** How far this run is, in whatever it counts; `total` 0 when not known. */
  progress(done, total = 0) {
    this.#log.progress(done, total);
  }
}

/** `of` each row's values; null where one of them is null. */
export function each(of, ...columns) {
  const arrays = columns.map((column) => (Array.isArray(column) ? column : column.toArray()));
  return Array.from(arrays[0], (_, row) => {
    const values = arrays.map((array) => array[row]);
    return values.includes(null) ? null : of(...values);
  });
}
