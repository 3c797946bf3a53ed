/**
 * Tells two classes apart by a threshold on one column.
 *
 * `cut.js` is the rule; here, columns come in and the key, a class and its probabilities go out.
 */

import {
  ParamError,
  each,
  field,
  float64,
  number,
  optional,
  parameters,
  plugin,
  table,
  text,
  utf8,
} from "skyloom";

import { probabilityAbove } from "./cut.js";

export default plugin({
  name: "plugin-name",
  version: "0.1.0",
  description: "PLUGIN DESCRIPTION",
  role: "classifier",
  inputs: [table("data", "Rows to classify, with a key and the column that decides.")],
  outputs: [table("predictions", "The key, the likelier class, a probability for each class.")],
  params: parameters("What may stand under `with:` in a workflow.", {
    column: text("The column that decides."),
    threshold: number("Where the classes part."),
    above: text("The class of rows above the threshold."),
    below: text("The class of rows below it."),
    width: number(
      "On both sides of the threshold, the probability changes over this distance; 0 for a sharp cut.",
      { default: 0, minimum: 0 },
    ),
    key: optional(text("The column that says which row this is. Without, the one marked as key.")),
  }),

  bind(params, bind) {
    if (params.above === params.below) {
      throw new ParamError("below", "the two classes need different names");
    }
    bind.column("data", params.column, "column").number().read("feature");
    const key = bind.key("data", params.key);
    bind.column("data", key, params.key === null ? null : "key");
    bind.pass("predictions", "data", key);
    const classes = [params.above, params.below];
    const predicted = field("class", utf8).withCategories(classes);
    const meaning = "the likelier class; null where the column has no value";
    bind.add("predictions", predicted.withDescription(meaning));
    for (const name of classes) {
      const probability = field(`p_${name}`, float64);
      bind.add("predictions", probability.withDescription(`probability of class ${name}`));
    }
  },

  map({ column, threshold, width, above, below }, batch) {
    const probability = (value) => probabilityAbove(value, threshold, width);
    const isAbove = each(probability, batch.numbers(column));
    return [
      each((p) => (p >= 0.5 ? above : below), isAbove),
      isAbove,
      each((p) => 1 - p, isAbove),
    ];
  },
});
