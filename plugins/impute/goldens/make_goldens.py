#!/usr/bin/env python3
"""Writes a table with gaps and what scikit-learn's SimpleImputer fills them with.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python make_goldens.py
"""

import csv
import json
import math
from importlib.metadata import version

import numpy as np
from sklearn.impute import SimpleImputer

random = np.random.Generator(np.random.PCG64(20260101))


def column(values, gap_share):
    values = np.array(values, dtype=float)
    values[random.random(len(values)) < gap_share] = np.nan
    return values


N_ROWS = 201
COLUMNS = {
    "magnitude": column(np.round(random.normal(18, 2, N_ROWS), 3), 0.2),
    "period": column(10 ** random.uniform(-2, 3, N_ROWS), 0.3),
    "flux": column(random.normal(0, 1, N_ROWS) * 10 ** random.uniform(-8, 8, N_ROWS), 0.1),
    "count": column(random.integers(0, 6, N_ROWS), 0.15),
}
TEXT = [None if random.random() < 0.2 else str(v) for v in random.choice(["LMC", "SMC", "BLG", "GD"], N_ROWS)]

if __name__ == "__main__":
    table = np.column_stack(list(COLUMNS.values()))
    expected = {"made_with": {name: version(name) for name in ["scikit-learn", "numpy"]}}
    for strategy in ["median", "mean", "most_frequent"]:
        fitted = SimpleImputer(strategy=strategy).fit(table)
        expected[strategy] = {name: repr(float(value)) for name, value in zip(COLUMNS, fitted.statistics_)}
    # SimpleImputer's mean carries NumPy's rounding; this one is rounded once.
    expected["exact_mean"] = {
        name: repr(math.fsum(v for v in values if not math.isnan(v)) / int(np.isfinite(values).sum()))
        for name, values in COLUMNS.items()
    }
    text = np.array(TEXT, dtype=object).reshape(-1, 1)
    fitted = SimpleImputer(strategy="most_frequent", missing_values=None).fit(text)
    expected["most_frequent"]["field"] = fitted.statistics_[0]
    with open("gaps.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "field"])
        for numbers, field in zip(table, TEXT):
            writer.writerow(["" if math.isnan(v) else repr(float(v)) for v in numbers] + [field or ""])
    with open("gaps.expected.json", "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")
