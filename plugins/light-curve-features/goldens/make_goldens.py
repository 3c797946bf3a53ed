#!/usr/bin/env python3
"""Writes light curves, their features by independent programs, and sums of features over all of them.

    pip install light-curve==0.13.3 numpy==2.4.6 scipy==1.17.1 astropy==8.0.2
    python make_goldens.py ../../../../shared/data/real_lightcurves_rrlyr_snia/light-curve_test-data.tar.gz

The archive is that of github.com/light-curve/test-data; see README.md.
"""

import argparse
import csv
import io
import tarfile
from collections import defaultdict
from pathlib import Path

import light_curve
import numpy as np
from astropy.io.votable import parse_single_table
from astropy.stats import biweight_location
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

HERE = Path(__file__).parent
PLASTICC = HERE / "../../../workflows/data/plasticc-curves.vot.gz"
NAN = float("nan")

# Column of the plugin -> (feature of light-curve, which of its numbers).
PEER = {
    "amplitude": (light_curve.Amplitude(), 0),
    "anderson_darling_normal": (light_curve.AndersonDarlingNormal(), 0),
    "beyond_n_std": (light_curve.BeyondNStd(1), 0),
    "biweight_scale": (light_curve.BiweightScale(9), 0),
    "cusum": (light_curve.Cusum(), 0),
    "eta": (light_curve.Eta(), 0),
    "eta_e": (light_curve.EtaE(), 0),
    "excess_variance": (light_curve.ExcessVariance(), 0),
    "inter_percentile_range": (light_curve.InterPercentileRange(0.25), 0),
    "kurtosis": (light_curve.Kurtosis(), 0),
    "lafler_kinman_string_length": (light_curve.LaflerKinmanStringLength(), 0),
    "linear_fit_slope": (light_curve.LinearFit(), 0),
    "linear_fit_slope_sigma": (light_curve.LinearFit(), 1),
    "linear_fit_reduced_chi2": (light_curve.LinearFit(), 2),
    "linear_trend": (light_curve.LinearTrend(), 0),
    "linear_trend_sigma": (light_curve.LinearTrend(), 1),
    "linear_trend_noise": (light_curve.LinearTrend(), 2),
    "maximum_slope": (light_curve.MaximumSlope(), 0),
    "maximum_time_interval": (light_curve.MaximumTimeInterval(), 0),
    "mean": (light_curve.Mean(), 0),
    "median": (light_curve.Median(), 0),
    "median_absolute_deviation": (light_curve.MedianAbsoluteDeviation(), 0),
    "minimum_time_interval": (light_curve.MinimumTimeInterval(), 0),
    "observation_count": (light_curve.ObservationCount(), 0),
    "otsu_mean_diff": (light_curve.OtsuSplit(), 0),
    "otsu_std_lower": (light_curve.OtsuSplit(), 1),
    "otsu_std_upper": (light_curve.OtsuSplit(), 2),
    "otsu_lower_to_all_ratio": (light_curve.OtsuSplit(), 3),
    "percent_amplitude": (light_curve.PercentAmplitude(), 0),
    "reduced_chi2": (light_curve.ReducedChi2(), 0),
    "roms": (light_curve.Roms(), 0),
    "skew": (light_curve.Skew(), 0),
    "standard_deviation": (light_curve.StandardDeviation(), 0),
    "stetson_k": (light_curve.StetsonK(), 0),
    "time_mean": (light_curve.TimeMean(), 0),
    "time_span": (light_curve.Duration(), 0),
    "time_standard_deviation": (light_curve.TimeStandardDeviation(), 0),
    "weighted_mean": (light_curve.WeightedMean(), 0),
}
WEIGHS = {"excess_variance", "linear_fit_slope", "linear_fit_slope_sigma", "linear_fit_reduced_chi2",
          "reduced_chi2", "roms", "stetson_k", "weighted_mean"}
# Of light-curve's features, those whose quantiles it rounds to float32.
ROUNDED = ["magnitude_percentage_ratio", "median_buffer_range_percentage", "percent_difference_magnitude_percentile"]
FORMULAS = ["autocorrelation_length", "biweight_location", "chi2", "drw_sigma", "drw_tau", "inverse_von_neumann",
            "pair_slope_trend", "stetson_i", "stetson_j", "structure_function_amplitude",
            "structure_function_slope", *ROUNDED]


def peer(column, t, x, e):
    feature, index = PEER[column]
    value = float(feature(t, x, e, fill_value=NAN)[index])
    # light-curve calls the deviation of a single point zero; it is not defined.
    single = round(len(x) * feature(t, x, e)[3]) in (1, len(x) - 1) if column.startswith("otsu_std") else False
    return NAN if single and value == 0 else value


def peers(t, x, e):
    """The peer's numbers; points without an error (NaN) count where the feature does not weigh."""
    has = ~np.isnan(e)
    every = {c: peer(c, t, x, np.ones_like(x)) for c in PEER if c not in WEIGHS}
    weighed = {c: peer(c, t[has], x[has], e[has]) for c in WEIGHS}
    return every | weighed


def formulas(t, x, e):
    """By the definitions, written out in NumPy; biweight_location by astropy."""
    has = ~np.isnan(e)
    tw, xw, ew = t[has], x[has], e[has]
    out = quantiles(x)
    off = x - np.mean(x)
    lag = 1
    while np.dot(off[:-lag], off[lag:]) / np.dot(off, off) >= np.exp(-1):
        lag += 1
    out["autocorrelation_length"] = lag
    out["biweight_location"] = float(biweight_location(x, c=6.0))
    mean = np.average(xw, weights=ew**-2)
    d = (xw - mean) / ew
    out["chi2"] = float(np.sum(d**2))
    out["inverse_von_neumann"] = float(np.var(x, ddof=1) / (np.sum(np.diff(x) ** 2) / (len(x) - 1)))
    steps = np.diff(x[-30:])
    out["pair_slope_trend"] = float(np.mean(np.sign(steps)))
    n = len(xw)
    product = d[:-1] * d[1:]
    out["stetson_i"] = float(np.sum(product) / np.sqrt((n - 1) * (n - 2)))
    delta = np.sqrt(n / (n - 1)) * d
    product = delta[:-1] * delta[1:]
    out["stetson_j"] = float(np.mean(np.sign(product) * np.sqrt(np.abs(product))))
    out["structure_function_amplitude"], out["structure_function_slope"] = structure_function(tw, xw, ew)
    out["drw_sigma"], out["drw_tau"] = random_walk(tw, xw, ew)
    return out


def quantiles(x):
    """What light-curve has, too, with quantiles that it rounds to float32."""
    between = lambda low, high: np.diff(np.quantile(x, [low, high], method="hazen"))[0]
    median = np.median(x)
    return {
        "magnitude_percentage_ratio": float(between(0.4, 0.6) / between(0.05, 0.95)),
        "median_buffer_range_percentage": float(np.mean(np.abs(x - median) <= 0.1 * (0.5 * np.ptp(x)))),
        "percent_difference_magnitude_percentile": float(between(0.05, 0.95) / median),
    }


def structure_function(t, x, e):
    i, j = np.triu_indices(len(t), 1)
    dt, v2 = t[j] - t[i], (x[j] - x[i]) ** 2 - e[i] ** 2 - e[j] ** 2
    octave = np.floor(np.log2(dt))
    places = []
    for k in np.unique(octave):
        pairs = octave == k
        if pairs.sum() >= 10 and v2[pairs].mean() > 0:
            places.append((np.log(dt[pairs].mean() / 365.25), 0.5 * np.log(v2[pairs].mean())))
    if len(places) < 3:
        return NAN, NAN
    slope, intercept = np.polyfit(*np.array(places).T, 1)
    return float(np.exp(intercept)), float(slope)


def random_walk(t, x, e):
    """Dense covariance matrices, SciPy's Nelder-Mead from a grid of starts; NaN at the edges of the search."""
    unit = np.std(x, ddof=1)
    y, noise = (x - np.mean(x)) / unit, (e / unit) ** 2
    distance = np.abs(t[:, None] - t[None, :])
    gaps = np.diff(t)
    low = np.array([-np.log(100), np.log(gaps[gaps > 0].min() / 10)])
    high = np.array([np.log(100), np.log(10 * (t[-1] - t[0]))])

    def cost(place):
        if np.any(place < low) or np.any(place > high):
            return np.inf
        sigma, tau = np.exp(place)
        try:
            factor = cho_factor(sigma**2 * np.exp(-distance / tau) + np.diag(noise), lower=True)
        except np.linalg.LinAlgError:
            return np.inf
        one = np.ones_like(y)
        mean = (one @ cho_solve(factor, y)) / (one @ cho_solve(factor, one))
        return 2 * np.sum(np.log(np.diag(factor[0]))) + (y - mean) @ cho_solve(factor, y - mean)

    best = None
    for sigma in np.linspace(low[0], high[0], 8)[1:-1]:
        for tau in np.linspace(low[1], high[1], 10)[1:-1]:
            found = minimize(cost, [sigma, tau], method="Nelder-Mead",
                             options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 2000})
            if best is None or found.fun < best.fun:
                best = found
    if np.any(best.x - low < 1e-3) or np.any(high - best.x < 1e-3):
        return NAN, NAN
    return float(unit * np.exp(best.x[0])), float(np.exp(best.x[1]))


def curves_of(archive):
    """(object, band) -> sorted points (time, mag, magerr), of all light curves in the archive."""
    curves = defaultdict(list)
    with tarfile.open(archive) as tar:
        for member in tar:
            if "/light-curves/" in member.name and member.name.endswith(".csv"):
                for row in csv.DictReader(io.TextIOWrapper(tar.extractfile(member), "utf-8")):
                    point = (float(row["time"]), float(row["mag"]), float(row["magerr"]))
                    curves[Path(member.name).stem, row["band"]].append(point)
    return {name: sorted(points, key=lambda point: point[0]) for name, points in curves.items()}


def plasticc():
    curves = {}
    for row in parse_single_table(PLASTICC).array:
        points = [np.asarray(row[name], dtype=float) for name in ("mjd", "flux", "flux_err")]
        curves[row["object_id"], "r"] = list(zip(*points))
    return curves


def usable(points):
    """What light-curve takes as it is: ascending times, some variation, positive errors."""
    t, x, e = np.array(points).T
    return len(t) >= 5 and np.all(np.diff(t) > 0) and np.ptp(x) > 0 and np.all(e > 0)


def evenly(curves, number):
    names = sorted(name for name, points in curves.items() if usable(points))
    return [names[k * len(names) // number] for k in range(number)]


def text(number):
    return "" if number != number else repr(number)


def write(path, header, rows):
    with open(HERE / path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def chosen(archive):
    rr = {n: p for n, p in archive.items() if not n[0].startswith("ZTF")}
    sn = {n: p for n, p in archive.items() if n[0].startswith("ZTF")}
    flux = plasticc()
    picked = [(n, rr[n]) for n in evenly(rr, 12)]
    picked += [(n, sn[n]) for n in evenly(sn, 18)]
    picked += [(n, flux[n]) for n in evenly(flux, 10)]
    for index, (name, points) in enumerate(picked):
        # Every eighth curve lost every fifth error.
        lost = index % 8 == 7
        points = [(t, x, NAN if lost and at % 5 == 4 else e) for at, (t, x, e) in enumerate(points)]
        yield "-".join(name), points


def sums(archive):
    """Number and sum of features over all light curves that it takes."""
    total = {column: [0, 0.0] for column in [*PEER, *ROUNDED]}
    for points in archive.values():
        if usable(points):
            t, x, e = np.array(points).T
            for column, value in (peers(t, x, e) | quantiles(x)).items():
                if np.isfinite(value):
                    total[column][0] += 1
                    total[column][1] += abs(value)
    return [(column, n, repr(float(value))) for column, (n, value) in total.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive")
    archive = curves_of(parser.parse_args().archive)
    picked = list(chosen(archive))
    write("curves.csv", ["curve", "time", "value", "error"],
          [(name, repr(float(t)), repr(float(x)), text(float(e))) for name, points in picked for t, x, e in points])
    rows = []
    for name, points in picked:
        t, x, e = np.array(points, dtype=float).T
        values = peers(t, x, e) | formulas(t, x, e)
        rows.append([name] + [text(float(values[column])) for column in [*PEER, *FORMULAS]])
    write("features.csv", ["curve", *PEER, *FORMULAS], rows)
    write("sums.csv", ["feature", "light_curves", "sum"], sums(archive))


if __name__ == "__main__":
    main()
