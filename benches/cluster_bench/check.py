"""Random cases, small and odd, through `streamface cluster --vectors`: labels against SciPy's complete linkage.

Where equal distances leave a choice, SciPy's is not the stated one (order of distance, then of the clusters' smallest
rows). So a slow twin of the rule runs beside it. Cases of kind `ties` are made of small multiples of one power of two,
whose distances are exact in any order of summation: there the twin must be met. In the others a tie is one of rounding;
such a case counts as skipped where it differs, and is named.
"""

import tempfile
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from . import labels as lab
from .process import Failed, measured

NEAR = 1e-9
# Below this a distance is rounding (1 - 1 in cosine), and relative differences mean nothing.
TINY = 1e-13
KINDS = ("people", "flat", "duplicates", "ties")


def case(seed, metric, kind, max_rows):
    """Rows and a threshold of one case."""
    rng = np.random.default_rng([seed, ("cosine", "euclidean").index(metric), KINDS.index(kind)])
    n = seed if seed < 3 else int(np.exp(rng.uniform(0, np.log(max_rows + 1))))
    if seed == 3:
        n = max_rows
    d = int(np.exp(rng.uniform(0, np.log(1025))))
    d = {4: 1, 5: 1024}.get(seed, d)
    if kind == "ties":
        n = min(n, 400)
        if metric == "cosine":
            # Rows of +-1 in 4^k dimensions have a whole length, so that even scaled rows are exact.
            d = int(4 ** rng.integers(0, 5))
            x = rng.choice([-1.0, 1.0], (n, d))
        else:
            d = int(rng.integers(1, 9))
            x = rng.integers(0, 4, (n, d)) / 4
        # A distance of the data itself: a pair at the threshold is within it.
        return x.astype(np.float32), threshold_of(x, metric, rng, rng.random() ** 2)
    if kind == "people":
        centre = rng.standard_normal((n // 6 + 1, d))
        x = centre[rng.integers(len(centre), size=n)] + rng.uniform(0.1, 0.8) * rng.standard_normal((n, d))
    else:
        x = rng.standard_normal((n, d))
    if kind == "duplicates" and n:
        x = x[rng.integers(max(1, n // 2), size=n)]
    if rng.random() < 0.5 and n:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    elif metric == "euclidean":
        # Distances about 1, in the range of thresholds.
        x *= rng.uniform(0.3, 1) / np.sqrt(2 * d)
    x = x.astype(np.float32)
    # Just above a distance, so that rounding does not decide.
    threshold = threshold_of(x, metric, rng, rng.choice([0.0, 0.01, 0.03, 0.1, 0.2, 0.5, 0.9, 1.0]))
    return x, min(threshold * (1 + 1e-6), 2.0)


def threshold_of(x, metric, rng, share):
    """A distance of the data itself, in the range of thresholds, below which some `share` of the pairs lie."""
    if len(x) < 2:
        return 0.5
    rows = rng.integers(len(x), size=(2, 2000))
    a, b = (x[r].astype(np.float64) for r in rows)
    if metric == "cosine":
        d = 1 - (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    else:
        d = np.sqrt(((a - b) ** 2).sum(1))
    found = float(np.quantile(d, share, method="nearest"))
    return min(max(found, 0.0), 2.0)


def twin(distance, threshold):
    """The stated rule on all distances, a merge at a time. Also whether any choice was within rounding of another."""
    d = distance.copy()
    n = len(d)
    np.fill_diagonal(d, np.inf)
    labels = np.arange(n)
    upper = np.triu(np.ones((n, n), bool), 1)
    best = np.full(n, n - 1)
    value = np.full(n, np.inf)

    def look(i):
        if i + 1 < n:
            best[i] = i + 1 + np.argmin(d[i, i + 1 :])
            value[i] = d[i, best[i]]

    for i in range(n):
        look(i)
    close = bool((np.abs(distance[upper] - threshold) <= NEAR * threshold + TINY).any())
    while n > 1:
        i = int(np.argmin(value))
        height = value[i]
        if height > threshold:
            break
        j = int(best[i])
        if not close:
            reach = height * (1 + NEAR) + TINY
            close = np.count_nonzero(d[i] <= reach) + np.count_nonzero(d[j] <= reach) > 2
        labels[labels == j] = i
        row = np.maximum(d[i], d[j])
        d[i], d[:, i] = row, row
        d[j], d[:, j] = np.inf, np.inf
        value[j] = np.inf
        for k in np.flatnonzero((best == i) | (best == j)):
            if value[k] < np.inf:
                look(k)
        look(i)
    return labels, close


def expected(x, metric, threshold):
    """SciPy's labels, the twin's, and whether a tie lies between them."""
    if len(x) < 2:
        return np.arange(len(x)), np.arange(len(x)), False
    flat = pdist(x.astype(np.float64), metric)
    full = squareform(flat, checks=False)
    scipy = fcluster(linkage(flat, "complete"), threshold, criterion="distance")
    return scipy, *twin(full, threshold)


def exact_distances(x, metric):
    """Distances of `ties`: exact up to one square root or division."""
    x = x.astype(np.float64)
    if metric == "cosine":
        return 1 - x @ x.T / x.shape[1]
    square = (x * x).sum(1)
    return np.sqrt(square[:, None] + square[None, :] - 2 * x @ x.T)


def run(streamface, seeds, first, metrics, max_rows):
    """Prints the differences and a summary; the number of differences."""
    count = dict.fromkeys(("equal", "equal, with ties", "skipped", "DIFFERENT"), 0)
    with tempfile.TemporaryDirectory() as scratch:
        vectors, out = Path(scratch) / "x.npy", Path(scratch) / "labels.csv"
        for seed in range(first, first + seeds):
            for metric in metrics:
                for kind in KINDS:
                    x, threshold = case(seed, metric, kind, max_rows)
                    np.save(vectors, x)
                    name = f"seed {seed} {metric} {kind}: {len(x)} x {x.shape[1]}, threshold {threshold!r}"
                    try:
                        measured([streamface, "cluster", "--vectors", vectors, "--metric", metric,
                                  "--threshold", repr(threshold), "--out", out, "--json"])
                        ours = lab.read(out, len(x))
                    except (Failed, ValueError) as error:
                        verdict, why = "DIFFERENT", str(error)
                    else:
                        verdict, why = judge(ours, x, metric, kind, threshold)
                    count[verdict] += 1
                    if verdict in ("DIFFERENT", "skipped"):
                        print(f"{verdict}: {name}: {why}")
                    out.unlink(missing_ok=True)
    print(f"{sum(count.values())} cases: " + ", ".join(f"{v} {k}" for k, v in count.items()))
    return count["DIFFERENT"]


def judge(ours, x, metric, kind, threshold):
    if kind == "ties" and len(x) > 1:
        rule, _ = twin(exact_distances(x, metric), threshold)
        if lab.same_partition(ours, rule):
            return "equal, with ties", ""
        return "DIFFERENT", f"{clusters(ours)} clusters, {clusters(rule)} by the rule of ties"
    scipy, rule, close = expected(x, metric, threshold)
    if lab.same_partition(ours, scipy):
        return ("equal, with ties" if close else "equal"), ""
    if close:
        if lab.same_partition(ours, rule):
            return "equal, with ties", ""
        return "skipped", "equal distances within rounding, and another choice among them"
    return "DIFFERENT", f"{clusters(ours)} clusters, SciPy {clusters(scipy)}"


def clusters(labels):
    return len(np.unique(labels))
