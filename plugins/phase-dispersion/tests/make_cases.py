"""Writes periods.yaml and periods-covered.yaml: light curves, and what PyAstronomy finds in them.

    pip install PyAstronomy==0.25.0 numpy==2.4.6
    python make_cases.py
"""

from pathlib import Path

import numpy as np
from PyAstronomy.pyTiming import pyPDM

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(19780915)


class Grid:
    """Frequencies without the rounding that PyAstronomy's Scanner sums up."""

    mode = "frequency"

    def __init__(self, low, high, step):
        self.frequencies = low + np.arange(round((high - low) / step) + 1) * step

    def __iter__(self):
        return iter(self.frequencies)


def curve(period, shape, count, noise):
    time = np.round(np.sort(RANDOM.uniform(58000, 58120, count)), 5)
    value = 15 + shape((time / period) % 1) + RANDOM.normal(0, noise, count)
    return time, np.round(value, 4)


def eclipse(phase):
    return 0.8 * (np.abs(phase - 0.5) < 0.06) + 0.3 * (np.abs((phase + 0.5) % 1 - 0.5) < 0.06)


CURVES = {
    "sine": curve(2.7118, lambda phase: 0.4 * np.sin(2 * np.pi * phase), 80, 0.02),
    "sawtooth": curve(0.57321, lambda phase: 0.9 * phase, 120, 0.05),
    "eclipses": curve(5.3, eclipse, 300, 0.01),
    "noise": curve(1.0, lambda phase: 0 * phase, 90, 0.1),
}
LOW, HIGH, STEP = 0.1, 2.5, 0.001


def best(theta_of):
    found = {}
    for name, (time, value) in CURVES.items():
        frequency, theta = theta_of(pyPDM.PyPDM(time, value), len(time))
        at = np.argmin(theta)
        found[name] = (1 / frequency[at], theta[at])
    return found


def plain(pdm, count):
    return pdm.pdmEquiBin(5, Grid(LOW, HIGH, STEP))


def covered(pdm, count):
    """PyAstronomy doubles the curve to close the circle of phases, and takes the variance of the
    2N doubled values: its σ² is smaller by 2 (N − 1) / (2 N − 1)."""
    frequency, theta = pdm.pdmEquiBinCover(5, 2, Grid(LOW, HIGH, STEP))
    return frequency, theta * (2 * (count - 1)) / (2 * count - 1)


def write(name, comment, covers, found):
    def listed(values):
        return "[" + ", ".join(repr(float(value)) for value in values) + "]"

    lines = [
        f"# {comment}",
        "# Written by make_cases.py.",
        f"params: {{time: mjd, value: mag, min-frequency: {LOW}, max-frequency: {HIGH}, step: {STEP}, covers: {covers}}}",
        "inputs:",
        "  table:",
        "    columns:",
        f"      id: [{', '.join(CURVES)}]",
        "      mjd:",
        *(f"        - {listed(time)}" for time, _ in CURVES.values()),
        "      mag:",
        *(f"        - {listed(value)}" for _, value in CURVES.values()),
        "    types: {mjd: \"list<float64>\", mag: \"list<float64>\"}",
        "outputs:",
        "  features:",
        "    columns:",
        f"      id: [{', '.join(CURVES)}]",
        "      mjd:",
        *(f"        - {listed(time)}" for time, _ in CURVES.values()),
        "      mag:",
        *(f"        - {listed(value)}" for _, value in CURVES.values()),
        f"      pdm_period: {listed(found[name][0] for name in CURVES)}",
        f"      pdm_theta: {listed(found[name][1] for name in CURVES)}",
        "    types: {mjd: \"list<float64>\", mag: \"list<float64>\"}",
        "    tolerance: 1.0e-11",
    ]
    (HERE / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write("periods.yaml", "One set of five bins: what PyAstronomy's pdmEquiBin finds.", 1, best(plain))
    write("periods-covered.yaml", "Two sets of five bins: what its pdmEquiBinCover finds.", 2, best(covered))
