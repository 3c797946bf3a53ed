/**
 * Adds the signal-to-noise ratio of a measured column.
 *
 * `signal-to-noise.js` is the formula; here is which columns come in and which go out.
 */

import { each, field, float64, parameters, plugin, table, text } from "skyloom";

import { signalToNoise } from "./signal-to-noise.js";

export default plugin({
  name: "plugin-name",
  version: "0.1.0",
  description: "PLUGIN DESCRIPTION",
  role: "feature-extractor",
  inputs: [table("table", "Any table with a measured column and its error.")],
  outputs: [table("features", "The same table and the signal-to-noise ratio.")],
  params: parameters("What may stand under `with:` in a workflow.", {
    value: text("The column that was measured."),
    error: text("The column with its 1σ error, in the same unit."),
    name: text("What the new column is called.", { default: "snr" }),
  }),

  bind(params, bind) {
    const { unit } = bind.column("table", params.value, "value").number().read("value");
    const error = bind.column("table", params.error, "error").number();
    if (unit !== null) error.unit(unit);
    error.read("value");
    bind.passAll("features", "table");
    const snr = field(params.name, float64).withUcd("stat.snr");
    bind.add("features", snr.withDescription(`${params.value} over ${params.error}`));
  },

  map(params, batch) {
    return [each(signalToNoise, batch.numbers(params.value), batch.numbers(params.error))];
  },
});
