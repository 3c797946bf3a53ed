/**
 * Says which of several cuts decided about each object, and by how much.
 *
 * `cuts.js` is the rule; here, columns come in and the key, the margin, what contributes to it
 * and a sentence go out.
 */

import {
  ParamError,
  boolean,
  field,
  float64,
  list,
  number,
  optional,
  plugin,
  parameters,
  table,
  text,
  utf8,
} from "skyloom";

import { isBelow, judge } from "./cuts.js";

/** What an object at the threshold of its deciding cut has. */
const BASE_VALUE = 0;

const CUT = {
  description: "One cut: a column, and the threshold that its values are to lie below or above.",
  type: "object",
  properties: {
    column: text("The column that is looked at."),
    below: number("Values up to this pass."),
    above: number("Values from this on pass."),
    scale: number("What counts as far, in the unit of the column: margins are in units of it.", {
      default: 1,
      exclusiveMinimum: 0,
    }),
  },
  required: ["column"],
  additionalProperties: false,
};

export default plugin({
  name: "threshold-report",
  version: "0.1.0",
  description: "Says which of several cuts decided about each object, and by how much.",
  role: "explainer",
  inputs: [table("data", "Objects with a key and the columns that the cuts look at.")],
  outputs: [
    table("attributions", "The key, whether it is selected, the margin, what decided, in words too."),
  ],
  params: parameters("What may stand under `with:` in a workflow.", {
    cuts: list("The cuts; an object is selected if it passes all.", CUT, { minItems: 1 }),
    key: optional(text("The column that says which row this is. Without, the one marked as key.")),
  }),

  bind({ cuts, key: named }, bind) {
    for (const cut of cuts) {
      if (isBelow(cut) === (typeof cut.above === "number")) {
        throw new ParamError("cuts", `the cut on \`${cut.column}\` needs one of \`below\`, \`above\``);
      }
      bind.column("data", cut.column, "cuts").number().read("feature");
    }
    const key = bind.key("data", named);
    bind.column("data", key, named === null ? null : "key");
    bind.pass("attributions", "data", key);
    const add = (name, type, description) => {
      bind.add("attributions", field(name, type).withDescription(description));
    };
    add("selected", boolean, "whether it passes all cuts");
    add("margin", float64, "the least margin of all cuts, in units of its scale; from 0 on selected");
    add("base_value", float64, "the margin of an object at the threshold of its deciding cut");
    for (const column of columnsOf(cuts)) {
      add(`contribution_${column}`, float64, "what the column adds to the base value");
    }
    add("decided_by", utf8, "the column of the cut with the least margin");
    add("report", utf8, "the same in words");
  },

  map({ cuts }, batch) {
    const columns = cuts.map((cut) => [...batch.numbers(cut.column)]);
    const verdicts = Array.from({ length: batch.rows }, (_, row) =>
      judge(cuts, columns.map((column) => column[row])),
    );
    const column = (of) => verdicts.map(of);
    const decider = ({ decidedBy }) => (decidedBy === null ? null : cuts[decidedBy].column);
    return [
      column(({ selected }) => selected),
      column(({ margin }) => margin),
      column(({ margin }) => (margin === null ? null : BASE_VALUE)),
      ...columnsOf(cuts).map((name) =>
        column((verdict) => {
          if (verdict.margin === null) return null;
          return decider(verdict) === name ? verdict.margin - BASE_VALUE : 0;
        }),
      ),
      column(decider),
      column(({ report }) => report),
    ];
  },
});

/** Each column once, in the order of the cuts. */
function columnsOf(cuts) {
  return [...new Set(cuts.map((cut) => cut.column))];
}
