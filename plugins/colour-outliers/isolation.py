"""Outliers among colours, by an isolation forest (Liu, Ting & Zhou 2008,
doi:10.1109/ICDM.2008.17)."""

import numpy as np
from sklearn.ensemble import IsolationForest


def colours(magnitudes: np.ndarray) -> np.ndarray:
    """Differences of neighbouring bands, bluer minus redder; one column fewer."""
    return magnitudes[:, :-1] - magnitudes[:, 1:]


def outlier_scores(points: np.ndarray, trees: int, sample: int, seed: int) -> np.ndarray:
    """The anomaly score of each point, in (0, 1]: about 0.5 and less for what is like the
    others, near 1 for what few cuts set apart.

    NaN where a coordinate is not finite; such points are not learnt from either. The same
    seed gives the same trees.

    Raises:
        ValueError: fewer than two points have all coordinates.
    """
    complete = np.isfinite(points).all(axis=1)
    if complete.sum() < 2:
        raise ValueError("fewer than two sources have all magnitudes; name other columns")
    known = points[complete]
    forest = IsolationForest(
        n_estimators=trees, max_samples=min(sample, len(known)), random_state=seed, n_jobs=1
    )
    scores = np.full(len(points), np.nan)
    scores[complete] = -forest.fit(known).score_samples(known)
    return scores
