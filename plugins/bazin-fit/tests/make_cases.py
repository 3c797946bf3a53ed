#!/usr/bin/env python3
"""Makes the golden cases from SciPy's least squares: `python make_cases.py`, with SciPy 1.16.3 and
NumPy 2.4.6. No random generator: the noise is a fixed sequence."""

from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

HERE = Path(__file__).parent
# amplitude, t0, rise, fall, baseline
TRUE = [
    (120.0, 59012.3, 4.2, 24.0, 3.0),
    (45.0, 59030.0, 2.1, 60.0, -1.5),
    (900.0, 59021.7, 7.5, 35.5, 20.0),
]


def bazin(time, amplitude, t0, rise, fall, baseline):
    since = time - t0
    return amplitude * np.exp(-since / fall) / (1 + np.exp(-since / rise)) + baseline


def noise(count, seed):
    """Numbers of mean about 0 and spread about 1: a sum of twelve of a linear congruence."""
    state, out = seed, []
    for _ in range(count):
        total = 0.0
        for _ in range(12):
            state = (state * 1103515245 + 12345) % 2**31
            total += state / 2**31
        out.append(round(total - 6.0, 6))
    return np.array(out)


def curve(number, scatter):
    time = 58980.0 + 2.5 * np.arange(60) + 0.3 * (np.arange(60) % 3)
    truth = bazin(time, *TRUE[number])
    error = np.full(60, 0.02 * TRUE[number][0])
    return time, np.round(truth + scatter * error * noise(60, 7 + number), 9), error


def fitted(time, flux, error):
    def residuals(numbers):
        amplitude, t0, log_rise, log_fall, baseline = numbers
        return (flux - bazin(time - 58980.0, amplitude, t0, np.exp(log_rise), np.exp(log_fall), baseline)) / error

    base = np.median(flux)
    start = [2 * (flux.max() - base), time[flux.argmax()] - 58980.0, np.log(3.0), np.log(25.0), base]
    found = least_squares(residuals, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=100000)
    amplitude, t0, log_rise, log_fall, baseline = found.x
    chi2 = 2 * found.cost / (len(time) - 5)
    return amplitude, 58980.0 + t0, np.exp(log_rise), np.exp(log_fall), baseline, chi2


def listed(values):
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"


def write(name, words, curves, answers, tolerance):
    columns = ["amplitude", "t0", "rise", "fall", "baseline", "chi2"]
    lines = [f"# {words}", "params: {time: mjd, flux: flux, error: flux_err}", "inputs:", "  curves:", "    columns:"]
    for index, column in enumerate(["mjd", "flux", "flux_err"]):
        lines.append(f"      {column}:")
        lines += [f"        - {listed(points[index])}" for points in curves]
    lines += ["outputs:", "  features:", "    columns:"]
    for index, column in enumerate(["mjd", "flux", "flux_err"]):
        lines.append(f"      {column}:")
        lines += [f"        - {listed(points[index])}" for points in curves]
    for index, column in enumerate(columns):
        lines.append(f"      bazin_{column}: " + listed(answer[index] for answer in answers))
    lines.append("      bazin_converged: [" + ", ".join("true" for _ in answers) + "]")
    lines.append(f"    tolerance: {tolerance}")
    (HERE / name).write_text("\n".join(lines) + "\n")


noisy = [curve(number, 1.0) for number in range(3)]
write("noisy.yaml", "Curves with noise; SciPy's least squares finds the same lowest places.",
      noisy, [fitted(*points) for points in noisy], 1e-5)
exact = [curve(number, 0.0) for number in range(3)]
write("exact.yaml", "Curves without noise, rounded to 1e-9: the numbers they were made with.",
      exact, [(*TRUE[number], 0.0) for number in range(3)], 1e-6)
