#!/usr/bin/env python3
"""Golden models of LightGBM, and what LightGBM and shap say of rows they did not learn from.

    python make_goldens.py sdss17_80k.csv.gz

Writes its CSV files beside itself. See README.md.
"""

import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import shap

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[3] / "docs" / "benchmarks"))
import flat_trees  # noqa: E402

FEATURES = ["u", "g", "r", "i", "z", "g_minus_r", "u_minus_g"]
CLASSES = ["GALAXY", "QSO", "STAR"]
N_TRAIN, FIRST, N_EXPLAIN = 3000, 40_000, 45


def main(path):
    table = pd.read_csv(path)
    table["g_minus_r"] = table.g - table.r
    table["u_minus_g"] = table.u - table.g
    truth = table["class"].map(CLASSES.index).to_numpy()
    features = table[FEATURES].to_numpy()
    random = np.random.default_rng(20260101)
    # Missing values in all features but two, so that both of LightGBM's ways with them occur.
    gone = random.random(features.shape) < 0.1
    gone[:, 2:4] = False
    features[gone] = np.nan
    train, explain = slice(0, N_TRAIN), slice(FIRST, FIRST + N_EXPLAIN)
    rows = features[explain].copy()

    models = {"small": dict(num_leaves=31, n_rounds=12), "large": dict(num_leaves=90, n_rounds=4, min_data_in_leaf=5)}
    for name, options in models.items():
        n_rounds = options.pop("n_rounds")
        params = dict(objective="multiclass", num_class=3, seed=1, num_threads=1, deterministic=True, verbose=-1)
        data = lightgbm.Dataset(features[train], label=truth[train])
        booster = lightgbm.train(params | options, data, num_boost_round=n_rounds)
        trees = flat_trees.of_lightgbm(booster)
        if name == "small":
            # Some rows onto thresholds: left is "at most".
            roots = trees[(trees.feature >= 0)].drop_duplicates("tree")
            for row, (_, root) in zip(range(N_EXPLAIN - 8, N_EXPLAIN), roots.iterrows()):
                rows[row, int(root.feature)] = root.threshold
            # And missing values where LightGBM never saw one.
            rows[0, 2] = rows[1, 3] = np.nan
        trees.to_csv(HERE / f"{name}_trees.csv", index=False)
        margins = booster.predict(rows, raw_score=True)
        pd.DataFrame(margins, columns=CLASSES).to_csv(HERE / f"{name}_margins.csv", index=False)
        phi = np.zeros((N_EXPLAIN, 3, len(FEATURES)))
        base = np.zeros(3)
        for k, model in enumerate(flat_trees.for_shap(trees, 3)):
            explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
            phi[:, k] = explainer.shap_values(rows, check_additivity=False)
            base[k] = np.ravel(explainer.expected_value)[0]
        # LightGBM's own explanations, of the same trees.
        own = booster.predict(rows, pred_contrib=True).reshape(N_EXPLAIN, 3, -1)[:, :, :-1]
        print(name, "shap - LightGBM:", np.abs(phi - own).max(),
              "sums:", np.abs(base + phi.sum(axis=2) - margins).max())
        columns = [f"{c}_{f}" for c in CLASSES for f in FEATURES]
        pd.DataFrame(phi.reshape(N_EXPLAIN, -1), columns=columns).to_csv(HERE / f"{name}_shap.csv", index=False)
        pd.DataFrame([base], columns=CLASSES).to_csv(HERE / f"{name}_base.csv", index=False)
    pd.DataFrame(rows, columns=FEATURES).to_csv(HERE / "rows.csv", index=False)
    for package in (lightgbm, np, pd, shap):
        print(package.__name__, package.__version__)


if __name__ == "__main__":
    main(sys.argv[1])
