/** How far a measurement stands out of its noise. */

/**
 * The signal-to-noise ratio `value / error`, of no unit.
 *
 * Negative values, as faint fluxes can be, give negative ratios. Null where the error is not a
 * positive number, or the value is not a number.
 *
 * @param {number} value
 * @param {number} error the 1σ error of `value`, in the same unit
 * @returns {number | null}
 */
export function signalToNoise(value, error) {
  const ratio = value / error;
  return error > 0 && Number.isFinite(ratio) ? ratio : null;
}
