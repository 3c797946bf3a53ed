/** A cut, sharp or blurred. */

/**
 * The probability, in `[0, 1]`, that `value` belongs to the class above `threshold`.
 *
 * It rises linearly from 0 at `threshold - width` to 1 at `threshold + width`, all three in one
 * unit; with width 0 it is 1 from the threshold on. Null where the value is not a number.
 *
 * @param {number} value
 * @param {number} threshold
 * @param {number} width
 * @returns {number | null}
 */
export function probabilityAbove(value, threshold, width) {
  if (Number.isNaN(value)) return null;
  if (width === 0) return value >= threshold ? 1 : 0;
  const probability = (value - threshold + width) / (2 * width);
  if (probability < 0) return 0;
  return probability > 1 ? 1 : probability;
}
