#!/usr/bin/env python3
"""Golden neighbours: scikit-learn's.

    python make_goldens.py sdss17_80k.csv.gz

Writes its CSV files beside itself. See README.md.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.neighbors import NearestNeighbors

HERE = Path(__file__).parent
BANDS = ["u", "g", "r", "i", "z"]
N_POINTS, N_ASKED, K = 205, 31, 7


def main(path):
    table = pd.read_csv(path, nrows=1000)[BANDS]
    points, asked = table[:N_POINTS].copy(), table[500:500 + N_ASKED].copy()
    # Points twice, and points asked about that are among those looked at.
    points.iloc[100:110] = points.iloc[20:30].to_numpy()
    asked.iloc[:5] = points.iloc[20:25].to_numpy()
    # `metric=minkowski, p=2` by a tree sums (a - b)^2; `brute` would take scikit-learn's shortcut.
    found = NearestNeighbors(n_neighbors=2 * K, algorithm="kd_tree").fit(points.to_numpy())
    distance, index = found.kneighbors(asked.to_numpy())
    # Of equal distances the first index comes first; scikit-learn leaves it open, and also which of those at the
    # end it finds.
    order = np.lexsort((index, distance))[:, :K]
    index, distance = np.take_along_axis(index, order, 1), np.take_along_axis(distance, order, 1)
    points.to_csv(HERE / "points.csv", index=False)
    asked.to_csv(HERE / "asked.csv", index=False)
    names = range(K)
    pd.DataFrame(index, columns=names).to_csv(HERE / "index.csv", index=False)
    pd.DataFrame(distance, columns=names).to_csv(HERE / "distance.csv", index=False)
    for package in (np, pd, sklearn):
        print(package.__name__, package.__version__)


if __name__ == "__main__":
    main(sys.argv[1])
