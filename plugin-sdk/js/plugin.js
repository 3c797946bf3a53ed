/** What a plugin is made of. */

const ROLES = [
  "ingester", "feature-extractor", "transformer", "selector", "trainer", "classifier", "calibrator",
  "evaluator", "explainer", "simulator", "monitor",
];

/** A table: an input, cut in partitions where the scope says so, or an output. */
export function table(name, description) {
  return { name, kind: "table", optional: false, description };
}

/** A table that need not be connected. */
export function optionalTable(name, description) {
  return { name, kind: "table", optional: true, description };
}

/** A table that every run sees as a whole, such as a model. */
export function wholeTable(name, description) {
  return { name, kind: "whole-table", optional: false, description };
}

/** A file. */
export function blob(name, description) {
  return { name, kind: "blob", optional: false, description };
}

/**
 * A plugin. Write `map` where each batch of the one input gives one batch of the one output, row
 * for row; `run` for anything else.
 */
export function plugin(told) {
  if (!ROLES.includes(told.role)) {
    throw new TypeError(`a plugin's role is one of ${ROLES.join(", ")}, not ${told.role}`);
  }
  if (typeof told.bind !== "function") throw new TypeError("a plugin has a function `bind`");
  if (typeof told.map !== "function" && typeof told.run !== "function") {
    throw new TypeError("a plugin has a function `map`, or `run`");
  }
  return {
    scope: "partition",
    inputs: [],
    outputs: [],
    citations: [],
    params: { type: "object" },
    run(params, task) {
      const [reader, writer] = task.first();
      for (const batch of reader) writer.derive(batch, this.map(params, batch));
    },
    ...told,
  };
}
