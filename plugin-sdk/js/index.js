/**
 * What plugin authors use to write Skyloom plugins in JavaScript.
 *
 * A plugin is an object. It says what it is, which columns it reads and makes, and maps batches:
 *
 *     export default plugin({
 *       name: "ratio", version: "0.1.0", description: "…", role: "feature-extractor",
 *       inputs: [table("table", "…")], outputs: [table("features", "…")],
 *       params: parameters("…", { value: text("…") }),
 *       bind(params, bind) { … },
 *       map(params, batch) { … },
 *     });
 */

export { Bind, keyOf } from "./bind.js";
export { Column, Items, Lists, Numbers, build } from "./column.js";
export { Batch, Blob, Reader, Task, Writer, each } from "./data.js";
export {
  DataError,
  HostError,
  MissingColumn,
  ParamError,
  PluginError,
  WrongType,
  WrongUnit,
} from "./errors.js";
export { decode } from "./text.js";
export { choice, flag, integer, list, number, optional, parameters, text } from "./params.js";
export { blob, optionalTable, plugin, table, wholeTable } from "./plugin.js";
export {
  boolean,
  dictionary,
  field,
  float32,
  float64,
  int32,
  int64,
  isNumber,
  isText,
  listOf,
  struct,
  utf8,
} from "./schema.js";
