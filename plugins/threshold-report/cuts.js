/**
 * Several cuts at once: an object is selected if it passes all of them, so the cut that it passes
 * least, or fails most, decides.
 */

/**
 * How far a value lies on the good side of a cut, in units of the cut's scale; negative on the
 * wrong side. Null where the result is no finite number.
 *
 * @param {{ below?: number | null, above?: number | null, scale: number }} cut
 * @param {number | null} value
 * @returns {number | null}
 */
export function marginOf(cut, value) {
  if (value === null) return null;
  const distance = isBelow(cut) ? cut.below - value : value - cut.above;
  const margin = distance / cut.scale;
  return Number.isFinite(margin) ? margin : null;
}

/** Whether the cut asks for values below its threshold. */
export function isBelow(cut) {
  return typeof cut.below === "number";
}

/**
 * What becomes of one object. Of cuts with equal margins, the first decides. An object of which
 * a cut cannot be judged has no margin, and is not selected.
 *
 * @param {object[]} cuts
 * @param {(number | null)[]} values one for each cut
 * @returns {{ selected: boolean, margin: number | null, decidedBy: number | null, report: string }}
 */
export function judge(cuts, values) {
  const margins = cuts.map((cut, index) => marginOf(cut, values[index]));
  const unknown = margins.indexOf(null);
  if (unknown >= 0) {
    const report = `not judged: ${cuts[unknown].column} has no value`;
    return { selected: false, margin: null, decidedBy: null, report };
  }
  let decidedBy = 0;
  for (let index = 1; index < margins.length; index += 1) {
    if (margins[index] < margins[decidedBy]) decidedBy = index;
  }
  const margin = margins[decidedBy];
  // A cut is passed on its own threshold.
  const selected = margin >= 0;
  const report = sentence(cuts[decidedBy], values[decidedBy], selected);
  return { selected, margin, decidedBy, report };
}

function sentence(cut, value, selected) {
  const asked = isBelow(cut) ? `at most ${cut.below}` : `at least ${cut.above}`;
  const verdict = selected ? "selected, by least" : "not selected";
  return `${verdict}: ${cut.column} is ${short(value)}, ${asked} is asked`;
}

/** A number for people: six digits that mean something, none that does not. */
function short(value) {
  return String(Number(value.toPrecision(6)));
}
