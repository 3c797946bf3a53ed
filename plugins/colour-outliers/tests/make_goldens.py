"""Makes `stars.csv` and `expected.csv`; see README.md for versions."""

import csv
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest

BANDS = ["u", "g", "r", "i", "z"]
TESTS = Path(__file__).parent


def main():
    random = np.random.default_rng(20080208)
    temperature = random.uniform(0, 1, 300)
    r = random.uniform(15, 20, 300)
    slopes = np.array([1.9, 1.0, 0.45, 0.25])
    colours = np.array([0.9, 0.3, 0.1, 0.05]) + slopes * temperature[:, None]
    colours += random.normal(0, 0.03, colours.shape)
    colours[:8] = random.uniform(-1, 2, (8, 4))
    magnitudes = np.empty((300, 5))
    magnitudes[:, 2] = r
    magnitudes[:, 1] = r + colours[:, 1]
    magnitudes[:, 0] = magnitudes[:, 1] + colours[:, 0]
    magnitudes[:, 3] = r - colours[:, 2]
    magnitudes[:, 4] = magnitudes[:, 3] - colours[:, 3]
    magnitudes = magnitudes.round(4)
    magnitudes[17, 0] = magnitudes[99, 3] = np.nan

    points = magnitudes[:, :-1] - magnitudes[:, 1:]
    complete = ~np.isnan(points).any(axis=1)
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=0)
    forest.fit(points[complete])
    scores = np.full(300, np.nan)
    scores[complete] = -forest.score_samples(points[complete])

    rows = [[f"s{row}", *magnitudes[row]] for row in range(300)]
    write("stars.csv", ["id", *BANDS], rows)
    scored = [[*row, score] for row, score in zip(rows, scores)]
    write("expected.csv", ["id", *BANDS, "outlier_score"], scored)


def write(name, header, rows):
    with open(TESTS / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(["" if value != value else value for value in row])


if __name__ == "__main__":
    main()
