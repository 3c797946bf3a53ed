/**
 * Heavy numerical routines that the host lends: at native speed, on all cores that idle.
 *
 * Write `kernels = true` in `plugin.toml` to have them: `import * as kernels from
 * "skyloom/kernels.js"`. Numbers go over in bulk, as typed arrays; other arrays of numbers are
 * copied into such. What does not fit is a `PluginError` that says what is wrong with it.
 *
 * Light curves are `{ offsets, times, values, errors, bands }`, one behind the other, as Arrow
 * lays out lists: `offsets` say where each begins, and at last the number of points; times in days,
 * finite, in any order; values finite; errors 1σ, positive, or left out; bands are small integers, or
 * left out.
 *
 * Frequencies, in cycles per day, are `{ minimum, step, count }`; or `{ samplesPerPeak, minimum,
 * maximum }`, which suit the time span of each light curve: so many in a peak, 5 if not said, whose width is
 * one over the time span, from half a step on if not said.
 *
 * Peaks come as `{ frequencies, values }`, for each light curve as many as were asked for, the best
 * first, NaN where there are fewer.
 */

import host from "skyloom:plugin/kernels@0.1.0";

import { PluginError } from "./errors.js";

/** In the features of trees, a node that tests nothing: a leaf. */
export const LEAF = 2 ** 32 - 1;

/**
 * The highest peaks of the generalised Lomb–Scargle periodogram, with a floating mean and a power
 * in 0..1; with bands, one sinusoid and mean for each. Also gives `falseAlarmProbabilities`: how
 * often noise alone has a peak as high (Baluev 2008); NaN with several bands.
 *
 * Zechmeister & Kürster 2009, doi:10.1051/0004-6361:200811296; VanderPlas & Ivezić 2015,
 * doi:10.1088/0004-637X/812/1/18.
 */
export function lombScargle(curves, frequencies, peaks = 1) {
  const found = told(() => host.lombScargle(curvesOf(curves), frequenciesOf(frequencies), peaks));
  const falseAlarmProbabilities = floats(found.falseAlarmProbabilities);
  return { ...peaksOf(found.peaks), falseAlarmProbabilities };
}

/**
 * The lowest minima of the conditional entropy of the folded light curve, in nats.
 *
 * Graham et al. 2013, doi:10.1093/mnras/stt1264.
 */
export function conditionalEntropy(curves, frequencies, phaseBins, valueBins, peaks = 1) {
  const asked = [curvesOf(curves), frequenciesOf(frequencies), phaseBins, valueBins, peaks];
  return peaksOf(told(() => host.conditionalEntropy(...asked)));
}

/**
 * The lowest minima of the phase dispersion, over `bins` phase bins, `covers` times.
 *
 * Stellingwerf 1978, doi:10.1086/156444.
 */
export function phaseDispersion(curves, frequencies, bins, covers, peaks = 1) {
  const asked = [curvesOf(curves), frequenciesOf(frequencies), bins, covers, peaks];
  return peaksOf(told(() => host.phaseDispersion(...asked)));
}

/** Phases in 0..1 of times in days, 0 at `epoch`. */
export function phaseFold(times, period, epoch) {
  return floats(told(() => host.phaseFold(bytesOf(Float64Array, times), period, epoch)));
}

/**
 * For each light curve, how many pairs of points differ by so much in time and value: time bins by
 * value bins. Edges rise.
 *
 * Mahabal et al. 2017, doi:10.1109/SSCI.2017.8280984.
 */
export function pairwiseHistogram(curves, timeEdges, valueEdges) {
  const edges = [timeEdges, valueEdges].map((each) => bytesOf(Float64Array, each));
  return integers(told(() => host.pairwiseHistogram(curvesOf(curves), ...edges)));
}

/**
 * The `count` nearest of `known` to each of `queries`: rows of `dimensions` numbers. Gives
 * `indices`, rows of `known`, the nearest first, of equally near ones the earlier first; and
 * `distances`, Euclidean.
 */
export function knn(known, queries, dimensions, count) {
  const rows = [known, queries].map((each) => bytesOf(Float64Array, each));
  const found = told(() => host.knn(...rows, dimensions, count));
  return { indices: integers(found.indices), distances: floats(found.distances) };
}

/**
 * Trees, checked and packed once for many calls. Rows go over one behind the other, NaN where a
 * value is missing.
 *
 * Trees are `{ offsets, features, thresholds, lefts, rights, missingLeft, covers, values,
 * classOfTree, isSum, width, classes }`, node by node. To the left go values up to and including
 * the threshold. Offsets say where each tree begins, and at last the number of nodes; the feature
 * of a leaf is `LEAF`; children are counted from the tree's first node, and come after their parent;
 * `missingLeft` is 1 where missing values go to the left. Covers, which only `treeShap` needs, are the
 * weight of the training rows that came by. `classOfTree` is left out where leaves have a value for every
 * class, as in a random forest. The answers of trees are added if `isSum`; else their mean is taken.
 */
export class Forest {
  #packed;

  constructor(trees) {
    const { classOfTree, isSum = false, width, classes } = trees;
    const of = (Kind, name) => bytesOf(Kind, trees[name] ?? []);
    const packed = {
      offsets: of(Uint32Array, "offsets"),
      features: of(Uint32Array, "features"),
      thresholds: of(Float64Array, "thresholds"),
      lefts: of(Uint32Array, "lefts"),
      rights: of(Uint32Array, "rights"),
      missingLeft: of(Uint8Array, "missingLeft"),
      covers: of(Float64Array, "covers"),
      values: of(Float64Array, "values"),
      leaves: classOfTree
        ? { tag: "one-class", val: bytesOf(Uint32Array, classOfTree) }
        : { tag: "every-class" },
      together: isSum ? "sum" : "mean",
      width,
      classes,
    };
    this.#packed = told(() => host.Forest.pack(packed));
  }

  /** Of each row the value of each class. */
  predict(rows) {
    return floats(told(() => this.#packed.predict(bytesOf(Float64Array, rows))));
  }

  /**
   * Of each row the Shapley value of each feature for each class, class by class; needs covers.
   *
   * Path-dependent TreeSHAP, Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.
   */
  treeShap(rows) {
    return floats(told(() => this.#packed.treeShap(bytesOf(Float64Array, rows), null)));
  }
}

/** The bytes of an array of this kind: WebAssembly is little-endian itself. */
function bytesOf(Kind, values) {
  const array = values instanceof Kind ? values : Kind.from(values);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Numbers of bytes, which may lie anywhere. */
function floats(bytes) {
  return new Float64Array(Uint8Array.from(bytes).buffer);
}

function integers(bytes) {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function curvesOf({ offsets, times, values, errors = null, bands = null }) {
  return {
    offsets: bytesOf(Uint32Array, offsets),
    times: bytesOf(Float64Array, times),
    values: bytesOf(Float64Array, values),
    errors: errors && bytesOf(Float64Array, errors),
    bands: bands && bytesOf(Uint8Array, bands),
  };
}

function frequenciesOf(asked) {
  if ("step" in asked) {
    const { minimum, step, count } = asked;
    return { tag: "fixed", val: { minimum, step, count } };
  }
  const { samplesPerPeak = 5, minimum = null, maximum } = asked;
  return { tag: "fitting", val: { samplesPerPeak, minimum, maximum } };
}

function peaksOf({ frequencies, values }) {
  return { frequencies: floats(frequencies), values: floats(values) };
}

/** What the host answers; its words as an error. */
function told(call) {
  try {
    return call();
  } catch (refusal) {
    const words = refusal?.payload ?? refusal;
    if (words instanceof Error) throw words;
    throw new PluginError(String(words?.val ?? words));
  }
}
