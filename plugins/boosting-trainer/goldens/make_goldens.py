"""Trees that LightGBM boosts on a small table, for boosting-trainer to grow again.

Values are few and whole, so both programs have the same bins: a bin for each value. LightGBM
keeps gradients as 32-bit floats, which is as far as values may differ. It counts rows by their curvature while it looks for
splits, which is no exact count: leaves are limited by curvature, and not by rows.

    pip install lightgbm==4.7.0 numpy==2.4.6
    python make_goldens.py
"""

import csv
import math

import lightgbm
import numpy as np

CLASSES = ["one", "three", "two"]
FEATURES = ["a", "b", "c", "d"]
N_ROUNDS = 4


def rows():
    random = np.random.default_rng(20260101)
    n_rows = 1500
    label = random.choice(3, size=n_rows, p=[0.6, 0.1, 0.3])
    centre = np.array([[0, 0, 0, 0], [18, -9, 4, 0], [6, 12, -3, 0]])[label]
    # All above 0: LightGBM gives zero a bin with borders of its own.
    values = np.round(200 + centre + random.normal(scale=9, size=(n_rows, 4)))
    # Missing more often in class `three`; never in `d`.
    missing = random.random((n_rows, 4)) < np.where(label == 1, 0.3, 0.08)[:, None]
    missing[:, 3] = False
    values[missing] = np.nan
    return values, label


def flatten(node, nodes):
    """Nodes as lists: feature, threshold, missing left, rows, value; children after parents."""
    at = len(nodes)
    if "split_index" not in node:
        nodes.append(["-1", "", "", node["leaf_count"], node["leaf_value"], "", ""])
        return at
    nodes.append([node["split_feature"], node["threshold"], int(node["default_left"]),
                  node["internal_count"], "", 0, 0])
    nodes[at][5] = flatten(node["left_child"], nodes)
    nodes[at][6] = flatten(node["right_child"], nodes)
    return at


def boosted(values, label, weights=None, rounds=N_ROUNDS, **options):
    data = lightgbm.Dataset(values, label, weight=weights, params={
        "max_bin": 255, "min_data_in_bin": 1, "feature_pre_filter": False, "verbose": -1})
    return lightgbm.train({
        "objective": "multiclass", "num_class": 3, "learning_rate": 0.1, "num_leaves": 8,
        "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 5.0, "lambda_l2": 1.0, "max_bin": 255,
        "min_data_in_bin": 1, "feature_pre_filter": False, "verbose": -1, "num_threads": 1,
        "deterministic": True, "force_col_wise": True, **options}, data, rounds)


def trees(model, label, weights=None):
    weights = np.ones(len(label)) if weights is None else weights
    shares = [weights[label == k].sum() / weights.sum() for k in range(3)]
    for number, tree in enumerate(model.dump_model()["tree_info"]):
        nodes = []
        flatten(tree["tree_structure"], nodes)
        round_, of = divmod(number, 3)
        for at, node in enumerate(nodes):
            # The first trees of LightGBM hold the classes' shares, too.
            if node[4] != "" and round_ == 0:
                node[4] -= math.log(shares[of])
            yield [round_ + 1, of, at, *node]


def write(name, header, lines):
    with open(name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


if __name__ == "__main__":
    values, label = rows()
    text = lambda value: "" if math.isnan(value) else int(value)
    write("rows.csv", [*FEATURES, "class"],
          ([*map(text, row), CLASSES[k]] for row, k in zip(values, label)))
    header = ["round", "class", "node", "feature", "threshold", "missing_left", "rows", "value", "left", "right"]
    plain = boosted(values, label)
    write("plain_trees.csv", header, trees(plain, label))
    weights = np.array([1.0, 2.5, 0.5])[label]
    weights /= weights.mean()
    write("weighted_trees.csv", header, trees(boosted(values, label, weights), label, weights))
    coarse = boosted(values, label, num_leaves=31, min_sum_hessian_in_leaf=2.5,
                     lambda_l2=0.0, learning_rate=0.3, max_depth=4)
    write("coarse_trees.csv", header, trees(coarse, label))
    write("probabilities.csv", CLASSES, boosted(values, label, rounds=30).predict(values[:200]).tolist())
    contributions = plain.predict(values[:100], pred_contrib=True)
    write("contributions.csv", [f"{c}_{f}" for c in CLASSES for f in [*FEATURES, "base"]],
          contributions.tolist())
