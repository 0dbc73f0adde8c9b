"""The peers of clustering, each run in a process of its own by `benches/clustering.py`. Each prints a line of JSON.

    linkage.py fastcluster X.npy T [--labels OUT.npy] [--blas]   complete linkage on all distances, cut by SciPy at T
    linkage.py dense X.npy T [--workers N] [--block N]           all pairs within cosine distance T by f32 matrix products
    linkage.py peak [--size N]                                   the machine's sgemm, GFLOP/s: one core and all
    linkage.py silhouette X.npy LABELS.npy                       scikit-learn's mean silhouette, cosine distance

`seconds` leaves out imports and the loading of the file.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

BLOCKS = (256, 512, 1024, 2048)


def fastcluster_labels(x, threshold, blas):
    import fastcluster
    from scipy.cluster.hierarchy import fcluster

    start = time.perf_counter()
    x = x.astype(np.float64)
    if blas:
        tree = fastcluster.linkage(condensed(x), method="complete", preserve_input=False)
    else:
        tree = fastcluster.linkage(x, method="complete", metric="cosine")
    labels = fcluster(tree, threshold, criterion="distance")
    return labels, time.perf_counter() - start


def condensed(x, step=512):
    """Cosine distances of all pairs in SciPy's order, by dgemm in strips: far faster than SciPy's own loop."""
    n = len(x)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    out = np.empty(n * (n - 1) // 2)
    at = 0
    for first in range(0, n, step):
        strip = x[first : first + step] @ x[first:].T
        np.subtract(1, strip, out=strip)
        np.maximum(strip, 0, out=strip)
        for i, row in enumerate(strip):
            out[at : at + len(row) - i - 1] = row[i + 1 :]
            at += len(row) - i - 1
    return out


class Dense:
    """Blocks of the upper triangle, workers taking them in turn. Each writes into buffers that stay in its cache."""

    def __init__(self, x, threshold, block):
        self.x, self.block = x, block
        self.cut = np.float32(1 - threshold)

    def strip(self, first):
        """Pairs of the rows first..first + block with themselves and all later rows."""
        a = self.x[first : first + self.block]
        product = np.empty((len(a), self.block), np.float32)
        mask = np.empty(product.shape, bool)
        found = 0
        for column in range(first, len(self.x), self.block):
            b = self.x[column : column + self.block]
            p, m = product, mask
            if len(b) != self.block:
                p = np.empty((len(a), len(b)), np.float32)
                m = np.empty(p.shape, bool)
            np.matmul(a, b.T, out=p)
            np.greater_equal(p, self.cut, out=m)
            if column == first:
                m &= ~np.tri(len(a), dtype=bool)
            count = np.count_nonzero(m)
            if count:
                # The pairs are made, as a join must, and dropped, so that memory stays out of the measurement.
                hits = np.flatnonzero(m)
                rows, columns = np.divmod(hits.astype(np.uint32), np.uint32(m.shape[1]))
                rows += np.uint32(first)
                columns += np.uint32(column)
                found += len(rows)
        return found

    def run(self, workers, strips=None):
        firsts = range(0, len(self.x), self.block) if strips is None else strips
        start = time.perf_counter()
        # One BLAS thread a worker: the comparison of one block overlaps with the product of another.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
            found = sum(pool.map(self.strip, firsts))
        return found, time.perf_counter() - start


def tuned(x, threshold, workers):
    """The fastest block size on strips of one and the same part of the work."""
    x = x[: min(len(x), 8 * BLOCKS[-1])]
    rates = {}
    for block in BLOCKS:
        if block * workers > len(x):
            continue
        strips = range(0, min(len(x), BLOCKS[-1] * workers), block)
        pairs = sum(min(block, len(x) - s) * (len(x) - s) for s in strips)
        rates[block] = min(Dense(x, threshold, block).run(workers, strips)[1] for _ in range(2)) / pairs
    return min(rates, key=rates.get) if rates else BLOCKS[0]


def dense(x, threshold, workers, block):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    block = block or tuned(x, threshold, workers)
    found, seconds = Dense(x, threshold, block).run(workers)
    return {"seconds": seconds, "pairs": found, "block": block, "workers": workers,
            "gflops": len(x) ** 2 * x.shape[1] / seconds / 1e9}


def peak(size):
    a, b = np.random.default_rng(0).standard_normal((2, size, size), dtype=np.float32)
    out = np.empty((size, size), np.float32)
    rates = {}
    for name, threads in (("one", 1), ("all", os.cpu_count())):
        with threadpool_limits(threads, "blas"):
            best = np.inf
            for _ in range(6):
                start = time.perf_counter()
                np.matmul(a, b, out=out)
                best = min(best, time.perf_counter() - start)
        rates[name] = 2 * size**3 / best / 1e9
    return {"gflops": rates, "size": size, "cores": os.cpu_count()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="peer", required=True)
    one = sub.add_parser("fastcluster")
    one.add_argument("vectors")
    one.add_argument("threshold", type=float)
    one.add_argument("--labels")
    one.add_argument("--blas", action="store_true", help="distances by dgemm instead of SciPy's pdist")
    one = sub.add_parser("dense")
    one.add_argument("vectors")
    one.add_argument("threshold", type=float)
    one.add_argument("--workers", type=int, default=os.cpu_count())
    one.add_argument("--block", type=int, default=0, help="rows of a block; 0: tuned first, outside the measured time")
    one = sub.add_parser("peak")
    one.add_argument("--size", type=int, default=4096)
    one = sub.add_parser("silhouette")
    one.add_argument("vectors")
    one.add_argument("labels")
    args = p.parse_args()
    if args.peer == "peak":
        out = peak(args.size)
    elif args.peer == "dense":
        out = dense(np.load(args.vectors), args.threshold, args.workers, args.block)
    elif args.peer == "fastcluster":
        labels, seconds = fastcluster_labels(np.load(args.vectors), args.threshold, args.blas)
        if args.labels:
            np.save(args.labels, labels)
        out = {"seconds": seconds, "clusters": int(labels.max())}
    else:
        from sklearn.metrics import silhouette_score

        x, labels = np.load(args.vectors), np.load(args.labels)
        start = time.perf_counter()
        value = silhouette_score(x, labels, metric="cosine")
        out = {"seconds": time.perf_counter() - start, "value": float(value)}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
