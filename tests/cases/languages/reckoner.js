/** Asks the host's kernels about one light curve. */

import { PluginError, field, float64, plugin, table } from "skyloom";
import * as kernels from "skyloom/kernels.js";

const COLUMNS = ["time", "value", "error"];

export default plugin({
  name: "reckoner",
  version: "0.1.0",
  description: "Asks the host's kernels.",
  role: "transformer",
  inputs: [table("table", "A light curve: `time`, `value`, `error`.")],
  outputs: [table("answers", "All numbers of all answers.")],

  bind(params, bind) {
    for (const name of COLUMNS) bind.column("table", name).number().read("value");
    bind.add("answers", field("answer", float64));
  },

  run(params, task) {
    for (const batch of task.input("table")) {
      const columns = COLUMNS.map((name) => batch.numbers(name).values);
      task.output("answers").put([answers(...columns)]);
    }
  },
});

function answers(times, values, errors) {
  const plain = { offsets: [0, times.length], times, values };
  const grid = { minimum: 0.05, step: 0.001, count: 400 };
  const numbers = [];
  for (const found of [
    kernels.lombScargle({ ...plain, errors }, grid, 2),
    kernels.lombScargle(plain, { maximum: 0.5 }),
  ]) {
    numbers.push(...found.frequencies, ...found.values, ...found.falseAlarmProbabilities);
  }
  const fitting = { samplesPerPeak: 4, minimum: 0.1, maximum: 0.5 };
  for (const found of [
    kernels.conditionalEntropy(plain, grid, 10, 5),
    kernels.phaseDispersion(plain, fitting, 10, 2, 2),
  ]) {
    numbers.push(...found.frequencies, ...found.values);
  }
  numbers.push(...kernels.phaseFold(times, 1 / 0.3, 60_000.5));
  const near = kernels.knn(times, [60_100.25, 60_400.0], 1, 3);
  numbers.push(...near.indices, ...near.distances);
  numbers.push(...kernels.pairwiseHistogram(plain, [0, 10, 100], [-1, -0.1, 0.1, 1]));
  const forest = new kernels.Forest({
    offsets: [0, 3],
    features: [0, kernels.LEAF, kernels.LEAF],
    thresholds: [0.5, 0, 0],
    lefts: [1, 0, 0],
    rights: [2, 0, 0],
    missingLeft: [1, 0, 0],
    covers: [4, 1, 3],
    values: [0, 0.25, 0.75],
    width: 1,
    classes: 1,
  });
  const rows = [0.5, 0.75, NaN];
  numbers.push(...forest.predict(rows), ...forest.treeShap(rows));
  try {
    kernels.phaseFold(times, 0, 0);
  } catch (error) {
    numbers.push(Number(error instanceof PluginError && error.message.includes("period")));
  }
  return numbers;
}
