"""Models of LightGBM and scikit-learn as flat columns: what the kernels for trees take.

A line a node, with the columns tree, class, feature, threshold, left, right, missing_left, cover, and the values.
Children are counted within the tree and come after their parents. Leaves have feature, left and right -1, threshold 0.
Boosted trees have the class that they speak of and one value; those of a random forest have class -1 and a value for
each class. Every number reads back as the same float64.
"""

import numpy as np
import pandas as pd

NODE = ["tree", "class", "feature", "threshold", "left", "right", "missing_left", "cover"]


def of_lightgbm(booster):
    """The trees of a LightGBM booster; of one class if it is no multi-class model."""
    model = booster.dump_model()
    rows = []
    for index, tree in enumerate(model["tree_info"]):
        rows += lightgbm_tree(index, index % model["num_tree_per_iteration"], tree["tree_structure"])
    return pd.DataFrame(rows, columns=NODE + ["value"])


def lightgbm_tree(index, of_class, root):
    rows = []

    def visit(node):
        at = len(rows)
        if "leaf_value" in node:
            cover = node.get("leaf_count") or node.get("leaf_weight") or 1
            rows.append([index, of_class, -1, 0.0, -1, -1, 0, float(cover), float(node["leaf_value"])])
            return at
        assert node["decision_type"] == "<=", "categories are not supported"
        assert node["missing_type"] in ("None", "NaN"), "zeros as missing are not supported"
        threshold = float(node["threshold"])
        # Where no value was missing in training, LightGBM takes a missing one for 0.
        missing_left = node["default_left"] if node["missing_type"] == "NaN" else 0.0 <= threshold
        rows.append([index, of_class, node["split_feature"], threshold, -1, -1, int(missing_left),
                     float(node["internal_count"]), 0.0])
        rows[at][4] = visit(node["left_child"])
        rows[at][5] = visit(node["right_child"])
        return at

    visit(root)
    return rows


def of_sklearn(forest):
    """The trees of a fitted RandomForestClassifier."""
    tables = []
    for index, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        leaf = tree.children_left < 0
        share = tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True)
        columns = {
            "tree": index, "class": -1,
            "feature": np.where(leaf, -1, tree.feature), "threshold": np.where(leaf, 0.0, tree.threshold),
            "left": tree.children_left, "right": tree.children_right,
            "missing_left": np.where(leaf, 0, tree.missing_go_to_left), "cover": tree.weighted_n_node_samples,
        }
        columns |= {f"value_{k}": share[:, k] for k in range(share.shape[1])}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def for_shap(trees, n_classes):
    """Trees with one value a leaf as shap.TreeExplainer takes models of unknown origin, one model a class."""
    models = []
    for k in range(n_classes):
        of_class = [tree for _, tree in trees[trees["class"] == k].groupby("tree")]
        models.append({"trees": [{
            "children_left": tree["left"].to_numpy(np.int32), "children_right": tree["right"].to_numpy(np.int32),
            "children_default": np.where(tree["missing_left"] == 1, tree["left"], tree["right"]).astype(np.int32),
            "features": tree["feature"].to_numpy(np.int32), "thresholds": tree["threshold"].to_numpy(np.float64),
            "values": tree[["value"]].to_numpy(np.float64), "node_sample_weight": tree["cover"].to_numpy(np.float64),
        } for tree in of_class]})
    return models
