"""How far a value lies from a threshold."""

import numpy as np


def margin_of(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """`value - threshold`, over `width` where that is positive; all three in one unit. NaN
    where the result is no finite number."""
    with np.errstate(all="ignore"):
        distance = value - threshold
        margin = distance / width if width > 0 else distance
    return np.where(np.isfinite(margin), margin, np.nan)
