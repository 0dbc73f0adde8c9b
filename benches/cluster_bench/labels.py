"""Label files and what is asked of partitions."""

import numpy as np


def read(path, rows):
    """The labels of an index,label file; every row must be there once, in order."""
    with open(path) as file:
        if file.readline().strip() != "index,label":
            raise ValueError(f"{path}: does not start with index,label")
        table = np.array([line.split(",") for line in file], np.int64).reshape(-1, 2)
    if len(table) != rows or not np.array_equal(table[:, 0], np.arange(rows)):
        raise ValueError(f"{path}: {len(table)} rows, indices 0..{rows} in order expected")
    return table[:, 1]


def write(path, labels):
    with open(path, "w") as out:
        out.write("index,label\n")
        out.writelines(f"{i},{label}\n" for i, label in enumerate(labels))


def same_partition(a, b):
    """Whether the labels differ by names alone; the same as an adjusted Rand index of 1."""
    if len(a) != len(b):
        return False
    a, b = (np.unique(x, return_inverse=True)[1].astype(np.int64) for x in (a, b))
    pairs = len(np.unique(a * (b.max(initial=0) + 1) + b))
    return pairs == a.max(initial=-1) + 1 == b.max(initial=-1) + 1


def faults(matrix, labels, threshold, sample=300, members=2000, seed=0):
    """What a sample of clusters says against the labels: (clusters seen, those wider than the threshold, pairs of
    clusters that should have been merged). The ten largest are always in the sample. Cosine distance, f64.

    A larger cluster than `members` is seen by as many of its rows. Two clusters all of whose rows are within the threshold
    would have been merged: each cluster of the sample is tried against the five nearest by their means, since the
    largest distance is at least the mean one, 1 - m_A . m_B.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(labels)))
    several = np.flatnonzero(sizes > 1)
    chosen = np.union1d(rng.choice(several, min(sample, len(several)), replace=False), np.argsort(sizes)[-10:])
    means = cluster_means(matrix, order, starts, sizes)

    def rows(cluster):
        ids = order[starts[cluster] : starts[cluster] + sizes[cluster]]
        if len(ids) > members:
            ids = np.sort(rng.choice(ids, members, replace=False))
        x = np.asarray(matrix[ids], np.float64)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    wide = unmerged = 0
    slack = 1e-12
    for cluster in chosen:
        x = rows(cluster)
        wide += (1 - x @ x.T).max() > threshold + slack
        near = means @ means[cluster]
        near[cluster] = -2
        for other in np.argsort(near)[-5:]:
            if other == cluster or sizes[other] > members or sizes[cluster] > members or 1 - near[other] > threshold:
                continue
            unmerged += (1 - x @ rows(other).T).max() < threshold - slack
    return len(chosen), int(wide), int(unmerged)


def cluster_means(matrix, order, starts, sizes, step=100_000):
    """Means of the rows of each cluster; `order` lists the rows cluster by cluster."""
    sums = np.zeros((len(starts), matrix.shape[1]), np.float32)
    cluster = np.repeat(np.arange(len(starts)), sizes)
    for i in range(0, len(order), step):
        x = np.asarray(matrix[order[i : i + step]])
        first = np.flatnonzero(np.diff(cluster[i : i + step], prepend=-1))
        sums[cluster[i : i + step][first]] += np.add.reduceat(x, first)
    return sums / sizes[:, None]
