/** How far a value lies from a threshold. */

/**
 * `value - threshold`, over `width` where that is positive; all three in one unit. Null where the
 * result is no finite number.
 *
 * @param {number} value
 * @param {number} threshold
 * @param {number} width
 * @returns {number | null}
 */
export function marginOf(value, threshold, width) {
  const distance = value - threshold;
  const margin = width > 0 ? distance / width : distance;
  return Number.isFinite(margin) ? margin : null;
}
