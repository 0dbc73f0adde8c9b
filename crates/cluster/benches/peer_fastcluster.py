"""Complete linkage of the rows of a .npy matrix with fastcluster and SciPy, to compare with.

    python peer_fastcluster.py X.npy 0.3 [labels.csv]   cluster, print seconds and peak memory
    python peer_fastcluster.py --make N D X.npy         unit vectors with cluster structure, seeded

Needs numpy, scipy, fastcluster. examples/cluster_npy.rs prints the same line for this crate.
"""

import resource
import sys
import time

import numpy as np


def make(n, d, path, rank=64, seed=7):
    """People with Zipf sizes; the spectrum of real embeddings, of rank about 64; strangers' distances near 1."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, n // 10 + 2)
    person = rng.choice(len(weight), size=n, p=weight / weight.sum())
    basis = np.linalg.qr(rng.standard_normal((d, min(rank, d))))[0].T
    centre = rng.standard_normal((len(weight), basis.shape[0]))
    x = centre[person] + 0.45 * rng.standard_normal((n, basis.shape[0]))
    x = x @ basis + 0.01 * rng.standard_normal((n, d))
    np.save(path, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32))


def cluster(path, threshold):
    import fastcluster
    from scipy.cluster.hierarchy import fcluster

    x = np.load(path)
    start = time.perf_counter()
    tree = fastcluster.linkage(x.astype(np.float64), method="complete", metric="cosine")
    labels = fcluster(tree, threshold, criterion="distance")
    seconds = time.perf_counter() - start
    # Numbered by first appearance.
    first = {}
    labels = [first.setdefault(label, len(first)) for label in labels]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"fastcluster: {seconds:.3f} s, peak {peak} MiB, {len(first)} clusters")
    return labels


def main(args):
    if args[:1] == ["--make"]:
        make(int(args[1]), int(args[2]), args[3])
        return
    labels = cluster(args[0], float(args[1]))
    if len(args) > 2:
        with open(args[2], "w") as out:
            out.write("index,label\n")
            out.writelines(f"{i},{label}\n" for i, label in enumerate(labels))


if __name__ == "__main__":
    main(sys.argv[1:])
