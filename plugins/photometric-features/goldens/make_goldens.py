#!/usr/bin/env python3
"""Writes asinh magnitudes and colours with 1-sigma errors, computed by mpmath and uncertainties.

    pip install mpmath==1.4.1 uncertainties==3.2.3
    python make_goldens.py
"""

import csv
import math
import random
import warnings

import mpmath
from uncertainties import ufloat, umath

mpmath.mp.dps = 50
# An error of exactly 0 is one of the cases; uncertainties warns of it.
warnings.filterwarnings("ignore", message="Using UFloat objects with std_dev==0")

BANDS = "ugriz"
SOFTENING = {"u": "1.4e-10", "g": "0.9e-10", "r": "1.2e-10", "i": "1.8e-10", "z": "7.4e-10"}
# The survey's own table (SDSS, asinh magnitudes): the magnitude of zero flux, and that of f/f0 = 10 b.
ZERO_FLUX_MAG = {"u": 24.63, "g": 25.11, "r": 24.80, "i": 24.36, "z": 22.83}
TEN_B_MAG = {"u": 22.12, "g": 22.60, "r": 22.29, "i": 21.85, "z": 20.32}
# f0 is the flux of magnitude 0: 1e9 nanomaggies.
F0_NMGY = mpmath.mpf("1e9")


def asinh_mag(flux_nmgy, band):
    """Lupton, Gunn & Szalay 1999, AJ 118, 1406: -2.5/ln 10 (asinh(f/f0 / 2b) + ln b)."""
    b = mpmath.mpf(SOFTENING[band])
    return -mpmath.mpf("2.5") / mpmath.log(10) * (mpmath.asinh(flux_nmgy / F0_NMGY / (2 * b)) + mpmath.log(b))


def asinh_mag_err(flux_nmgy, err_nmgy, band):
    """First order: |dm/df| times the flux error, the slope by 50-digit numerical differentiation."""
    return abs(mpmath.diff(lambda f: asinh_mag(f, band), flux_nmgy)) * err_nmgy


def by_uncertainties(flux_nmgy, err_nmgy, band):
    b = float(SOFTENING[band])
    flux = ufloat(flux_nmgy, err_nmgy)
    return -2.5 / math.log(10) * (umath.asinh(flux / 1e9 / (2 * b)) + math.log(b))


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def magnitudes():
    random.seed(20260101)
    fluxes = [(0.0, 1.0), (0.0, 0.0), (1e-6, 0.5), (-1e-6, 0.5), (1.0, 0.1), (-1.0, 0.1), (-30.0, 4.0), (1e9, 1e6),
              (3630.78, 33.4), (1e-150, 1e-150)]
    for band in BANDS:
        ten_b_nmgy = 10 * float(SOFTENING[band]) * 1e9
        drawn = [(round(10 ** random.uniform(-2, 5), 6), round(10 ** random.uniform(-2, 1), 6)) for _ in range(20)]
        drawn += [(round(random.gauss(0, 0.5), 6), round(random.uniform(0.1, 0.9), 6)) for _ in range(10)]
        for flux, err in [*fluxes, (ten_b_nmgy, 0.3), *drawn]:
            mag = asinh_mag(mpmath.mpf(flux), band)
            mag_err = asinh_mag_err(mpmath.mpf(flux), mpmath.mpf(err), band)
            other = by_uncertainties(flux, err, band)
            assert abs(mag - other.n) < 1e-13, (flux, band, mag, other)
            assert math.isclose(mag_err, other.s, rel_tol=1e-12), (flux, band, mag_err, other)
            if flux == 0:
                assert abs(mag - ZERO_FLUX_MAG[band]) <= 0.005, (band, mag)
            if flux == ten_b_nmgy:
                assert abs(mag - TEN_B_MAG[band]) <= 0.005, (band, mag)
            yield [band, repr(flux), repr(err), repr(float(mag)), repr(float(mag_err))]


def colours():
    """Neighbouring bands' differences, errors independent; a missing magnitude leaves its colours empty."""
    random.seed(20260102)
    for row in range(40):
        mags = [ufloat(round(random.uniform(14, 24), 4), round(10 ** random.uniform(-3, 0), 4)) for _ in BANDS]
        if row % 8 == 7:
            mags[random.randrange(5)] = None
        line = []
        for mag in mags:
            line += ["", ""] if mag is None else [repr(mag.n), repr(mag.s)]
        for left, right in zip(mags, mags[1:]):
            colour = None if left is None or right is None else left - right
            line += ["", ""] if colour is None else [repr(colour.n), repr(colour.s)]
        yield line


if __name__ == "__main__":
    write("asinh_magnitudes.csv", ["band", "flux_nmgy", "flux_nmgy_err", "mag", "mag_err"], magnitudes())
    pairs = [f"{a}_minus_{b}" for a, b in zip(BANDS, BANDS[1:])]
    write("colours.csv", [n + s for n in [*BANDS, *pairs] for s in ("", "_err")], colours())
