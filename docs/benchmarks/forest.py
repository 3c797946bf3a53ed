#!/usr/bin/env python3
"""Prediction by trees: LightGBM and scikit-learn against the host's kernel, on the same models and rows.

    cargo build --release -p skyloom-kernels --example trees
    taskset -c 0 python forest.py sdss17_80k.csv.gz --trees ../../target/release/examples/trees

Trains both on ugriz and four colours of 60,000 objects, lets all predict the other 20,000 on one thread, in turns,
and prints the best processor time of each in microseconds a row, and how far their answers are apart. Needs lightgbm, pandas and
scikit-learn.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import RandomForestClassifier

import flat_trees

N_TRAIN = 60_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", help="CSV with u, g, r, i, z and class")
    parser.add_argument("--trees", required=True, help="the example `trees` of skyloom-kernels")
    parser.add_argument("--models", default="boosted,large,forest", help="of boosted, large, forest")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    features, truth = read(options.rows)
    print(f"lightgbm {lightgbm.__version__}, scikit-learn {sklearn.__version__}, {len(features) - N_TRAIN} rows, "
          f"{features.shape[1]} features")
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        # As scikit-learn takes them, in float32, so that all ask the same.
        test = features[N_TRAIN:].astype(np.float32).astype(np.float64)
        pd.DataFrame(test).to_csv(rows, index=False)
        for name in options.models.split(","):
            compare(name, features[:N_TRAIN], truth[:N_TRAIN], test, Path(folder), rows, options)


def read(path):
    table = pd.read_csv(path)
    table = table[table.u > -9000]
    features = table[["u", "g", "r", "i", "z"]].to_numpy()
    colours = features[:, :-1] - features[:, 1:]
    order = np.random.default_rng(1).permutation(len(table))
    return np.hstack([features, colours])[order], table["class"].astype("category").cat.codes.to_numpy()[order]


def train(name, features, truth):
    """The flat trees, and the peer's predict for rows."""
    if name == "forest":
        model = RandomForestClassifier(n_estimators=100, random_state=1, n_jobs=2).fit(features, truth)
        model.set_params(n_jobs=1)
        return flat_trees.of_sklearn(model), model.predict_proba
    leaves = {"boosted": 31, "large": 255}[name]
    params = dict(objective="multiclass", num_class=3, num_leaves=leaves, verbose=-1, seed=1)
    booster = lightgbm.train(params, lightgbm.Dataset(features, label=truth), num_boost_round=100)
    return flat_trees.of_lightgbm(booster), lambda rows: booster.predict(rows, raw_score=True, num_threads=1)


def compare(name, features, truth, test, folder, rows, options):
    trees, peer = train(name, features, truth)
    trees.to_csv(folder / "trees.csv", index=False)
    theirs, ours = [], []
    for _ in range(options.rounds):
        started = time.process_time()
        expected = peer(test)
        theirs.append(time.process_time() - started)
        answers = folder / "answers.csv"
        command = [options.trees, "predict", folder / "trees.csv", rows, answers, "2"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        ours += [float(line.split()[1]) for line in lines if line.startswith("round")]
    difference = np.abs(pd.read_csv(answers, header=None).to_numpy() - expected).max()
    per_row = 1e6 / len(test)
    print(f"{name}: {trees.tree.nunique()} trees, {len(trees)} nodes: peer {min(theirs) * per_row:.2f} µs a row, "
          f"kernel {min(ours) * per_row:.2f}, {min(theirs) / min(ours):.1f}x; apart {difference:.1e}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
