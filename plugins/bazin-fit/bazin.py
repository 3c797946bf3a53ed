"""The function of Bazin et al. 2009 (A&A 499, 653, doi:10.1051/0004-6361/200911847), and its fit.

    f(t) = amplitude * exp(-(t - t0) / fall) / (1 + exp(-(t - t0) / rise)) + baseline

It describes the light curve of a supernova in one band, without physics: a rise, a maximum, and an
exponential fall. t0 is not the time of maximum; that is t0 + rise * ln(fall / rise - 1).

Numbers in, numbers out; the fit is Levenberg's and Marquardt's (Marquardt 1963,
doi:10.1137/0111030), in plain Python and without chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log, log1p, sqrt

#: Amplitude, t0, ln(rise), ln(fall), baseline: logarithms keep time scales positive.
Vector = list[float]
SIZE = 5
#: Beyond this, exp() has no finite value.
LARGEST = 700.0
#: A step that moves nothing by more than this part is the last one.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Fit:
    """What fits best. `chi2` is reduced: over the number of points less five."""

    amplitude: float
    t0: float
    rise: float
    fall: float
    baseline: float
    chi2: float
    converged: bool


def flux(time: float, amplitude: float, t0: float, rise: float, fall: float, baseline: float) -> float:
    """The function itself; times and time scales in one unit. Infinite where exp() is."""
    return amplitude * _shape(time - t0, rise, fall)[0] + baseline


def _shape(x: float, rise: float, fall: float) -> tuple[float, float]:
    """exp(-x / fall) / (1 + exp(-x / rise)), and how much of it is not yet risen: 1 long before
    t0, 0 long after."""
    u = -x / rise
    if u > 0.0:
        small = exp(-u)
        logarithm, unrisen = u + log1p(small), 1.0 / (1.0 + small)
    else:
        small = exp(u)
        logarithm, unrisen = log1p(small), small / (1.0 + small)
    power = -x / fall - logarithm
    return (exp(power) if power < LARGEST else inf), unrisen


def fit(
    times: Sequence[float], fluxes: Sequence[float], errors: Sequence[float], iterations: int
) -> Fit | None:
    """The least sum of squared residuals over errors, found from several starts.

    Points with a value that is not finite, or an error that is not positive, are left out. None
    where fewer than six are left, or all at one time.
    """
    points = [
        point
        for point in zip(times, fluxes, errors)
        if all(map(isfinite, point)) and point[2] > 0.0
    ]
    if len(points) <= SIZE:
        return None
    points.sort()
    # Counted from the brightest point, times are small and lose no digits.
    origin = max(points, key=lambda point: point[1])[0]
    points = [(time - origin, value, error) for time, value, error in points]
    if points[0][0] == points[-1][0]:
        return None
    best, least, converged = None, inf, False
    for start in _starts(points):
        found, chi2, settled = _descend(points, start, iterations)
        # The first of equals stays: another must be better by more than rounding.
        if chi2 < least * (1.0 - 1e-9):
            best, least, converged = found, chi2, settled
    if best is None:
        return None
    amplitude, t0, rise, fall, baseline = best
    chi2 = least / (len(points) - SIZE)
    return Fit(amplitude, t0 + origin, exp(rise), exp(fall), baseline, chi2, converged)


def _starts(points: list[tuple[float, float, float]]) -> list[Vector]:
    """Where to begin: at the brightest point, over the faint ones, with time scales from how fast
    the curve rises and falls to half, and half and twice those."""
    values = sorted(value for _, value, _ in points)
    baseline = values[len(values) // 10]
    amplitude = values[-1] - baseline
    half = baseline + amplitude / 2.0
    span = points[-1][0] - points[0][0]
    before = [-time for time, value, _ in points if time < 0.0 and value < half]
    after = [time for time, value, _ in points if time > 0.0 and value < half]
    rise = (min(before) if before else span / 8.0) / 2.0
    fall = max(min(after) if after else span / 2.0, 1.5 * rise)
    return [
        [2.0 * amplitude, 0.0, log(rise * scale), log(fall * scale), baseline]
        for scale in (1.0, 0.5, 2.0)
    ]


def _descend(
    points: list[tuple[float, float, float]], start: Vector, iterations: int
) -> tuple[Vector, float, bool]:
    """From `start` downhill: where it ends, the sum of squares there, whether it has settled."""
    here, damping = start, 1e-3
    matrix, gradient, chi2 = _normal(points, here)
    if not isfinite(chi2):
        return here, inf, False
    for _ in range(iterations):
        step = _solve(matrix, gradient, damping)
        there = None if step is None else [a + b for a, b in zip(here, step)]
        lower = inf if there is None else _chi2(points, there)
        if lower > chi2:
            damping *= 8.0
            if damping > 1e16:
                # No way leads down.
                return here, chi2, True
            continue
        is_small = all(abs(b) <= TOLERANCE * (abs(a) + TOLERANCE) for a, b in zip(there, step))
        settled = is_small or chi2 - lower <= TOLERANCE * TOLERANCE * chi2
        here, damping = there, max(damping / 8.0, 1e-14)
        matrix, gradient, chi2 = _normal(points, here)
        if settled:
            return here, chi2, True
    return here, chi2, False


def _chi2(points: list[tuple[float, float, float]], at: Vector) -> float:
    amplitude, t0, log_rise, log_fall, baseline = at
    if not (abs(log_rise) < LARGEST and abs(log_fall) < LARGEST):
        return inf
    rise, fall = exp(log_rise), exp(log_fall)
    total = 0.0
    for time, value, error in points:
        residual = (value - baseline - amplitude * _shape(time - t0, rise, fall)[0]) / error
        total += residual * residual
    return total if isfinite(total) else inf


def _normal(points: list[tuple[float, float, float]], at: Vector):
    """The normal equations at a place, and the sum of squares there."""
    amplitude, t0, log_rise, log_fall, baseline = at
    rise, fall = exp(log_rise), exp(log_fall)
    matrix = [[0.0] * SIZE for _ in range(SIZE)]
    gradient = [0.0] * SIZE
    chi2 = 0.0
    for time, value, error in points:
        x = time - t0
        shape, unrisen = _shape(x, rise, fall)
        height = amplitude * shape
        residual = (value - baseline - height) / error
        row = (
            shape / error,
            height * (1.0 / fall - unrisen / rise) / error,
            -height * unrisen * (x / rise) / error,
            height * (x / fall) / error,
            1.0 / error,
        )
        chi2 += residual * residual
        for i in range(SIZE):
            gradient[i] += row[i] * residual
            for j in range(i + 1):
                matrix[i][j] += row[i] * row[j]
    return matrix, gradient, chi2


def _solve(matrix: list[Vector], gradient: Vector, damping: float) -> Vector | None:
    """The step of (matrix + damping * its diagonal), by Cholesky; none where it has none."""
    lower = [[0.0] * SIZE for _ in range(SIZE)]
    for i in range(SIZE):
        for j in range(i + 1):
            total = matrix[i][j]
            if i == j:
                total += damping * total
            for k in range(j):
                total -= lower[i][k] * lower[j][k]
            if i != j:
                lower[i][j] = total / lower[j][j]
            elif not (total > 0.0 and isfinite(total)):
                return None
            else:
                lower[i][i] = sqrt(total)
    step = list(gradient)
    for i in range(SIZE):
        for k in range(i):
            step[i] -= lower[i][k] * step[k]
        step[i] /= lower[i][i]
    for i in reversed(range(SIZE)):
        for k in range(i + 1, SIZE):
            step[i] -= lower[k][i] * step[k]
        step[i] /= lower[i][i]
    return step
