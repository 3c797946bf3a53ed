#!/usr/bin/env python3
"""Boosted trees to compare with: LightGBM on the folds of a Skyloom run.

    python boosting.py rows.parquet predictions.parquet --key object_id --label target > boosting.json

Reads the table that `boosting-trainer` learnt from with `folds`, and what `boosting-classifier` made of it: key, p_<class>,
fold. Fits LightGBM with the same settings on the rows out of each fold, predicts the fold, and prints one JSON object
about both: log-loss, class-weighted log-loss, accuracy and macro-F1 out of fold with 95 % bootstrap intervals, the
difference in log-loss with the interval of that (rows drawn together for both), and CPU seconds of LightGBM's fits on one
thread. Needs pandas, pyarrow, scikit-learn and lightgbm.

- class_log_loss is the mean over classes of the mean log-loss of their rows, weighed by --class-weights (1 without).
- Features: --features, or all numbers but the key.
- Seconds are CPU time of `Dataset` and `train` on one thread, all folds together.
"""

import argparse
import json
import sys
import time

import lightgbm
import numpy as np
import pandas as pd


def main():
    options = read_options()
    rows = pd.read_parquet(options.rows) if options.rows.endswith(".parquet") else pd.read_csv(options.rows)
    ours = pd.read_parquet(options.predictions)
    table = rows.merge(ours.rename(columns={"class": "predicted_class"}), on=options.key, validate="1:1")
    classes = [name[2:] for name in ours.columns if name.startswith("p_")]
    truth = table[options.label].map({name: k for k, name in enumerate(classes)}).to_numpy()
    features = options.features or [
        name for name in rows.columns
        if name not in (options.key, options.label) and pd.api.types.is_numeric_dtype(rows[name])]
    values = table[features].to_numpy(np.float64)
    ours = table[[f"p_{name}" for name in classes]].to_numpy()

    theirs, seconds = np.zeros_like(ours), 0.0
    for fold in sorted(table["fold"].unique()):
        held_out = (table["fold"] == fold).to_numpy()
        started = time.process_time()
        model = fit(values[~held_out], truth[~held_out], len(classes), options)
        seconds += time.process_time() - started
        theirs[held_out] = model.predict(values[held_out])

    weights = np.array([options.class_weights.get(name, 1.0) for name in classes])
    json.dump({
        "lightgbm": lightgbm.__version__, "rows": len(table), "features": len(features), "classes": classes,
        "folds": int(table["fold"].nunique()), "rounds": options.rounds,
        "lightgbm_cpu_seconds": round(seconds, 2),
        **compare(truth, ours, theirs, weights, options),
    }, sys.stdout, indent=1)
    print()


def fit(values, truth, n_classes, options):
    weight = None
    if options.balanced:
        counts = np.bincount(truth, minlength=n_classes)
        weight = (len(truth) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[truth]
    data = lightgbm.Dataset(values, truth, weight=weight, params={"max_bin": 255, "verbose": -1})
    return lightgbm.train({
        "objective": "multiclass", "num_class": n_classes, "learning_rate": options.learning_rate,
        "num_leaves": options.num_leaves, "min_data_in_leaf": options.min_data_in_leaf,
        "min_sum_hessian_in_leaf": 1e-3, "lambda_l2": options.lambda_l2, "max_bin": 255,
        "feature_fraction": options.feature_fraction, "bagging_fraction": options.row_fraction,
        "bagging_freq": 1 if options.row_fraction < 1 else 0,
        "num_threads": 1, "seed": 1, "verbose": -1}, data, options.rounds)


def compare(truth, ours, theirs, weights, options):
    random = np.random.default_rng(options.seed)
    drawn = [random.integers(len(truth), size=len(truth)) for _ in range(options.resamples)]
    both = {}
    for name, proba in [("skyloom", ours), ("lightgbm", theirs)]:
        both[name] = Scores(truth, proba, weights)
    result = {}
    for name, scores in both.items():
        resampled = [scores.of(rows) for rows in drawn]
        low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
        values = scores.of(np.arange(len(truth)))
        result[f"{name}_scores"] = {metric: {"value": float(v), "low": float(lo), "high": float(hi)}
                        for metric, v, lo, hi in zip(Scores.names, values, low, high)}
    gap = both["skyloom"].loss - both["lightgbm"].loss
    low, high = np.percentile([gap[rows].mean() for rows in drawn], [2.5, 97.5])
    result["log_loss_difference"] = {"value": float(gap.mean()), "low": float(low), "high": float(high)}
    return result


class Scores:
    names = ["log_loss", "class_log_loss", "accuracy", "macro_f1"]

    def __init__(self, truth, proba, weights):
        eps = np.finfo(proba.dtype).eps
        self.truth, self.weights, self.n_classes = truth, weights, proba.shape[1]
        self.loss = -np.log(np.clip(proba[np.arange(len(truth)), truth], eps, 1 - eps))
        self.predicted = proba.argmax(axis=1)

    def of(self, rows):
        truth, k = self.truth[rows], self.n_classes
        counts = np.bincount(truth, minlength=k)
        of_class = np.bincount(truth, weights=self.loss[rows], minlength=k) / np.maximum(counts, 1)
        weights = self.weights * (counts > 0)
        confusion = np.bincount(truth * k + self.predicted[rows], minlength=k * k).reshape(k, k)
        hits = confusion.diagonal()
        f1 = 2 * hits / np.maximum(counts + confusion.sum(axis=0), 1)
        return self.loss[rows].mean(), (weights * of_class).sum() / weights.sum(), hits.sum() / len(rows), f1.mean()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", help="Parquet or CSV with key, label and features")
    parser.add_argument("predictions", help="Parquet as boosting-classifier writes it, with `fold`")
    parser.add_argument("--key", required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--features", type=lambda names: names.split(","))
    parser.add_argument("--class-weights", type=json.loads, default={}, help='weights of the score: {"c15": 2}')
    parser.add_argument("--balanced", action="store_true", help="`class-weights: balanced` in training")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--num-leaves", type=int, default=31)
    parser.add_argument("--min-data-in-leaf", type=int, default=20)
    parser.add_argument("--lambda-l2", type=float, default=1.0)
    parser.add_argument("--row-fraction", type=float, default=1.0)
    parser.add_argument("--feature-fraction", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--resamples", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
