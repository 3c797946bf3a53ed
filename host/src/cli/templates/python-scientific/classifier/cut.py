"""A cut, sharp or blurred."""

import numpy as np


def probability_above(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """The probability, in `[0, 1]`, that `value` belongs to the class above `threshold`.

    It rises linearly from 0 at `threshold - width` to 1 at `threshold + width`, all three in
    one unit; with width 0 it is 1 from the threshold on. NaN where the value is not a number.
    """
    if width == 0:
        above = np.where(value >= threshold, 1.0, 0.0)
    else:
        above = np.clip((value - threshold + width) / (2 * width), 0.0, 1.0)
    return np.where(np.isnan(value), np.nan, above)
