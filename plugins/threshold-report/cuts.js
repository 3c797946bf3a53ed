/**
 * A set of cuts, all of which must hold, and what each of them had to do with the outcome.
 *
 * The margin of a cut is how far a value lies on its right side, over the cut's scale: negative on
 * the wrong side. The margin of a set is that of its tightest cut, the least of all: the object is
 * selected where it is not negative.
 */

/**
 * @typedef {object} Cut
 * @property {string} name
 * @property {string} column
 * @property {number} [above] the value must not be lower
 * @property {number} [below] the value must not be higher
 * @property {number} scale the unit of the margin
 */

/**
 * The margin of one cut, of no unit.
 *
 * @param {Cut} cut
 * @param {number} value
 */
export function marginOf({ above, below, scale }, value) {
  return (above === undefined ? below - value : value - above) / scale;
}

/**
 * How much each cut contributes to the least of `margins`, against an object that lies on every
 * threshold: Shapley's values, of the game in which a cut that does not play counts as 0.
 *
 * Of an object that is selected, all cuts have the same share. Of one that is rejected, those that
 * hold have none, and the others share as aeroplanes share a runway (Littlechild & Owen 1973,
 * doi:10.1287/mnsc.20.3.370): what the mildest violation costs is shared by all that are at least
 * as bad, what the next costs beyond it by those that are left, and so on.
 *
 * @param {number[]} margins
 * @returns {number[]} their sum is the least margin, but for rounding
 */
export function contributions(margins) {
  const least = Math.min(...margins);
  if (least >= 0) return margins.map(() => least / margins.length);
  const violated = margins.map((margin, cut) => ({ cut, cost: Math.max(0, -margin) }));
  violated.sort((a, b) => a.cost - b.cost || a.cut - b.cut);
  const shares = new Array(margins.length).fill(0);
  let shared = 0;
  let paid = 0;
  violated.forEach(({ cut, cost }, place) => {
    shared += (cost - paid) / (margins.length - place);
    paid = cost;
    // Not −0, for a cut that holds.
    shares[cut] = 0 - shared;
  });
  return shares;
}

/** The place of the first cut with the least margin: the one that decided. */
export function deciding(margins) {
  return margins.indexOf(Math.min(...margins));
}

/**
 * One sentence on one object.
 *
 * @param {Cut[]} cuts
 * @param {number[]} values of the cuts' columns
 * @param {string} subject what the object is called
 */
export function sentence(cuts, values, subject) {
  const margins = cuts.map((cut, place) => marginOf(cut, values[place]));
  const place = deciding(margins);
  const said = distance(cuts[place], values[place]);
  if (margins[place] >= 0) {
    const all = cuts.length === 1 ? "the cut holds" : `all ${cuts.length} cuts hold`;
    return `${subject} is selected: ${all}, tightest \`${cuts[place].name}\`, where ${said}`;
  }
  const failed = margins.filter((margin) => margin < 0).length;
  const others = failed === 1 ? "" : `; ${failed} of ${cuts.length} cuts reject it`;
  return `${subject} is rejected by \`${cuts[place].name}\`: ${said}${others}`;
}

function distance({ column, above, below }, value) {
  const threshold = above ?? below;
  const apart = short(Math.abs(value - threshold));
  if (value === threshold) return `${column} = ${short(value)} is on the threshold`;
  return `${column} = ${short(value)} is ${apart} ${value > threshold ? "above" : "below"} ${threshold}`;
}

/** Four digits, without noughts at the end. */
function short(number) {
  return String(Number(number.toPrecision(4)));
}
