/**
 * Says by which cuts each object was selected or rejected, and by how much.
 *
 * `cuts.js` is the method; here, columns come in and margins, contributions and sentences go out.
 */

import {
  ParamError,
  boolean,
  field,
  float64,
  keyOf,
  optional,
  parameters,
  plugin,
  table,
  text,
  utf8,
} from "skyloom";

import { contributions, deciding, marginOf, sentence } from "./cuts.js";

const CUT = {
  type: "object",
  properties: {
    name: { type: "string", description: "What the cut is called; as its column, if not said." },
    column: { type: "string", description: "The column that it looks at." },
    above: { type: "number", description: "The value must not be lower." },
    below: { type: "number", description: "The value must not be higher." },
    scale: {
      type: "number",
      description: "The unit of its margin, in that of the column: the spread of the objects, say.",
      exclusiveMinimum: 0,
      default: 1,
    },
  },
  required: ["column"],
  additionalProperties: false,
};

export default plugin({
  name: "threshold-report",
  version: "0.1.0",
  description: "Says by which cuts each object was selected or rejected, and by how much.",
  role: "explainer",
  inputs: [table("data", "The objects, with a key and the columns that the cuts look at.")],
  outputs: [table("attributions", "The key, the margin, what contributes to it, and a sentence.")],
  citations: ["doi:10.1287/mnsc.20.3.370"],
  params: parameters("What may stand under `with:` in a workflow.", {
    cuts: {
      type: "array",
      description: "The cuts, all of which must hold; each has either `above` or `below`.",
      items: CUT,
      minItems: 1,
    },
    class: optional(text("A column with the class of each object, for the sentence.")),
    key: optional(text("The column that says which row this is. Without, the one marked as key.")),
  }),

  bind(params, bind) {
    const key = bind.key("data", params.key);
    bind.column("data", key, params.key === null ? null : "key").read("key");
    const cuts = complete(params.cuts);
    cuts.forEach((cut, place) => {
      check(cut, place, cuts);
      bind.column("data", cut.column, "cuts").number().read("feature");
    });
    if (params.class !== null) bind.column("data", params.class, "class").text().read("value");
    bind.pass("attributions", "data", key);
    const add = (name, type, description) =>
      bind.add("attributions", field(name, type).withDescription(description));
    add("selected", boolean, "whether all cuts hold");
    add("margin", float64, "of the tightest cut, in its scale; negative on the wrong side");
    add("base_value", float64, "the margin of an object that lies on every threshold");
    for (const column of columns(cuts)) {
      add(`contribution_${column}`, float64, "what the cuts on this column add to the base value");
    }
    add("decided_by", utf8, "the tightest cut, or the first that cannot be judged");
    add("sentence", utf8, "the same for people");
  },

  map(params, batch) {
    const cuts = complete(params.cuts);
    const names = batch.column(keyColumn(params.key, batch)).toArray();
    const classes = params.class === null ? null : batch.strings(params.class);
    const numbers = new Map(columns(cuts).map((column) => [column, batch.numbers(column)]));
    const rows = names.map((name, row) => {
      const values = cuts.map(({ column }) => numbers.get(column).get(row));
      const kind = classes?.[row];
      return report(cuts, values, kind ? `${name} (${kind})` : String(name));
    });
    const parts = columns(cuts).map((_, place) => rows.map((row) => row.parts?.[place] ?? null));
    const of = (part) => rows.map((row) => row[part] ?? null);
    return [of("selected"), of("margin"), of("base"), ...parts, of("decidedBy"), of("sentence")];
  },
});

/** The cuts, with what was not said of them. */
function complete(cuts) {
  return cuts.map((cut) => ({ scale: 1, name: cut.column, ...cut }));
}

function check({ name, above, below }, place, cuts) {
  if ((above === undefined) === (below === undefined)) {
    throw new ParamError("cuts", `\`${name}\` needs either \`above\` or \`below\``);
  }
  if (cuts.findIndex((other) => other.name === name) !== place) {
    throw new ParamError("cuts", `there are two cuts \`${name}\`; give each its own name`);
  }
}

/** The columns that the cuts look at, each once. */
function columns(cuts) {
  return [...new Set(cuts.map(({ column }) => column))];
}

/** The column that says which row this is. */
function keyColumn(named, batch) {
  return keyOf(batch.fields, "data", named);
}

/** What is said of one object. */
function report(cuts, values, subject) {
  const margins = cuts.map((cut, place) => (values[place] === null ? NaN : marginOf(cut, values[place])));
  const missing = margins.findIndex((margin) => !Number.isFinite(margin));
  if (missing >= 0) {
    const { name, column } = cuts[missing];
    const why = values[missing] !== null && Number.isFinite(values[missing]) ? "is too far from it" : "has no value";
    return { decidedBy: name, sentence: `${subject} cannot be judged by \`${name}\`: ${column} ${why}` };
  }
  const shares = contributions(margins);
  const parts = columns(cuts).map((column) =>
    shares.reduce((sum, share, place) => (cuts[place].column === column ? sum + share : sum), 0),
  );
  return {
    selected: Math.min(...margins) >= 0,
    margin: Math.min(...margins),
    base: 0,
    parts,
    decidedBy: cuts[deciding(margins)].name,
    sentence: sentence(cuts, values, subject),
  };
}
