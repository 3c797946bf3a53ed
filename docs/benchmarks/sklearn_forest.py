#!/usr/bin/env python3
"""The random forest to compare with: scikit-learn on rows whose split is already decided.

    python sklearn_forest.py rows.csv --label class --features u,g,r,i,z > forest.json

Reads a CSV (or .csv.gz) with the features, the label and a column `side` holding `train` or `test`; fits a
RandomForestClassifier with default settings on the train rows; prints one JSON object about the test rows:
macro-F1, log-loss and accuracy with 95 % bootstrap intervals, and wall seconds. Needs pandas and scikit-learn.

- macro_f1 is the plain mean over every class seen in train or test, 0/0 counting as 0; macro_f1_present is the mean
  over the classes that have test rows, which is the one to read when a class cannot occur there.
- log_loss clips probabilities to [eps, 1 - eps], eps = 2^-52, as scikit-learn's `log_loss` does; a class unknown to
  the model has probability 0 before the clip.
- Intervals: 2.5 % and 97.5 % points over resamples of the test rows, the fitted forest staying as it is.
- Seconds: fit, and predict_proba of all test rows; the machine should be doing nothing else.
- An empty field is missing; scikit-learn's trees handle it. Sentinels must be gone already.
"""

import argparse
import json
import os
import sys
import time

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss


def main():
    options = read_options()
    table = pd.read_csv(options.rows)
    train, test = (table[table[options.side] == side] for side in ("train", "test"))

    model = RandomForestClassifier(n_estimators=options.trees, random_state=options.seed, n_jobs=options.jobs)
    started = time.perf_counter()
    model.fit(train[options.features].to_numpy(np.float32), train[options.label])
    fit_seconds = time.perf_counter() - started
    test_features = test[options.features].to_numpy(np.float32)
    started = time.perf_counter()
    known = model.predict_proba(test_features)
    predict_seconds = time.perf_counter() - started

    classes = np.union1d(model.classes_, test[options.label])
    proba = np.zeros((len(test), len(classes)))
    proba[:, np.searchsorted(classes, model.classes_)] = known
    truth = np.searchsorted(classes, test[options.label])
    json.dump({
        "sklearn": sklearn.__version__, "python": sys.version.split()[0], "cores": os.cpu_count(),
        "n_estimators": options.trees, "random_state": options.seed, "n_jobs": options.jobs,
        "features": options.features, "classes": classes.tolist(),
        "n_train": len(train), "n_test": len(test),
        **scores(truth, proba, options.resamples, options.seed),
        "fit_seconds": round(fit_seconds, 3), "predict_seconds": round(predict_seconds, 3),
    }, sys.stdout, indent=1)
    print()


def scores(truth, proba, n_resamples, seed):
    """Each score of the test rows, with its bootstrap interval."""
    n_rows, n_classes = proba.shape
    predicted = proba.argmax(axis=1)
    eps = np.finfo(proba.dtype).eps
    row_loss = -np.log(np.clip(proba[np.arange(n_rows), truth], eps, 1 - eps))
    assert np.isclose(row_loss.mean(), log_loss(truth, proba, labels=range(n_classes)), rtol=1e-12)
    cell = truth * n_classes + predicted

    def score(rows):
        confusion = np.bincount(cell[rows], minlength=n_classes**2).reshape(n_classes, n_classes)
        hits, in_truth, in_answer = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
        # F1 = 2 hits / (rows of the class in truth + in answer); 0 where both are empty.
        f1 = 2 * hits / np.maximum(in_truth + in_answer, 1)
        return f1.mean(), f1[in_truth > 0].mean(), row_loss[rows].mean(), hits.sum() / len(rows)

    random = np.random.default_rng(seed)
    resampled = [score(random.integers(n_rows, size=n_rows)) for _ in range(n_resamples)]
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    names = ["macro_f1", "macro_f1_present", "log_loss", "accuracy"]
    return {name: {"value": float(v), "low": float(lo), "high": float(hi)}
            for name, v, lo, hi in zip(names, score(np.arange(n_rows)), low, high)}


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", help="CSV with features, label and side")
    parser.add_argument("--features", required=True, type=lambda names: names.split(","), help="column names, comma-separated")
    parser.add_argument("--label", required=True)
    parser.add_argument("--side", default="side", help="column holding train or test")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
