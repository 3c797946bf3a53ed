"""Writes the golden cases: what SciPy finds for made light curves.

    pip install scipy==1.17.1 numpy==2.4.6
    python make_cases.py
"""

from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

HERE = Path(__file__).parent
NAMES = ["amplitude", "t0", "rise", "fall", "baseline", "chi2"]
TRUE = {
    "slow": (120.0, 58040.0, 4.0, 25.0, -3.0),
    "fast": (900.0, 58030.0, 1.5, 9.0, 10.0),
    "late": (60.0, 58070.0, 6.0, 40.0, 0.0),
}


def bazin(t, p):
    """As in the paper, with logarithms of both time scales."""
    amplitude, t0, rise, fall, baseline = p[0], p[1], np.exp(p[2]), np.exp(p[3]), p[4]
    x = t - t0
    return amplitude * np.exp(-x / fall - np.logaddexp(0.0, -x / rise)) + baseline


def best(t, f, e, near):
    """SciPy's fit, begun at the truth, in times from there."""
    origin = near[1]
    start = [near[0], 0.0, np.log(near[2]), np.log(near[3]), near[4]]
    found = least_squares(
        lambda p: (f - bazin(t - origin, p)) / e, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    assert found.success
    a, t0, rise, fall, b = found.x
    return [a, t0 + origin, np.exp(rise), np.exp(fall), b, 2.0 * found.cost / (len(t) - 5)]


def curve(true, rng, count, noise):
    t = np.round(np.sort(rng.uniform(58000.0, 58150.0, count)), 3)
    e = np.round(rng.uniform(0.5, 1.5, count) * noise, 3)
    f = np.round(bazin(t, (true[0], true[1], *np.log(true[2:4]), true[4])) + rng.normal(0.0, e), 4)
    return t, f, e


def text(values):
    return "[" + ", ".join("null" if v is None else str(v) for v in values) + "]"


def numbers(values):
    return text(float(v) for v in values)


def write_lists():
    """Columns of lists; the last rows have no fit."""
    rng = np.random.default_rng(20091101)
    rows = []
    for name, true in TRUE.items():
        t, f, e = curve(true, rng, 60, true[0] / 40.0)
        rows.append((name, t, f, e, best(t, f, e, true)))
    lines = ["      id: " + text([*(row[0] for row in rows), "short", "none"])]
    for name, at in [("mjd", 1), ("flux", 2), ("flux_err", 3)]:
        lines.append(f"      {name}:")
        lines += [f"        - {numbers(row[at])}" for row in rows]
        lines += ["        - [1.0, 2.0, 3.0]", "        - null"]
    found = [
        f"      bazin_{name}: " + text([*(float(row[4][at]) for row in rows), None, None])
        for at, name in enumerate(NAMES)
    ]
    found.append("      bazin_converged: [true, true, true, null, null]")
    types = '    types: {mjd: "list<float64>", flux: "list<float64>", flux_err: "list<float64>"}'
    case = [
        "# Three transients, a curve that is too short, and one that is not there: what SciPy finds.",
        "# Written by make_cases.py.",
        "params: {}",
        "inputs:",
        "  table:",
        "    columns:",
        *lines,
        types,
        "outputs:",
        "  features:",
        "    columns:",
        *lines,
        *found,
        types,
        "    tolerance: 1.0e-7",
    ]
    (HERE / "lists.yaml").write_text("\n".join(case) + "\n")


def write_structs():
    """Structs with two bands, one with missing values among its points."""
    rng = np.random.default_rng(8)
    points, found = [], []
    for band, name in [("g", "fast"), ("r", "slow")]:
        t, f, e = curve(TRUE[name], rng, 40, TRUE[name][0] / 50.0)
        found.append((band, best(t, f, e, TRUE[name])))
        points += [(float(a), float(b), float(c), band) for a, b, c in zip(t, f, e)]
    points.sort()
    points.insert(3, (58001.0, None, 1.0, "g"))
    inside = ", ".join(
        f"{{mjd: {t}, flux: {'null' if f is None else f}, flux_err: {e}, band: {b}}}" for t, f, e, b in points
    )
    rows = ["      id: [sn]", "      curve:", f"        - [{inside}]"]
    kind = '    types: {curve: "list<struct<mjd: float64, flux: float64, flux_err: float64, band: utf8>>"}'
    out = []
    for band, values in found:
        out += [f"      bazin_{band}_{name}: [{float(v)}]" for name, v in zip(NAMES, values)]
        out.append(f"      bazin_{band}_converged: [true]")
    case = [
        "# A curve of structs in two bands; a point without a flux is left out.",
        "# Written by make_cases.py.",
        "params: {curve: curve, band: band, bands: [g, r]}",
        "inputs:",
        "  table:",
        "    columns:",
        *rows,
        kind,
        "outputs:",
        "  features:",
        "    columns:",
        *rows,
        *out,
        kind,
        "    tolerance: 1.0e-7",
    ]
    (HERE / "structs.yaml").write_text("\n".join(case) + "\n")


def write_exact():
    """Without noise the parameters come back, whoever fits."""
    rows = []
    t = 57980.0 + 2.5 * np.arange(60)
    for true in TRUE.values():
        rows.append(bazin(t, (true[0], true[1], *np.log(true[2:4]), true[4])))
    ids = "      id: " + text(TRUE)
    lists = [("mjd", [t] * len(rows)), ("flux", rows), ("flux_err", [np.ones(60)] * len(rows))]
    lines = [ids]
    for name, values in lists:
        lines.append(f"      {name}:")
        lines += [f"        - {numbers(value)}" for value in values]
    out = [f"      bazin_{name}: {text(true[at] for true in TRUE.values())}" for at, name in enumerate(NAMES[:5])]
    out += ["      bazin_chi2: [0.0, 0.0, 0.0]", "      bazin_converged: [true, true, true]"]
    types = '    types: {mjd: "list<float64>", flux: "list<float64>", flux_err: "list<float64>"}'
    case = [
        "# Curves without noise: the parameters that they were made with.",
        "# Written by make_cases.py.",
        "params: {}",
        "inputs:",
        "  table:",
        "    columns:",
        *lines,
        types,
        "outputs:",
        "  features:",
        "    columns:",
        *lines,
        *out,
        types,
        "    tolerance: 1.0e-6",
    ]
    (HERE / "exact.yaml").write_text("\n".join(case) + "\n")


if __name__ == "__main__":
    write_lists()
    write_structs()
    write_exact()
