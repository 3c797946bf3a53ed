"""A cut, sharp or blurred."""

from math import isnan


def probability_above(value: float, threshold: float, width: float) -> float | None:
    """The probability, in [0, 1], that `value` belongs to the class above `threshold`.

    It rises linearly from 0 at `threshold - width` to 1 at `threshold + width`, all three in one
    unit; with width 0 it is 1 from the threshold on. None where the value is not a number.
    """
    if isnan(value):
        return None
    if width == 0.0:
        return 1.0 if value >= threshold else 0.0
    return min(max((value - threshold + width) / (2.0 * width), 0.0), 1.0)
