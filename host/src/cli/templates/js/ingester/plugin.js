/**
 * Reads text tables whose columns are set apart by white space.
 *
 * `lines.js` takes text apart, and tells what type a column is of; here, the file comes in and a
 * typed table goes out.
 */

import {
  DataError,
  ParamError,
  blob,
  decode,
  field,
  float64,
  list,
  optional,
  parameters,
  plugin,
  table,
  text,
  utf8,
} from "skyloom";

import { LineError, Lines, numberOf, widen } from "./lines.js";

const FILE = "file";
const TABLE = "table";
/** So many bytes are read at once. */
const CHUNK = 1 << 20;

export default plugin({
  name: "plugin-name",
  version: "0.1.0",
  description: "PLUGIN DESCRIPTION",
  role: "ingester",
  scope: "whole",
  inputs: [blob(FILE, "Text in UTF-8, one row a line, fields set apart by white space.")],
  outputs: [table(TABLE, "Its rows, in order. A column is of numbers if all its values are.")],
  params: parameters("What may stand under `with:` in a workflow.", {
    columns: list("The names of the columns, from left to right.", { type: "string" }, { minItems: 1 }),
    key: optional(text("The column that says which row this is.")),
    comment: text("Lines that begin so are left out.", { default: "#" }),
    missing: list("What stands where there is no value.", { type: "string" }, { default: ["-"] }),
  }),

  bind(params, bind) {
    const { columns, key } = params;
    if (key !== null && !columns.includes(key)) {
      throw new ParamError("key", `\`columns\` names no \`${key}\``);
    }
    const numbers = kinds(params, bind.blob(FILE));
    columns.forEach((name, column) => {
      const made = field(name, numbers[column] ? float64 : utf8);
      bind.add(TABLE, name === key ? made.withUcd("meta.id;meta.main") : made);
    });
  },

  run(params, task) {
    // The types are those that `bind` found: this run sees the same file.
    const numbers = kinds(params, task.blob(FILE));
    for (const [rows, position, size] of pieces(params, task.blob(FILE))) {
      task.output(TABLE).put(arrays(numbers, rows));
      task.progress(position, size);
    }
  },
});

/** The file's rows, with how far they reach, and how long the file is. */
function* pieces({ comment, missing, columns }, file) {
  const lines = new Lines({ comment, missing, columns: columns.length, decode });
  const { name, size } = file;
  for (let position = 0; position < size; ) {
    const bytes = file.read(position, CHUNK);
    position += bytes.length;
    let rows;
    try {
      rows = lines.take(bytes, position === size);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new DataError(`\`${name}\`: ${error.message}`);
    }
    yield [rows, position, size];
  }
}

/** Of each column of the file, whether it holds numbers. */
function kinds(params, file) {
  const numbers = params.columns.map(() => true);
  for (const [rows] of pieces(params, file)) for (const row of rows) widen(numbers, row);
  return numbers;
}

/** Rows as typed columns. */
function arrays(numbers, rows) {
  return numbers.map((isNumber, column) =>
    rows.map((row) => (isNumber && row[column] !== null ? numberOf(row[column]) : row[column])),
  );
}
