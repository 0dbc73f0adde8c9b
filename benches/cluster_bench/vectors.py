"""Seeded bench vectors: people of Zipf sizes, with the spectrum of real embeddings or a flat one.

A row is mean + person + own noise, scaled to length 1. `real` lives in RANK directions whose energies fall so that
half of them hold .82, with a mean common to all and a trace of noise in every direction; strangers' cosine distances
come to .94 with standard deviation .14, those within a person to about .2. `flat` is isotropic in all d directions.
"""

from pathlib import Path

import numpy as np

RANK = 64
CHUNK = 20_000
MEAN_ENERGY = 0.057
FLOOR_ENERGY = 0.002
# The energy of direction i of the RANK is exp(-(i / (DECAY * RANK)) ** SHAPE): found by measuring.
DECAY = 0.57
SHAPE = 2
# A row's noise beside its person's vector: lognormal with this median and spread. A person's distances spread with it.
NOISE = 0.50
NOISE_SPREAD = 0.20


def people(n, rng, largest=None):
    """The person of each row: weight 1/k over n / 10 + 1 people; the first is seen `largest` times where that is given."""
    weight = 1.0 / np.arange(1, n // 10 + 2)
    if largest is None:
        return rng.choice(len(weight), size=n, p=weight / weight.sum()).astype(np.int32)
    if not 0 <= largest <= n:
        raise SystemExit(f"--largest {largest}: must lie in 0..{n}, the number of rows")
    rest = n - largest
    others = weight[1:] if len(weight) > 1 else weight
    drawn = rng.choice(len(others), size=rest, p=others / others.sum()) + 1
    return rng.permutation(np.concatenate([np.zeros(largest, np.int64), drawn])).astype(np.int32)


def spread(d, spectrum):
    """Standard deviations of the directions in use, their basis (None: the axes), the mean's length, the floor's sd."""
    if spectrum == "flat":
        return np.full(d, np.sqrt(1 / d)), None, 0.0, 0.0
    rank = min(RANK, d)
    energy = np.exp(-((np.arange(rank) / (DECAY * rank)) ** SHAPE))
    energy *= (1 - MEAN_ENERGY - FLOOR_ENERGY) / energy.sum()
    return np.sqrt(energy), rank, np.sqrt(MEAN_ENERGY), np.sqrt(FLOOR_ENERGY / d)


def make(n, d, out, spectrum="real", seed=1, largest=None):
    """Writes n x d f32 rows to `out` and their people beside it (.labels.npy), a chunk at a time."""
    out = Path(out)
    root, rows = np.random.SeedSequence(seed).spawn(2)
    rng = np.random.default_rng(root)
    person = people(n, rng, largest)
    deviation, rank, mean_length, floor = spread(d, spectrum)
    deviation = deviation.astype(np.float32)
    centre = rng.standard_normal((n // 10 + 2, len(deviation)), dtype=np.float32)
    centre *= deviation
    if rank is not None:
        # One more direction than the spectrum has, for the mean, where d leaves room for it.
        basis = np.linalg.qr(rng.standard_normal((d, min(rank + 1, d))))[0].T
        mean = (mean_length * basis[-1]).astype(np.float32)
        basis = np.ascontiguousarray(basis[:rank], np.float32)
    matrix = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=(n, d))
    for chunk, child in enumerate(rows.spawn(-(-n // CHUNK))):
        first, last = chunk * CHUNK, min(n, (chunk + 1) * CHUNK)
        rng = np.random.default_rng(child)
        share = np.exp(np.log(NOISE) + NOISE_SPREAD * rng.standard_normal((last - first, 1), dtype=np.float32))
        x = rng.standard_normal((last - first, len(deviation)), dtype=np.float32)
        x *= share * deviation
        x += centre[person[first:last]]
        # Person and noise together keep the energy that the spectrum gives.
        x /= np.sqrt(1 + share**2)
        if rank is not None:
            x = x @ basis
            x += mean
            x += np.float32(floor) * rng.standard_normal(x.shape, dtype=np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        matrix[first:last] = x
    matrix.flush()
    np.save(labels_path(out), person)


def labels_path(out):
    return Path(out).with_suffix(".labels.npy")


def measure(path, sample=4000, seed=0):
    """What came out, from a sample: distances of strangers and within people, energy of the first PCA directions."""
    matrix, person = np.load(path, mmap_mode="r"), np.load(labels_path(path))
    n = len(person)
    if n < 2:
        return {"rows": n}
    sizes = np.bincount(person)
    rng = np.random.default_rng(seed)
    x = np.asarray(matrix[np.sort(rng.choice(n, size=min(n, sample), replace=False))], np.float64)
    energies = {}
    for name, y in (("centred", x - x.mean(0)), ("plain", x)):
        e = np.linalg.svd(y, compute_uv=False) ** 2
        energies[name] = {k: round(float(e[:k].sum() / e.sum()), 4) for k in (32, 64) if k <= len(e)}
    # Pairs drawn at random for strangers. Within people each person counts once, not by its pairs; twins of a row are out.
    a, b = rng.integers(n, size=(2, 100_000))
    apart = person[a] != person[b]
    strangers = distances(matrix, a[apart], b[apart])
    order = np.argsort(person, kind="stable")
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    several = np.flatnonzero(sizes > 1)
    pick = rng.choice(several, size=20_000) if len(several) else several
    a = rng.integers(sizes[pick])
    b = (a + 1 + rng.integers(sizes[pick] - 1)) % sizes[pick]
    within = distances(matrix, order[start[pick] + a], order[start[pick] + b])
    return {
        "rows": n,
        "dimensions": matrix.shape[1],
        "people": int((sizes > 0).sum()),
        "largest": int(sizes.max()),
        "pairs within people": f"{float((sizes.astype(float) ** 2).sum() / n**2):.4f}",
        "strangers": summary(strangers),
        "within people": summary(within),
        "energy of 32 and 64 directions": energies,
    }


def distances(matrix, a, b, step=10_000):
    out = np.empty(len(a))
    for i in range(0, len(a), step):
        x, y = (np.asarray(matrix[rows[i : i + step]], np.float64) for rows in (a, b))
        out[i : i + step] = 1 - (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))
    return out


def summary(values):
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [0.01, 0.99])
    below = {f"below {t}": float(f"{(values <= t).mean():.3g}") for t in (0.3, 0.5, 0.6, 0.7)}
    return {"mean": round(float(values.mean()), 3), "sd": round(float(values.std()), 3),
            "1 %": round(float(low), 3), "99 %": round(float(high), 3), **below}
