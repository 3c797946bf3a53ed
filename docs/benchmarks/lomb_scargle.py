"""Lomb–Scargle of one curve by Skyloom's kernel, nifty-ls and astropy, side by side.

    cargo build --release -p skyloom-kernels --example lomb_scargle
    pip install nifty-ls==1.1.0 astropy==8.0.2
    taskset -c 1 python docs/benchmarks/lomb_scargle.py target/release/examples/lomb_scargle

All programs have the same points, weights and frequencies, one thread, and give the same
normalisation with a floating mean. Programs take turns; the least time of all rounds counts. The
error is against a sum in longdouble, where that is not too long.
"""

import argparse
import os
import subprocess
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import nifty_ls
import numpy as np
from astropy.timeseries import LombScargle


def curve(n_points, seed=1):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.random(n_points)) * 3_652.5
    errors = 0.02 + 0.08 * rng.random(n_points)
    values = 17 + 0.3 * np.sin(2 * np.pi * times / 0.6) + errors * rng.standard_normal(n_points)
    return times, values, errors


def exact(times, values, errors, minimum, step, indices):
    """The power at some frequencies, in 64 bits of mantissa."""
    long = np.longdouble
    t, y = times.astype(long), values.astype(long)
    w = 1 / errors.astype(long) ** 2
    w /= w.sum()
    y = y - (w * y).sum()
    turns = (long(minimum) + long(step) * indices.astype(long))[:, None] * t
    angle = 2 * long("3.14159265358979323846264338327950288") * (turns - np.rint(turns))
    cos, sin = np.cos(angle), np.sin(angle)
    cos -= (w * cos).sum(1, keepdims=True)
    sin -= (w * sin).sum(1, keepdims=True)
    yy = (w * y * y).sum()
    yc, ys = (w * y * cos).sum(1), (w * y * sin).sum(1)
    cc, ss, cs = (w * cos * cos).sum(1), (w * sin * sin).sum(1), (w * cos * sin).sum(1)
    return (ss * yc**2 + cc * ys**2 - 2 * cs * yc * ys) / (yy * (cc * ss - cs**2))


def ours(program, points, grid, repeats):
    with tempfile.TemporaryDirectory() as folder:
        path, powers = os.path.join(folder, "curve.csv"), os.path.join(folder, "powers")
        with open(path, "w") as file:
            file.writelines(",".join(map(repr, map(float, row))) + "\n" for row in zip(*points))
        command = [program, path, *map(repr, map(float, grid[:2])), str(grid[2]), str(repeats), powers]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        seconds = [float(line.split()[1]) for line in lines if line.startswith("seconds")]
        return min(seconds), np.fromfile(powers)


def timed(function, repeats):
    least = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        least = min(least, time.perf_counter() - start)
    return least, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--points", default="50,100,200,500,1000,2000,5000")
    parser.add_argument("--frequencies", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("points  ours ms  nifty-ls ms  ratio  astropy fast ms  ratio  error: ours  nifty-ls  astropy")
    for n_points in map(int, arguments.points.split(",")):
        points = curve(n_points)
        times, values, errors = points
        count = arguments.frequencies
        step = 20 / count
        minimum = step / 2
        frequencies = minimum + step * np.arange(count)
        runs = {
            "ours": lambda: ours(arguments.program, points, (minimum, step, count), 5),
            "nifty": lambda: timed(
                lambda: nifty_ls.lombscargle(
                    times, values, dy=errors, fmin=frequencies[0], fmax=frequencies[-1], Nf=count,
                    backend="finufft", nthreads=1,
                ).power,
                5,
            ),
            "astropy": lambda: timed(
                lambda: LombScargle(times, values, errors).power(
                    frequencies, method="fast", assume_regular_frequency=True
                ),
                3,
            ),
        }
        least, powers = dict.fromkeys(runs, np.inf), {}
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                seconds, powers[name] = run()
                least[name] = min(least[name], seconds)
        some = np.linspace(20, count - 1, 500).astype(int)
        truth = exact(*points, minimum, step, some)
        error = {name: float(abs(powers[name][some] - truth).max()) for name in runs}
        print(
            f"{n_points:6}  {1e3 * least['ours']:7.3f}  {1e3 * least['nifty']:11.3f}"
            f"  {least['nifty'] / least['ours']:5.2f}  {1e3 * least['astropy']:15.2f}"
            f"  {least['astropy'] / least['ours']:5.1f}"
            f"  {error['ours']:11.1e}  {error['nifty']:8.1e}  {error['astropy']:7.1e}"
        )


main()
