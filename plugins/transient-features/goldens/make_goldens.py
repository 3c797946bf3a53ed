"""Makes goldens/*.csv: real supernovae of ZTF, and their fits by SciPy. See README.md."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

HERE = Path(__file__).parent
DATA = Path(sys.argv[1])
ZERO_POINT = 25.0


def logistic_below(d, rise):
    """1 / (1 + exp(-d/rise)), for any d."""
    return np.exp(-np.logaddexp(0, -d / rise))


def bazin(p, t):
    amplitude, baseline, t0, fall, rise = p
    d = t - t0
    return amplitude * np.exp(-d / fall - np.logaddexp(0, -d / rise)) + baseline


def villar(p, t):
    amplitude, baseline, t0, fall, rise, slope, plateau = p
    d = t - t0
    early = amplitude + slope * d
    late = (amplitude + slope * plateau) * np.exp(-(np.maximum(d, plateau) - plateau) / fall)
    return np.where(d < plateau, early, late) * logistic_below(d, rise) + baseline


def linexp(p, t):
    amplitude, baseline, t0, fall = p
    z = np.maximum((t - t0) / fall, 0)
    return amplitude * z * np.exp(1 - z) + baseline


def starts(name, t, f):
    peak, height = t[np.argmax(f)], f.max() - f.min()
    for shift in (-15, -5, 0, 5):
        for fall in (8, 25, 70):
            if name == "linexp":
                yield [height, 0.0, peak + shift - fall, fall]
                continue
            for rise in (1, 4, 12):
                if name == "bazin":
                    yield [height, 0.0, peak + shift, fall, rise]
                    continue
                for plateau in (5, 30, 90):
                    yield [height, 0.0, peak + shift, fall, rise, 0.0, plateau]


MODELS = {
    "bazin": (bazin, [(0, np.inf), (-np.inf, np.inf), None, (1e-2, 1e3), (1e-2, 1e3)]),
    "villar": (villar, [(0, np.inf), (-np.inf, np.inf), None, (1e-2, 1e3), (1e-2, 1e3), (-np.inf, np.inf), (0, 300)]),
    "linexp": (linexp, [(0, np.inf), (-np.inf, np.inf), None, (1e-2, 1e3)]),
}


def best(name, t, f, e):
    curve, bounds = MODELS[name]
    bounds = [(t[0] - 300, t[-1] + 300) if bound is None else bound for bound in bounds]
    low, high = np.array(bounds).T
    best = None
    for start in starts(name, t, f):
        with np.errstate(all="ignore"):
            try:
                found = least_squares(
                    lambda p: np.nan_to_num((curve(p, t) - f) / e, nan=1e30, posinf=1e30, neginf=-1e30),
                    np.clip(start, low + 1e-9, high - 1e-9),
                    bounds=(low, high),
                    x_scale="jac",
                    jac="3-point",
                    xtol=1e-15,
                    ftol=1e-15,
                    gtol=1e-15,
                    max_nfev=400,
                )
            except ValueError:
                continue
        if best is None or found.cost < best.cost:
            best = found
    return best, (low, high)


def main():
    rows = pd.read_csv(DATA / "alerce_ztf/30_sne_detections_corr.csv.gz")
    rows = rows[["objectId", "fid", "mjd", "magpsf", "sigmapsf"]].dropna()
    rows = rows.sort_values(["objectId", "fid", "mjd"])
    rows.to_csv(HERE / "ztf_supernovae.csv", index=False)
    rows = pd.read_csv(HERE / "ztf_supernovae.csv")
    lines = []
    for (key, fid), curve in rows.groupby(["objectId", "fid"]):
        t = curve.mjd.to_numpy()
        t = t - t[0]
        f = 10 ** (-0.4 * (curve.magpsf.to_numpy() - ZERO_POINT))
        e = 0.4 * np.log(10) * f * curve.sigmapsf.to_numpy()
        for name, (_, bounds) in MODELS.items():
            if len(t) < len(bounds) + 2:
                continue
            found, (low, high) = best(name, t, f, e)
            p = found.x
            # The solver stays a hair off its bounds.
            is_inside = ~np.isclose(p, low, rtol=1e-6, atol=1e-9) & ~np.isclose(p, high, rtol=1e-6)
            jac = found.jac[:, is_inside]
            errors = np.full(len(p), np.nan)
            try:
                errors[is_inside] = np.sqrt(np.diag(np.linalg.inv(jac.T @ jac)))
            except np.linalg.LinAlgError:
                pass
            padding = [np.nan] * (7 - len(p))
            lines.append([name, key, fid, len(t), 2 * found.cost, *p, *padding, *errors, *padding])
    names = ["p" + str(at) for at in range(7)] + ["e" + str(at) for at in range(7)]
    table = pd.DataFrame(lines, columns=["model", "key", "fid", "points", "chi2", *names])
    table.to_csv(HERE / "fits.csv", index=False)
    print(table.groupby("model").chi2.describe())


main()
