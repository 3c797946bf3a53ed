/** Parameters and input schemas in, output schemas out. */

import { DataError, MissingColumn, ParamError, PluginError, WrongType, WrongUnit } from "./errors.js";
import { isNumber, isText } from "./schema.js";

/** Gathers what a plugin declares about one node of a workflow. */
export class Bind {
  #inputs;

  /** For hosts and tests: `inputs` are ports with an array of fields, or with a file. */
  constructor(outputs, inputs) {
    this.#inputs = inputs;
    /** Of each output port, its columns and those that are passed. */
    this.outputs = new Map(outputs.map((port) => [port, { fields: [], passed: [] }]));
    /** Columns that runs read. */
    this.reads = [];
    /**
     * In how many runs the work is cut, each with a fresh instance, their outputs put together
     * in order. Derive it from parameters and source only.
     */
    this.pieces = 1;
    this.warnings = [];
  }

  /** What the user should know although nothing is wrong. */
  warn(message) {
    this.warnings.push(message);
  }

  #index(port) {
    const index = this.#inputs.findIndex(([name]) => name === port);
    if (index < 0) throw new PluginError(`input \`${port}\` is not connected`);
    return index;
  }

  /** Whether anything is connected to input `port`. */
  isConnected(port) {
    return this.#inputs.some(([name]) => name === port);
  }

  /** The columns of the table on input `port`. */
  fields(port) {
    const shape = this.#inputs[this.#index(port)][1];
    if (!Array.isArray(shape)) throw new PluginError(`input \`${port}\` is a file, not a table`);
    return shape;
  }

  /** The file on input `port`. */
  blob(port) {
    const shape = this.#inputs[this.#index(port)][1];
    if (Array.isArray(shape)) throw new PluginError(`input \`${port}\` is a table, not a file`);
    return shape;
  }

  /**
   * Looks at a column of the table on `port`; `param` is the parameter that named it. Nothing is
   * declared until `read` of it is called.
   *
   * @throws {MissingColumn} when there is none of that name
   */
  column(port, column, param = null) {
    const index = this.fields(port).findIndex((field) => field.name === column);
    if (index < 0) throw new MissingColumn(port, column, param);
    return new ColumnRef(this, this.#index(port), port, index, this.fields(port)[index], param);
  }

  /** The name of the key column on `port`, as `keyOf` finds it. */
  key(port, named = null) {
    return keyOf(this.fields(port), port, named);
  }

  /** Adds a new column to output `port`. */
  add(port, field) {
    this.#push(port, field, null);
  }

  /** Adds a column of `input`, untouched, to output `port`. */
  pass(port, input, column) {
    const found = this.column(input, column);
    this.#push(port, found.field, { input: found.input, column: found.index });
  }

  /** Adds all columns of `input`, untouched, to output `port`. */
  passAll(port, input) {
    const at = this.#index(input);
    this.fields(input).forEach((field, column) => this.#push(port, field, { input: at, column }));
  }

  #push(port, field, source) {
    const output = this.outputs.get(port);
    if (output === undefined) throw new PluginError(`no output \`${port}\``);
    if (output.fields.some((other) => other.name === field.name)) {
      throw new DataError(
        `output \`${port}\` would have two columns \`${field.name}\`; rename or drop the input's`,
      );
    }
    if (source !== null) output.passed.push({ field: output.fields.length, ...source });
    output.fields.push(field);
  }
}

/** A column of an input, looked at but not yet read. */
class ColumnRef {
  #bind;
  #port;
  #param;

  constructor(bind, input, port, index, field, param) {
    this.#bind = bind;
    this.#port = port;
    this.#param = param;
    this.input = input;
    this.index = index;
    /** The column's name, type and metadata. */
    this.field = field;
  }

  /** Demands that `check` holds for the type; `expected` says what would do. */
  ofType(expected, check) {
    if (check(this.field.type)) return this;
    const found = String(this.field.type);
    throw new WrongType(this.#port, this.field.name, this.#param, expected, found);
  }

  /** Demands an integer or floating-point column. */
  number() {
    return this.ofType("a number", isNumber);
  }

  /** Demands text, plain or dictionary-encoded. */
  text() {
    return this.ofType("text", isText);
  }

  /** Demands one of `units`; a column without a unit passes. */
  unit(...units) {
    const unit = this.field.unit;
    if (unit === null || units.includes(unit)) return this;
    throw new WrongUnit(this.#port, this.field.name, this.#param, units.join(" or "), unit);
  }

  /**
   * Declares that runs read this column. Reading any other is refused. `purpose` is `feature`,
   * `label`, `key`, `weight` or `value`.
   */
  read(purpose) {
    const read = { input: this.input, column: this.index, purpose };
    const isRead = (other) => Object.keys(read).every((key) => other[key] === read[key]);
    if (!this.#bind.reads.some(isRead)) this.#bind.reads.push(read);
    return this.field;
  }
}

/**
 * The name of the key among the `fields` of input `port`: `named`, or else the column whose UCD
 * starts with `meta.id` and says `meta.main`.
 *
 * @throws {ParamError} for `key` when there is neither
 */
export function keyOf(fields, port, named = null) {
  if (named !== null) return named;
  const isKey = ({ ucd }) => ucd !== null && ucd.startsWith("meta.id") && ucd.includes("meta.main");
  const key = fields.find(isKey);
  if (key !== undefined) return key.name;
  throw new ParamError(
    "key",
    `no column of input \`${port}\` is marked as key; name one here, or with \`key\` in the ingester`,
  );
}
