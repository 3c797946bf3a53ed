#!/usr/bin/env python3
"""Trains two small forests on SDSS17 rows and writes what scikit-learn and shap say of 50 other rows.

    pip install numpy==2.4.6 scikit-learn==1.9.1 shap==0.51.0
    python make_goldens.py sdss17_80k.csv.gz
"""

import csv
import gzip
import itertools
import math
import sys

import numpy as np
import shap
from sklearn.ensemble import RandomForestClassifier

FEATURES = ["u", "g", "r", "i", "z", "g_minus_r"]
N_TRAIN, N_EXPLAIN, FIRST_EXPLAINED = 1400, 50, 40_000
FORESTS = {
    "shallow": {"n_estimators": 20, "max_depth": 6, "random_state": 7},
    "deep": {"n_estimators": 10, "max_depth": 12, "random_state": 11},
}


def read_rows(path, first, n_rows):
    """Rows first..first+n_rows of the table: features in float32, as scikit-learn stores them, and the class."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(itertools.islice(csv.DictReader(file), first, first + n_rows))
    x = np.array([[float(row[band]) for band in "ugriz"] for row in rows])
    x = np.column_stack([x, x[:, 1] - x[:, 2]]).astype(np.float32)
    # Punch holes, so that the trees learn a side for missing values: u in every 7th row, z in every 11th,
    # u and the colour together in every 23rd.
    row_idx = np.arange(n_rows)
    x[row_idx % 7 == 3, 0] = np.nan
    x[row_idx % 11 == 5, 4] = np.nan
    x[row_idx % 23 == 9, 0] = np.nan
    x[row_idx % 23 == 9, 5] = np.nan
    return x, np.array([row["class"] for row in rows])


def put_on_thresholds(x, model):
    """Moves one feature of each of the last rows onto the root threshold of a tree, or the float32 nearest to it."""
    for back, estimator in enumerate(model.estimators_[:8], start=1):
        x[-back, estimator.tree_.feature[0]] = estimator.tree_.threshold[0]


def number(value):
    """The shortest decimal that reads back as the same float64; an empty field for NaN."""
    return "" if math.isnan(value) else repr(float(value))


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def tree_rows(model):
    for tree_idx, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            yield [tree_idx, node,
                   -1 if leaf else tree.feature[node],
                   "" if leaf else number(tree.threshold[node]),
                   tree.children_left[node], tree.children_right[node],
                   "" if leaf else int(tree.missing_go_to_left[node]),
                   number(tree.weighted_n_node_samples[node]),
                   *map(number, tree.value[node, 0])]


def exact_shapley(model, x):
    """Shapley values straight from their definition: every subset of the features, every tree, no cleverness.

    A node whose feature is outside the subset sends the row down both sides, weighted by their covers.
    """
    n_features = len(x)

    def value(tree, subset, node=0):
        left, right = tree.children_left[node], tree.children_right[node]
        if left < 0:
            return tree.value[node, 0]
        feature = tree.feature[node]
        if feature in subset:
            known = x[feature]
            go_left = tree.missing_go_to_left[node] if np.isnan(known) else known <= tree.threshold[node]
            return value(tree, subset, left if go_left else right)
        cover = tree.weighted_n_node_samples
        return (cover[left] * value(tree, subset, left) + cover[right] * value(tree, subset, right)) / cover[node]

    worth = {}
    for size in range(n_features + 1):
        for subset in itertools.combinations(range(n_features), size):
            worth[frozenset(subset)] = np.mean([value(e.tree_, set(subset)) for e in model.estimators_], axis=0)
    phi = np.zeros((n_features, len(worth[frozenset()])))
    for subset, base in worth.items():
        weight = math.factorial(len(subset)) * math.factorial(n_features - len(subset) - 1) if len(subset) < n_features else 0
        for feature in set(range(n_features)) - subset:
            phi[feature] += weight / math.factorial(n_features) * (worth[subset | {feature}] - base)
    return phi, worth[frozenset()]


def main(path):
    x_train, label = read_rows(path, 0, N_TRAIN)
    x, truth = read_rows(path, FIRST_EXPLAINED, N_EXPLAIN)
    models = {name: RandomForestClassifier(n_jobs=1, **settings).fit(x_train, label)
              for name, settings in FORESTS.items()}
    put_on_thresholds(x, models["shallow"])
    write_csv("rows.csv", ["row", "truth", *FEATURES],
              [[row, truth[row], *map(number, values)] for row, values in enumerate(x)])
    for name, model in models.items():
        classes = list(model.classes_)
        explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
        phi = explainer.shap_values(x)  # (row, feature, class)
        proba = model.predict_proba(x)
        added = explainer.expected_value + phi.sum(axis=1)
        print(name, "nodes", sum(e.tree_.node_count for e in model.estimators_),
              "largest |sum - probability|", np.abs(added - proba).max())
        checked = range(0, N_EXPLAIN, 5)
        off = [np.abs(exact - phi[row]).max() for row in checked for exact in [exact_shapley(model, x[row])[0]]]
        print(name, "largest |shap - definition|", max(off),
              "base", np.abs(exact_shapley(model, x[0])[1] - explainer.expected_value).max())
        write_csv(f"{name}_trees.csv",
                  ["tree", "node", "feature", "threshold", "left", "right", "missing_left", "cover"]
                  + [f"p_{k}" for k in range(len(classes))],
                  tree_rows(model))
        write_csv(f"{name}_shap.csv", ["row", "class", "feature", "phi"],
                  [[row, classes[k], FEATURES[f], number(phi[row, f, k])]
                   for row in range(N_EXPLAIN) for k in range(len(classes)) for f in range(len(FEATURES))])
        write_csv(f"{name}_expected_value.csv", ["class", "expected_value"],
                  [[c, number(v)] for c, v in zip(classes, explainer.expected_value)])
        write_csv(f"{name}_proba.csv", ["row"] + [f"p_{c}" for c in classes],
                  [[row, *map(number, p)] for row, p in enumerate(proba)])


if __name__ == "__main__":
    main(sys.argv[1])
