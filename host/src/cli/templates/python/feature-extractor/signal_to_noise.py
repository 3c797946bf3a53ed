"""How far a measurement stands out of its noise."""

from math import isfinite


def signal_to_noise(value: float, error: float) -> float | None:
    """The signal-to-noise ratio `value / error`, of no unit.

    `error` is the 1σ error of `value`, in the same unit. Negative values, as faint fluxes can
    be, give negative ratios. None where the error is not a positive number, or the value is
    not a number.
    """
    if not error > 0.0:
        return None
    ratio = value / error
    return ratio if isfinite(ratio) else None
