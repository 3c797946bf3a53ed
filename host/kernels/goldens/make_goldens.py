"""Makes the golden files; README.md says with which versions.

    python make_goldens.py LIGHT_CURVE.csv

LIGHT_CURVE.csv is one of the SDSS RR Lyrae, with columns time, mag, magerr and band.
"""

import csv
import pathlib
import sys
from fractions import Fraction

import numpy as np
from astropy.timeseries import LombScargle, LombScargleMultiband
from PyAstronomy.pyTiming import pyPDM
from scipy import stats

HERE = pathlib.Path(__file__).parent


def write(name, header, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow([cell if isinstance(cell, str) else repr(cell) for cell in row])


def star(path):
    """A real star: times in MJD, magnitudes, errors, bands as numbers in the order ugriz."""
    with open(path) as file:
        rows = [row for row in csv.DictReader(file)]
    rows = [row for row in rows if row["mag"] and row["magerr"]]
    points = [
        (float(row["time"]), float(row["mag"]), float(row["magerr"]), "ugriz".index(row["band"]))
        for row in rows
    ]
    write("rr_lyrae.csv", ["time_mjd", "mag", "mag_err", "band"], points)
    return [np.array(column) for column in zip(*points)]


def drawn():
    """A drawn curve over ten years at MJD 60,000, with a period of 0.6 days and uneven errors."""
    rng = np.random.default_rng(20260101)
    time = np.sort(60_000 + 3_652.5 * rng.random(200))
    error = 0.02 + 0.08 * rng.random(200)
    value = 17 + 0.3 * np.sin(2 * np.pi * time / 0.6) + error * rng.standard_normal(200)
    write("drawn.csv", ["time_mjd", "mag", "mag_err"], zip(*(a.tolist() for a in (time, value, error))))
    return time, value, error


def power(curves, multi):
    rows, alarms = [], []
    for name, (time, value, error) in curves.items():
        for errors in (True, False):
            model = LombScargle(time, value, error if errors else None)
            frequency = 0.05 + np.arange(1_200) * (20 / 1_200)
            powers = model.power(frequency, method="slow", assume_regular_frequency=False)
            rows += [
                (name, int(errors), float(f), float(p)) for f, p in zip(frequency[::3], powers[::3])
            ]
            for level in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9):
                for maximum in (1.0, 24.0):
                    alarm = model.false_alarm_probability(
                        level, method="baluev", maximum_frequency=maximum
                    )
                    # What astropy takes as the maximum is the last of the grid it would make.
                    last = float(model.autofrequency(maximum_frequency=maximum).max())
                    alarms.append((name, int(errors), level, last, float(alarm)))
    write("power.csv", ["curve", "errors", "frequency", "power"], rows)
    write(
        "false_alarm.csv",
        ["curve", "errors", "power", "maximum_frequency", "false_alarm_probability"],
        alarms,
    )
    time, value, error, band = multi
    model = LombScargleMultiband(
        time, value, band, error, nterms_base=0, nterms_band=1, reg_base=None, reg_band=0
    )
    frequency = 0.05 + np.arange(400) * (5 / 400)
    powers = model.power(frequency, method="flexible")
    write("power_bands.csv", ["frequency", "power"], zip(frequency.tolist(), powers.tolist()))


def exact_phase(time, epoch, per):
    """Phase as a fraction of whole numbers; `per` is the period."""
    turns = (Fraction(time) - Fraction(epoch)) / Fraction(per)
    return turns - (turns.numerator // turns.denominator)


def cells(time, frequency, n_cells):
    """Cells of phase, without rounding."""
    turns = [(Fraction(t) - Fraction(time[0])) * frequency for t in time]
    return np.array([int((turn % 1) * n_cells) for turn in turns])


def grid(first, step, count):
    """Frequencies as float64, taken at their word."""
    return [Fraction(first + k * step) for k in range(count)]


GRIDS = {"rr_lyrae_r": (0.05, 0.0125, 400), "drawn": (0.5, 0.0078125, 400)}


def entropy(curves):
    rows = []
    for name, (time, value, _) in curves.items():
        scaled = (value - value.min()) / (value.max() - value.min())
        for frequency in grid(*GRIDS[name]):
            phase = cells(time, frequency, 10) + 0.5
            counts, _, _ = np.histogram2d(phase, scaled, bins=(10, 5), range=((0, 10), (0, 1)))
            # The chain rule: H(m | φ) = H(m, φ) − H(φ).
            given = stats.entropy(counts.ravel()) - stats.entropy(counts.sum(axis=1))
            rows.append((name, float(frequency), float(given)))
    write("conditional_entropy.csv", ["curve", "frequency", "entropy"], rows)


def dispersion(curves):
    rows = []
    for name, (time, value, _) in curves.items():
        first, step, count = GRIDS[name]
        for bins, covers in ((5, 2), (10, 1), (8, 3)):
            # Each frequency by itself: a scanner adds steps up, and its errors.
            for frequency in [first + k * step for k in range(0, count, 2)]:
                scanner = pyPDM.Scanner(frequency, frequency + step / 2, step, mode="frequency")
                time_since = time - time[0]
                model = pyPDM.PyPDM(time_since, value)
                found, theta = model.pdmEquiBinCover(bins, covers, scanner)
                theta = theta[0]
                # It counts bins of no or one point as of −1 degrees of freedom, or 0.
                shifts = np.arange(covers) / (bins * covers)
                phases = (time_since * frequency - shifts[:, None]) % 1
                if any(np.histogram(p, bins, (0, 1))[0].min() < 2 for p in phases):
                    continue
                # It takes σ² over the curve and its repetition, 2 N points.
                theta *= (2 * len(time) - 2) / (2 * len(time) - 1)
                rows.append((name, bins, covers, frequency, float(theta)))
    write("phase_dispersion.csv", ["curve", "bins", "covers", "frequency", "theta"], rows)


def folds():
    rng = np.random.default_rng(7)
    rows = []
    for period in (0.05, 0.573_214_6, 1.0, 3.25, 1e-3, 412.7):
        times = [60_000.0, 60_000.123_456_789, 51_544.5, 0.0, -1e-20, 1e-20]
        for time in times + (60_000 + 4_000 * rng.random(40)).tolist():
            epoch = [0.0, 53_000.25, 60_000.0][len(rows) % 3]
            phase = exact_phase(time, epoch, period)
            rows.append((time, period, epoch, float(phase)))
    write("phase_fold.csv", ["time", "period", "epoch", "phase"], rows)


DT = [0, 1 / 145, 2 / 145, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 90, 240, 600, 960, 2_000, 4_000]
DM = [-8, -3, -1, -0.5, -0.3, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 8]


def pairs(curves):
    rows = []
    for name, (time, value, _) in curves.items():
        order = np.argsort(time, kind="stable")
        time, value = time[order], value[order]
        first, second = np.triu_indices(len(time), 1)
        counts, _, _ = np.histogram2d(
            time[second] - time[first], value[second] - value[first], bins=(DT, DM)
        )
        rows += [(name, *(int(count) for count in row)) for row in counts]
    write("pairwise_histogram.csv", ["curve", *(repr(edge) for edge in DM[:-1])], rows)


time, mag, mag_err, band = star(sys.argv[1])
red = band == 2
CURVES = {"rr_lyrae_r": (time[red], mag[red], mag_err[red]), "drawn": drawn()}
power(CURVES, (time, mag, mag_err, band))
entropy(CURVES)
dispersion(CURVES)
folds()
pairs(CURVES)
