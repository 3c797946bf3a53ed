"""How far a value lies from a threshold."""

from math import isfinite


def margin_of(value: float, threshold: float, width: float) -> float | None:
    """`value - threshold`, over `width` where that is positive; all three in one unit. None
    where the result is no finite number."""
    distance = value - threshold
    margin = distance / width if width > 0.0 else distance
    return margin if isfinite(margin) else None
