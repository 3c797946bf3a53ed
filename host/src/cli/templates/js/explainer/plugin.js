/**
 * Explains a threshold on one column: how far each row lies from it.
 *
 * `margin.js` is the formula; here, columns come in and the key, the margin and what it is made
 * of go out.
 */

import { each, field, float64, number, optional, parameters, plugin, table, text } from "skyloom";

import { marginOf } from "./margin.js";

/** What a row at the threshold has. */
const BASE_VALUE = 0;

export default plugin({
  name: "plugin-name",
  version: "0.1.0",
  description: "PLUGIN DESCRIPTION",
  role: "explainer",
  inputs: [table("data", "The rows that were classified, with a key and the column that decides.")],
  outputs: [table("attributions", "The key, the margin, and what contributes to it.")],
  params: parameters("What may stand under `with:` in a workflow.", {
    column: text("The column that decides."),
    threshold: number("Where the classes part."),
    width: number("The unit of the margin, in that of the column; 0 for the column's own.", {
      default: 0,
      minimum: 0,
    }),
    key: optional(text("The column that says which row this is. Without, the one marked as key.")),
  }),

  bind(params, bind) {
    bind.column("data", params.column, "column").number().read("feature");
    const key = bind.key("data", params.key);
    bind.column("data", key, params.key === null ? null : "key");
    bind.pass("attributions", "data", key);
    for (const [name, description] of [
      ["margin", "distance from the threshold, positive above it"],
      ["base_value", "the margin of a row at the threshold"],
      [`contribution_${params.column}`, "what the column adds to the base value"],
    ]) {
      bind.add("attributions", field(name, float64).withDescription(description));
    }
  },

  map({ column, threshold, width }, batch) {
    const margins = each((value) => marginOf(value, threshold, width), batch.numbers(column));
    return [
      margins,
      each(() => BASE_VALUE, margins),
      each((margin) => margin - BASE_VALUE, margins),
    ];
  },
});
