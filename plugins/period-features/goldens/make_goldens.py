#!/usr/bin/env python3
"""Writes light curves of RR Lyrae stars, their peaks by astropy, their Fourier series and folds by NumPy,
and how often simulated noise has a peak as high.

    pip install astropy==8.0.2 numpy scipy
    python make_goldens.py FOLDER

FOLDER is github.com/light-curve/test-data at commit 3c8d9877643b881ec6fb6bb41fbe0fc8677b96db.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from astropy.timeseries import LombScargle, LombScargleMultiband
from astropy.timeseries.periodograms.lombscargle._statistics import fap_baluev
from scipy.optimize import minimize_scalar

ORDER = 4
MINIMUM, MAXIMUM = 1.0, 5.0


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([cell if isinstance(cell, str) else repr(float(cell)) for cell in row] for row in rows)


def stars(folder):
    """Every ninetieth star with a published period, bands g, r, i, points sorted by time."""
    with open(folder / "RRLyrae/periods.csv") as file:
        chosen = list(csv.DictReader(file))[::90]
    for star in chosen:
        with open(folder / f"RRLyrae/light-curves/{star['Num']}.csv") as file:
            points = [(float(p["time"]), float(p["mag"]), float(p["magerr"]), p["band"]) for p in csv.DictReader(file)]
        points = sorted(p for p in points if p[3] in "gri" and p[2] > 0 and np.isfinite(p[1]))
        yield star["Num"], float(star["Per"]), points


def best(power, time):
    """The highest peak of a periodogram between MINIMUM and MAXIMUM, climbed to its top."""
    step = 1 / (5 * np.ptp(time))
    grid = MINIMUM + step * np.arange(int((MAXIMUM - MINIMUM) / step) + 1)
    start = grid[np.argmax(power(grid))]
    # Of the distance from the start: SciPy stops at a part of its argument.
    found = minimize_scalar(lambda d: -float(power(np.array([start + d]))[0]), bounds=(-step, step),
                            method="bounded", options={"xatol": 1e-12})
    return start + found.x, -found.fun


def peaks(name, points):
    """Of all bands together, and of each with Baluev's false-alarm probability."""
    time, mag, err = (np.array([p[k] for p in points]) for k in range(3))
    band = np.array([p[3] for p in points])
    multi = LombScargleMultiband(time, mag, band, err, nterms_base=0, nterms_band=1, reg_base=None, reg_band=None)
    yield [name, "gri", *best(lambda f: multi.power(f, method="flexible"), time), ""]
    for one in "gri":
        mine = band == one
        single = LombScargle(time[mine], mag[mine], err[mine])
        frequency, power = best(lambda f: single.power(f, method="cython"), time[mine])
        # The class's own method takes the end of a grid of its own for the maximum.
        fap = fap_baluev(power, MAXIMUM, time[mine], mag[mine], err[mine])
        yield [name, one, frequency, power, fap]


def folds(name, period, points):
    """Series and statistics of each band at the published period, by their formulas."""
    epoch = min(p[0] for p in points)
    for band in "gri":
        time, mag, err = (np.array([p[k] for p in points if p[3] == band]) for k in range(3))
        phase = (time - epoch) / period % 1
        k = np.arange(1, ORDER + 1)
        angle = 2 * np.pi * np.outer(phase, k)
        design = np.hstack([np.ones((len(time), 1)), np.cos(angle), np.sin(angle)])
        solution = np.linalg.lstsq(design / err[:, None], mag / err, rcond=None)[0]
        cos, sin = solution[1:ORDER + 1], solution[ORDER + 1:]
        amplitude, phi = np.hypot(cos, sin), np.arctan2(-sin, cos)
        rest = mag - design @ solution
        ratios = [x for n in range(1, ORDER) for x in
                  (amplitude[n] / amplitude[0], (phi[n] - (n + 1) * phi[0]) % (2 * np.pi))]
        order = np.argsort(phase, kind="stable")
        p, m, n = phase[order], mag[order], len(mag)
        scaled = (m - m.min()) / (2 * np.ptp(m)) - 0.25
        string = np.hypot(np.diff(scaled, append=scaled[0]), np.diff(p, append=p[0] + 1)).sum()
        squares = ((m - m.mean()) ** 2).sum()
        lafler = (np.diff(m, append=m[0]) ** 2).sum() / squares * (n - 1) / (2 * n)
        sums = np.cumsum(m - m.mean())
        yield [name, band, period, solution[0], amplitude[0], *ratios,
               ((rest / err) ** 2).sum() / (n - 2 * ORDER - 1), np.sqrt((rest**2).mean()), np.sqrt((rest**2).mean()) / mag.std(),
               string, lafler, (np.diff(m) ** 2).sum() / squares, np.ptp(sums) / (n * m.std(ddof=1))]


def alarms():
    """How often noise in several bands has a power of so much somewhere between 0 and the maximum frequency."""
    random = np.random.default_rng(20260101)
    draws, per_band, baseline, maximum = 20_000, 15, 40.0, 2.0
    for n_bands in (1, 2, 3):
        times = [np.sort(np.round(random.uniform(0, baseline, per_band), 3)) for _ in range(n_bands)]
        noise = [random.standard_normal((per_band, draws)) for _ in range(n_bands)]
        noise = [values - values.mean(axis=0) for values in noise]
        total = sum((values**2).sum(axis=0) for values in noise)
        highest = np.zeros(draws)
        for frequency in np.arange(0.002, maximum, 0.002):
            explained = 0
            for time, values in zip(times, noise):
                angle = 2 * np.pi * frequency * time
                basis = np.linalg.qr(np.column_stack([np.ones(per_band), np.cos(angle), np.sin(angle)]))[0][:, 1:]
                explained = explained + ((basis.T @ values) ** 2).sum(axis=0)
            highest = np.maximum(highest, explained / total)
        for share in (0.1, 0.03, 0.01):
            power = np.quantile(highest, 1 - share)
            yield [str(n_bands), maximum, power, share, " ".join(repr(float(t)) for time in times for t in time)]


if __name__ == "__main__":
    chosen = list(stars(Path(sys.argv[1])))
    write("curves.csv", ["star", "band", "time", "mag", "mag_err"], (
        [name, p[3], *p[:3]] for name, _, points in chosen for p in points))
    write("peaks.csv", ["star", "bands", "frequency", "power", "fap"],
          (row for name, _, points in chosen for row in peaks(name, points)))
    names = [x for k in range(2, ORDER + 1) for x in (f"fourier_r{k}1", f"fourier_phi{k}1")]
    write("folds.csv", ["star", "band", "period", "fourier_mean", "fourier_a1", *names, "fourier_reduced_chi2",
                        "fourier_scatter", "fourier_scatter_ratio", "folded_string_length", "folded_lafler_kinman",
                        "folded_eta", "folded_cusum"],
          (row for name, period, points in chosen for row in folds(name, period, points)))
    write("alarms.csv", ["bands", "maximum_frequency", "power", "share", "times"], alarms())
