"""How far a measurement stands out of its noise."""

import numpy as np


def signal_to_noise(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """The signal-to-noise ratio `value / error`, of no unit.

    `error` is the 1σ error of `value`, in the same unit and of the same length. Negative
    values, as faint fluxes can be, give negative ratios. NaN where the error is not a positive
    number, or the value is not a number.
    """
    with np.errstate(all="ignore"):
        ratio = value / error
    return np.where((error > 0) & np.isfinite(ratio), ratio, np.nan)
