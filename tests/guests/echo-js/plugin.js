/**
 * Emits every column it reads, as a new one: what comes back has crossed the border twice, and was
 * JavaScript values in between, or, with `as-it-is`, the SDK's columns.
 */

import { flag, parameters, plugin, table } from "skyloom";

export default plugin({
  name: "echo-js",
  version: "0.1.0",
  description: "Gives back what it is given.",
  role: "transformer",
  inputs: [table("table", "Any table.")],
  outputs: [table("table", "The same table.")],
  params: parameters("What may stand under `with:` in a workflow.", {
    asItIs: flag("Columns are not made anew.", { default: false }),
  }),

  bind(params, bind) {
    for (const field of bind.fields("table")) {
      bind.column("table", field.name).read("value");
      bind.add("table", field);
    }
  },

  run({ asItIs }, task) {
    const output = task.output("table");
    for (const batch of task.input("table")) {
      const columns = batch.fields.map((_, index) => batch.column(index));
      output.put(asItIs ? columns : columns.map((column) => column.toArray()));
    }
  },
});
