#!/usr/bin/env python3
"""Explanations: shap and LightGBM against the host's kernel, on the same model and rows.

    cargo build --release -p skyloom-kernels --example trees
    taskset -c 0 python tree_shap.py sdss17_80k.csv.gz --trees ../../target/release/examples/trees

Trains LightGBM, 300 trees of 31 leaves, on ugriz and four colours of 60,000 objects; lets all explain 1,000 others
on one thread, in turns; prints the best processor time of each in microseconds a row, and how far their values are apart. shap gets
the trees as arrays, so that its own code runs and not LightGBM's. Needs lightgbm, pandas, scikit-learn and shap.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import shap

import flat_trees
from forest import N_TRAIN, read


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", help="CSV with u, g, r, i, z and class")
    parser.add_argument("--trees", required=True, help="the example `trees` of skyloom-kernels")
    parser.add_argument("--rows-explained", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    features, truth = read(options.rows)
    test = features[N_TRAIN:N_TRAIN + options.rows_explained]
    params = dict(objective="multiclass", num_class=3, num_leaves=31, verbose=-1, seed=1)
    data = lightgbm.Dataset(features[:N_TRAIN], label=truth[:N_TRAIN])
    booster = lightgbm.train(params, data, num_boost_round=100)
    trees = flat_trees.of_lightgbm(booster)
    explainers = [shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
                  for model in flat_trees.for_shap(trees, 3)]

    def by_shap():
        phi = [explainer.shap_values(test, check_additivity=False) for explainer in explainers]
        return np.stack(phi, axis=1)

    def by_lightgbm():
        phi = booster.predict(test, pred_contrib=True, num_threads=1)
        return phi.reshape(len(test), 3, -1)[:, :, :-1]

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        trees.to_csv(folder / "trees.csv", index=False)
        pd.DataFrame(test).to_csv(folder / "rows.csv", index=False)
        times = {"shap": [], "LightGBM": [], "kernel": []}
        for _ in range(options.rounds):
            for name, explain in [("shap", by_shap), ("LightGBM", by_lightgbm)]:
                started = time.process_time()
                expected = explain()
                times[name].append(time.process_time() - started)
            answers = folder / "answers.csv"
            command = [options.trees, "explain", folder / "trees.csv", folder / "rows.csv", answers, "3"]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
            times["kernel"] += [float(line.split()[1]) for line in lines if line.startswith("round")]
        phi = pd.read_csv(answers, header=None).to_numpy().reshape(expected.shape)
        print(f"shap {shap.__version__}, lightgbm {lightgbm.__version__}: {len(test)} rows, {trees.tree.nunique()} trees, "
              f"{len(trees)} nodes")
        for name, of_name in times.items():
            print(f"{name}: {min(of_name) * 1e6 / len(test):.1f} µs a row, "
                  f"{min(of_name) / min(times['kernel']):.1f}x the kernel's")
        print(f"apart {np.abs(phi - by_shap()).max():.1e} from shap, {np.abs(phi - by_lightgbm()).max():.1e} from LightGBM")


if __name__ == "__main__":
    main()
