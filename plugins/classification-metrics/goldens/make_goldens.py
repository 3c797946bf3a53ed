#!/usr/bin/env python3
"""Writes the golden predictions and the metrics scikit-learn and uncertainty-calibration give for them.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    pip install --no-deps uncertainty-calibration==0.1.4 parameterized
    python make_goldens.py
"""

import csv
import json
import math
from importlib.metadata import version

import calibration
import numpy as np
from sklearn import metrics

N_BINS = 15


def draw(seed, classes, n_rows, sharpness, *, never_true=None, never_predicted=None):
    """Rows of (truth, probabilities): each probability a multiple of 1e-4, each row summing to 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    weight = random.dirichlet(np.full(len(classes), 3.0))
    if never_true is not None:
        weight[classes.index(never_true)] = 0.0
    truth = random.choice(len(classes), size=n_rows, p=weight / weight.sum())
    alpha = np.full((n_rows, len(classes)), 0.4)
    alpha[np.arange(n_rows), truth] += sharpness
    units = np.array([np.floor(random.dirichlet(a) * 10_000) for a in alpha], dtype=int)
    if never_predicted is not None:
        units[:, classes.index(never_predicted)] //= 50
    units[np.arange(n_rows), units.argmax(axis=1)] += 10_000 - units.sum(axis=1)
    return [(int(t), [int(v) for v in u]) for t, u in zip(truth, units)]


def three_classes():
    classes = ["GALAXY", "QSO", "STAR"]
    rows = draw(101, classes, 288, 1.6)
    # Ties (the earlier class wins), confidences on bin edges (k/15), certainty that is right, and that is wrong.
    edges = [(0, [5000, 5000, 0]), (1, [5000, 5000, 0]), (2, [0, 5000, 5000]), (1, [2500, 3750, 3750]),
             (0, [6000, 4000, 0]), (1, [6000, 2000, 2000]), (2, [1000, 1000, 8000]), (0, [1000, 1000, 8000]),
             (0, [4000, 3000, 3000]), (1, [0, 10000, 0]), (2, [10000, 0, 0]), (2, [3334, 3333, 3333])]
    return classes, rows + edges


def ten_classes():
    classes = ["Cep", "DPV", "DSCT", "LPV", "RCB", "RRab", "RRc", "RRd", "T2Cep", "aCep"]
    rows = draw(202, classes, 296, 1.1, never_true="RCB", never_predicted="DPV")
    edges = [(5, [1000] * 10), (0, [1000] * 10), (9, [0, 0, 0, 2000, 0, 2000, 2000, 2000, 0, 2000]),
             (1, [0, 0, 0, 0, 0, 10000, 0, 0, 0, 0])]
    return classes, rows + edges


def expected(classes, truth, predicted, proba):
    """Every figure from the library named in README.md; the ECE also by the plain sum of its definition."""
    labels = range(len(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0.0)
    averages = {
        average: dict(zip(["precision", "recall", "f1"], map(float, metrics.precision_recall_fscore_support(
            truth, predicted, labels=labels, average=average, zero_division=0.0)[:3])))
        for average in ["macro", "weighted"]
    }
    class_weights = [1.0 + k % 3 for k in labels]
    confidence = proba.max(axis=1)
    edges = [k / N_BINS for k in range(1, N_BINS + 1)]
    bin_idx = np.searchsorted(edges, confidence, side="left")
    bins, ece = [], 0.0
    for b in range(N_BINS):
        inside = bin_idx == b
        n = int(inside.sum())
        entry = {"lo": b / N_BINS, "hi": edges[b], "count": n, "mean_confidence": None, "accuracy": None}
        if n:
            entry["mean_confidence"] = float(confidence[inside].mean())
            entry["accuracy"] = float((truth == predicted)[inside].mean())
            ece += n / len(truth) * abs(entry["mean_confidence"] - entry["accuracy"])
        bins.append(entry)
    outside = calibration.get_ece(proba, truth, debias=False, num_bins=N_BINS, mode="top-label")
    assert math.isclose(ece, outside, rel_tol=1e-12), (ece, outside)
    return {
        "made_with": {name: version(name) for name in ["scikit-learn", "uncertainty-calibration", "numpy"]},
        "classes": classes,
        "n_rows": len(truth),
        "confusion_matrix": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "per_class": [
            {"class": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for name, p, r, f, s in zip(classes, precision, recall, f1, support)
        ],
        "macro": averages["macro"],
        "weighted": averages["weighted"],
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "matthews_corrcoef": float(metrics.matthews_corrcoef(truth, predicted)),
        "log_loss": float(metrics.log_loss(truth, proba, labels=labels)),
        "class_weights": class_weights,
        "class_weighted_log_loss": float(metrics.log_loss(
            truth, proba, labels=labels, sample_weight=(np.array(class_weights) / np.maximum(support, 1))[truth])),
        "brier": float(metrics.brier_score_loss(truth, proba, labels=labels, scale_by_half=False)),
        "ece": float(outside),
        "ece_bins": bins,
    }


def write(name, classes, rows):
    truth = np.array([t for t, _ in rows])
    proba = np.array([u for _, u in rows]) / 10_000
    predicted = proba.argmax(axis=1)
    with open(f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["truth", "predicted"] + [f"p_{c}" for c in classes])
        for t, p, row in zip(truth, predicted, proba):
            writer.writerow([classes[t], classes[p]] + [repr(float(v)) for v in row])
    with open(f"{name}.expected.json", "w") as file:
        json.dump(expected(classes, truth, predicted, proba), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    write("three_classes", *three_classes())
    write("ten_classes", *ten_classes())
