"""Decision trees of scikit-learn on the very bags that forest-trainer draws.

With all features drawn at each node there is nothing random left but the bag, and a forest's
tree must be scikit-learn's DecisionTreeClassifier under the same integer weights. The bag's
hash is written here a second time, from its description. Trees in which two splits are
equally good are passed over: programs may choose differently.

    python make_goldens.py
"""

import csv
import math
import struct
from decimal import Decimal, getcontext

import numpy as np
from sklearn.tree import DecisionTreeClassifier

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
SEED = 20260101
FEATURES = ["a", "b", "c", "d"]
CLASSES = ["one", "three", "two"]


def mix(bits):
    bits ^= bits >> 33
    bits = bits * 0xFF51AFD7ED558CCD & MASK
    bits ^= bits >> 33
    bits = bits * 0xC4CEB9FE1A85EC53 & MASK
    return bits ^ bits >> 33


def row_key(row):
    key = STEP
    for value in row:
        if math.isnan(value):
            bits = 0x7FF8000000000000
        else:
            (bits,) = struct.unpack("<Q", struct.pack("<d", value + 0.0))
        key = mix((key + STEP & MASK) ^ bits)
    return key


def cumulative_poisson():
    getcontext().prec = 60
    total, factorial = Decimal(0), 1
    for k in range(19):
        factorial *= max(k, 1)
        total += 1 / (Decimal(1).exp() * factorial)
        yield int(total * 2**64)


CUMULATIVE = list(cumulative_poisson())


def draws(tree, row):
    tree_key = mix(mix(SEED + STEP & MASK) + tree * STEP & MASK)
    uniform = mix(row_key(row) ^ tree_key)
    return sum(uniform >= step for step in CUMULATIVE)


def sample():
    """Overlapping classes; values are multiples of 1/256, so exact in float32, which
    scikit-learn keeps; some are missing."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 600)
    centres = np.array([[0, 0, 0, 0], [1.5, 0.5, 0, 1], [0, 1.5, 0.7, -1]])
    x = np.round((centres[truth] + rng.normal(size=(600, 4))) * 256) / 256
    # More often missing in class 1: where missing values go then matters.
    x[rng.random((600, 4)) < np.where(truth == 1, 0.15, 0.04)[:, None]] = np.nan
    return x, truth


def purities(x, truth, weights, min_samples_leaf):
    """What every possible split of these rows leaves, from the definition of Gini."""
    for values in x.T:
        known = np.unique(values[~np.isnan(values)])
        missing = np.isnan(values)
        for threshold in [*known[:-1], *([np.inf] if missing.any() else [])]:
            for with_missing in {False, bool(missing.any() and threshold < np.inf)}:
                left = (values <= threshold) | (missing & with_missing)
                if min(left.sum(), (~left).sum()) < min_samples_leaf:
                    continue
                purity = 0
                for side in (left, ~left):
                    counts = np.bincount(truth[side], weights[side], 3)
                    purity += (counts**2).sum() / counts.sum()
                yield purity


def has_ties(model, x, truth, weights, min_samples_leaf):
    reached = model.decision_path(x).toarray().astype(bool)
    for node in np.flatnonzero(model.tree_.children_left != -1):
        rows = reached[:, node]
        found = purities(x[rows], truth[rows], weights[rows], min_samples_leaf)
        best, next_best = sorted(found)[-1:-3:-1]
        if best - next_best < 1e-9 * best:
            return True
    return False


def nodes_of(model, bag):
    tree = model.tree_
    reached = model.decision_path(bag).toarray().astype(bool)
    for node in range(tree.node_count):
        is_leaf = tree.children_left[node] == -1
        # Where nothing was missing, scikit-learn counts rows and Skyloom weighs them.
        has_missing = np.isnan(bag[reached[:, node], tree.feature[node]]).any() and not is_leaf
        yield [
            node,
            -1 if is_leaf else tree.feature[node],
            "" if is_leaf else repr(float(tree.threshold[node])),
            tree.children_left[node],
            tree.children_right[node],
            tree.missing_go_to_left[node] if has_missing else "",
            repr(float(tree.weighted_n_node_samples[node])),
            *(repr(float(p)) for p in tree.value[node][0]),
        ]


def main():
    x, truth = sample()
    with open("rows.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*FEATURES, "class"])
        for row, label in zip(x, truth):
            out.writerow(["" if math.isnan(v) else repr(float(v)) for v in row] + [CLASSES[label]])
    # Depth, rows in a leaf, class weights.
    cases = {
        "plain": (4, 12, None),
        "weighted": (5, 15, np.array([1.0, 2.3, 0.6])),
        # Of all rows, not of the bag: as forests of scikit-learn do it.
        "balanced": (4, 12, len(truth) / (3 * np.bincount(truth))),
    }
    for name, (depth, least, class_weights) in cases.items():
        with open(f"{name}_trees.csv", "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            header = "tree,node,feature,threshold,left,right,missing_left,cover"
            out.writerow(header.split(",") + [f"p_{c}" for c in CLASSES])
            for tree in trees_without_ties(x, truth, depth, least, class_weights):
                out.writerows(tree)


def trees_without_ties(x, truth, depth, least, class_weights, n_trees=5):
    for tree in range(100):
        weights = np.array([draws(tree, row) for row in x], dtype=float)
        if class_weights is not None:
            weights *= class_weights[truth]
        bag = weights > 0
        model = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=least, random_state=0)
        model.fit(x, truth, sample_weight=weights)
        if has_ties(model, x[bag], truth[bag], weights[bag], least):
            continue
        yield [[tree, *node] for node in nodes_of(model, x[bag])]
        n_trees -= 1
        if n_trees == 0:
            return


if __name__ == "__main__":
    main()
