#!/usr/bin/env python3
"""Times the package light-curve on 20,000 light curves of 200 points, and writes the same for Skyloom.

    pip install light-curve==0.13.3 numpy==2.4.6 pyarrow==26.0.1
    python docs/benchmarks/light_curve_features.py results/features

One core, `Extractor.many`, the features that both have. Best of three. The folder lies within the project and then holds
curves.parquet and light-curve-features.yaml, to be run with

    skyloom run -j 1 results/features/light-curve-features.yaml --recompute

which prints the time of the node `features`.
"""

import argparse
import time
from pathlib import Path

import light_curve as lc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORKFLOW = """\
skyloom: v1
name: light-curve-features
description: As many light curves as docs/benchmarks/light_curve_features.py times
inputs:
  curves: {path: curves.parquet}
nodes:
  table:
    plugin: parquet-ingester
    from: curves
  features:
    plugin: light-curve-features
    in: table
    with:
      light-curves: drop
      features: [FEATURES]
outputs:
  features: {from: features, path: features.parquet}
"""

# Skyloom's name -> light-curve's.
FEATURES = {
    "amplitude": lc.Amplitude(),
    "anderson_darling_normal": lc.AndersonDarlingNormal(),
    "beyond_n_std": lc.BeyondNStd(1),
    "biweight_scale": lc.BiweightScale(9),
    "cusum": lc.Cusum(),
    "eta": lc.Eta(),
    "eta_e": lc.EtaE(),
    "excess_variance": lc.ExcessVariance(),
    "inter_percentile_range": lc.InterPercentileRange(0.25),
    "kurtosis": lc.Kurtosis(),
    "lafler_kinman_string_length": lc.LaflerKinmanStringLength(),
    "linear_fit": lc.LinearFit(),
    "linear_trend": lc.LinearTrend(),
    "magnitude_percentage_ratio": lc.MagnitudePercentageRatio(0.4, 0.05),
    "maximum_slope": lc.MaximumSlope(),
    "maximum_time_interval": lc.MaximumTimeInterval(),
    "mean": lc.Mean(),
    "median": lc.Median(),
    "median_absolute_deviation": lc.MedianAbsoluteDeviation(),
    "median_buffer_range_percentage": lc.MedianBufferRangePercentage(0.1),
    "minimum_time_interval": lc.MinimumTimeInterval(),
    "observation_count": lc.ObservationCount(),
    "otsu_split": lc.OtsuSplit(),
    "percent_amplitude": lc.PercentAmplitude(),
    "percent_difference_magnitude_percentile": lc.PercentDifferenceMagnitudePercentile(0.05),
    "reduced_chi2": lc.ReducedChi2(),
    "roms": lc.Roms(),
    "skew": lc.Skew(),
    "standard_deviation": lc.StandardDeviation(),
    "stetson_k": lc.StetsonK(),
    "time_mean": lc.TimeMean(),
    "time_span": lc.Duration(),
    "time_standard_deviation": lc.TimeStandardDeviation(),
    "weighted_mean": lc.WeightedMean(),
}


def curves(number, points):
    """Uneven times, a random walk and noise; (time, mag, mag_err), each of shape (number, points)."""
    rng = np.random.default_rng(20260101)
    t = 60000 + np.cumsum(rng.uniform(0.1, 5.1, (number, points)), axis=1)
    error = rng.uniform(0.01, 0.04, (number, points))
    mag = 18 + np.cumsum(rng.normal(0, 0.03, (number, points)), axis=1) + rng.normal(0, 1, (number, points)) * error
    return t, mag, error


def write(folder, t, mag, error):
    number, points = t.shape
    arrays = [pa.array(part.ravel()) for part in (t, mag, error)] + [pa.array(np.zeros(t.size, np.uint8))]
    point = pa.struct([
        pa.field("time", pa.float64(), False), pa.field("mag", pa.float64(), metadata={"unit": "mag"}),
        pa.field("mag_err", pa.float64(), metadata={"unit": "mag"}), pa.field("flags", pa.uint8(), False),
    ])
    flat = pa.StructArray.from_arrays(arrays, fields=list(point))
    offsets = pa.array(np.arange(number + 1, dtype=np.int32) * points)
    lists = pa.ListArray.from_arrays(offsets, flat, type=pa.list_(pa.field("item", point, False)))
    table = pa.table({"id": pa.array(np.arange(number)), "lc_r": lists})
    pq.write_table(table, folder / "curves.parquet", compression="zstd")
    (folder / "light-curve-features.yaml").write_text(WORKFLOW.replace("FEATURES", ", ".join(FEATURES)))


def timed(extractor, light_curves):
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        extractor.many(light_curves, n_jobs=1, sorted=True, check=False, fill_value=float("nan"))
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / len(light_curves)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=20_000)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--each", action="store_true", help="also time each feature alone")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    parts = curves(args.number, args.points)
    write(args.folder, *parts)
    light_curves = list(zip(*parts))
    print(f"{len(FEATURES)} features: {timed(lc.Extractor(*FEATURES.values()), light_curves):.2f} µs a light curve")
    if args.each:
        for name, feature in FEATURES.items():
            print(f"{name:40} {timed(feature, light_curves[:2000]):9.2f} µs")


if __name__ == "__main__":
    main()
