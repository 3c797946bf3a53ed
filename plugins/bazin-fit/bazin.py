"""The light curve of a transient, after Bazin et al. (2009), fitted by least squares.

    f(t) = A exp(−(t − t0) / fall) / (1 + exp(−(t − t0) / rise)) + B

It rises over `rise`, falls over `fall`, and names no physics: a common yardstick for the light
curves of supernovae (Bazin et al. 2009, A&A 499, 653, doi:10.1051/0004-6361/200911847, eq. 1).
The fit is that of Levenberg (1944, doi:10.1090/qam/10666) and Marquardt (1963,
doi:10.1137/0111030), with the logarithms of both times, so that they stay positive.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, log

#: Free numbers of the function.
PARAMETERS = 5
#: `rise` and `fall` stay between these, in units of the span of the curve.
SHORTEST, LONGEST = 1e-4, 10.0
#: A step that gains less than this part of χ² is the last.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Fit:
    """What was found; times as those of the curve, fluxes as its own."""

    amplitude: float
    t0: float
    rise: float
    fall: float
    baseline: float
    #: χ² over points less free numbers.
    reduced_chi2: float
    #: Whether the last step gained nothing any more, before there were too many.
    converged: bool


def flux(time: float, amplitude: float, t0: float, rise: float, fall: float, baseline: float) -> float:
    """The function at one time."""
    return amplitude * _shape(time - t0, rise, fall)[0] + baseline


def fit(
    times: list[float],
    fluxes: list[float],
    errors: list[float],
    rise: float,
    fall: float,
    max_steps: int,
) -> Fit | None:
    """Fits one light curve, from `rise` and `fall` on; the brightest point is the first `t0`.

    All three lists have the same length; points that are not finite, or whose error is not
    positive, are left out. None with fewer points than the function has free numbers and one,
    or when all are at one time.
    """
    points = [
        (time, value, 1.0 / error)
        for time, value, error in zip(times, fluxes, errors)
        if isfinite(time) and isfinite(value) and isfinite(error) and error > 0.0
    ]
    if len(points) <= PARAMETERS:
        return None
    points.sort()
    first, last = points[0][0], points[-1][0]
    span = last - first
    if span <= 0.0:
        return None
    # Times from the first on: large dates would cost digits.
    points = [(time - first, value, weight) for time, value, weight in points]
    bounds = (log(SHORTEST * span), log(LONGEST * span))
    brightest = max(points, key=lambda point: point[1])
    baseline = sorted(value for _, value, _ in points)[len(points) // 2]
    guess = [
        2.0 * (brightest[1] - baseline),
        brightest[0],
        min(max(log(rise), bounds[0]), bounds[1]),
        min(max(log(fall), bounds[0]), bounds[1]),
        baseline,
    ]
    found, chi2, converged = _descend(points, guess, span, bounds, max_steps)
    amplitude, t0, log_rise, log_fall, baseline = found
    return Fit(
        amplitude,
        first + t0,
        exp(log_rise),
        exp(log_fall),
        baseline,
        chi2 / (len(points) - PARAMETERS),
        converged,
    )


def _descend(points, start, span, bounds, max_steps):
    """Steps downhill from `start`: the numbers, χ², and whether it has converged."""
    found, damping = start, 1e-3
    gradient, curvature, chi2 = _normal(points, found)
    for _ in range(max_steps):
        damped = [
            [value * (1.0 + damping) if row == column else value for column, value in enumerate(line)]
            for row, line in enumerate(curvature)
        ]
        step = _solved(damped, gradient)
        tried = None if step is None else [value + move for value, move in zip(found, step)]
        inside = (
            tried is not None
            and -span <= tried[1] <= 2.0 * span
            and bounds[0] <= tried[2] <= bounds[1]
            and bounds[0] <= tried[3] <= bounds[1]
        )
        new_chi2 = _chi2(points, tried) if inside else inf
        if new_chi2 < chi2:
            gained = chi2 - new_chi2
            found, damping = tried, max(damping * 0.1, 1e-12)
            gradient, curvature, chi2 = _normal(points, found)
            if gained <= TOLERANCE * chi2:
                return found, chi2, True
        elif damping > 1e12:
            # No step is small enough to gain: this is the lowest place.
            return found, chi2, True
        else:
            damping *= 10.0
    return found, chi2, False


def _shape(since: float, rise: float, fall: float) -> tuple[float, float]:
    """The function of amplitude 1, and the part of the rise that is still to come."""
    late = -since / rise
    if late > 0.0:
        small = exp(-late)
        # Both exponents in one: each alone may be too large.
        return exp(min(-since / fall - late, 700.0)) / (1.0 + small), 1.0 / (1.0 + small)
    small = exp(late)
    return exp(-since / fall) / (1.0 + small), small / (1.0 + small)


def _chi2(points, numbers) -> float:
    amplitude, t0, log_rise, log_fall, baseline = numbers
    rise, fall = exp(log_rise), exp(log_fall)
    total = 0.0
    for time, value, weight in points:
        residual = (value - amplitude * _shape(time - t0, rise, fall)[0] - baseline) * weight
        total += residual * residual
    return total if isfinite(total) else inf


def _normal(points, numbers):
    """Right-hand side and matrix of the normal equations, and χ²."""
    amplitude, t0, log_rise, log_fall, baseline = numbers
    rise, fall = exp(log_rise), exp(log_fall)
    gradient = [0.0] * PARAMETERS
    curvature = [[0.0] * PARAMETERS for _ in range(PARAMETERS)]
    chi2 = 0.0
    for time, value, weight in points:
        since = time - t0
        shape, to_come = _shape(since, rise, fall)
        height = amplitude * shape
        slopes = (
            shape * weight,
            height * (1.0 / fall - to_come / rise) * weight,
            -height * to_come * since / rise * weight,
            height * since / fall * weight,
            weight,
        )
        residual = (value - height - baseline) * weight
        chi2 += residual * residual
        for row in range(PARAMETERS):
            gradient[row] += slopes[row] * residual
            line = curvature[row]
            for column in range(row + 1):
                line[column] += slopes[row] * slopes[column]
    for row in range(PARAMETERS):
        for column in range(row):
            curvature[column][row] = curvature[row][column]
    return gradient, curvature, chi2


def _solved(matrix, right):
    """The solution of linear equations by elimination with pivots; none if there is none."""
    rows = [[*line, value] for line, value in zip(matrix, right)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        if not isfinite(rows[pivot][column]) or rows[pivot][column] == 0.0:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            for at in range(column, size + 1):
                rows[row][at] -= factor * rows[column][at]
    solution = [0.0] * size
    for row in reversed(range(size)):
        rest = sum(rows[row][at] * solution[at] for at in range(row + 1, size))
        solution[row] = (rows[row][size] - rest) / rows[row][row]
    return solution if all(isfinite(value) for value in solution) else None
