"""The nearest of many people: `hri` beside NumPy's flat scan and HNSW, in one run, one query at a time, one thread.

    cargo build --release -p hri-cli
    pip install numpy hnswlib usearch faiss-cpu
    python benches/hri.py --hri target/release/hri

Prints a row a method, medians of single queries and the ratio to `hri`. An HNSW is given at its fastest setting with recall
of at least --recall; libraries that are not installed are left out and said. `--loop` also times whole loops of inserts.

`--faces 500000` indexes that many faces of the people instead of their means, the most seen person some thousand times: what an
index over all faces costs where `hri` needs the means. `--growth growth.svg` times `hri` and the flat scan from 1,000 people to
a million, as a plot.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

from cluster_bench import plot

DIRECTIONS, FALL = 96, 37.4  # as `hri bench` makes them: 32 directions hold .82 of the energy


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("f4")


class Source:
    def __init__(self, rng, dim, spectrum):
        self.rng, self.dim = rng, dim
        self.directions = None
        if spectrum == "real":
            q = np.linalg.qr(rng.standard_normal((dim, min(DIRECTIONS, dim))))[0].T
            self.directions = q * np.exp(-np.arange(len(q)) / FALL)[:, None]

    def draw(self, n):
        if self.directions is None:
            return unit(self.rng.standard_normal((n, self.dim), dtype="f4"))
        weights = self.rng.standard_normal((n, len(self.directions)), dtype="f4")
        return unit(weights @ self.directions.astype("f4"))


def timed(ask, queries):
    """Median µs of a query, and the answers."""
    for q in queries[:100]:
        ask(q)
    times, answers = [], []
    for q in queries:
        start = time.perf_counter()
        answer = ask(q)
        times.append(time.perf_counter() - start)
        answers.append(int(answer))
    return float(np.median(times)) * 1e6, np.array(answers)


def flat(people, queries):
    return timed(lambda q: (people @ q).argmax(), queries)


def hnswlib_(people, m):
    import hnswlib

    index = hnswlib.Index("ip", people.shape[1])
    index.init_index(len(people), M=m, ef_construction=200)
    index.set_num_threads(2)
    index.add_items(people)
    index.set_num_threads(1)

    def at(ef):
        index.set_ef(ef)
        return lambda q: index.knn_query(q, 1)[0][0, 0]

    return at


def usearch_(people, m):
    from usearch.index import Index

    index = Index(ndim=people.shape[1], metric="ip", dtype="f32", connectivity=m, expansion_add=200)
    index.add(np.arange(len(people)), people, threads=2)

    def at(ef):
        index.expansion_search = ef
        return lambda q: index.search(q, 1).keys[0]

    return at


def faiss_(people, m):
    import faiss

    faiss.omp_set_num_threads(2)
    index = faiss.IndexHNSWFlat(people.shape[1], m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(people)
    faiss.omp_set_num_threads(1)

    def at(ef):
        index.hnsw.efSearch = ef
        return lambda q: index.search(q[None], 1)[1][0, 0]

    return at


def hnsw(make, people, queries, truth, recall, ms):
    """The fastest setting with enough recall: (µs, recall, setting, seconds to build)."""
    best = None
    for m in ms:
        start = time.perf_counter()
        at = make(people, m)
        built = time.perf_counter() - start
        for ef in (16, 32, 64, 96, 128, 192, 256, 384, 512, 768):
            got = np.mean(timed(at(ef), queries[:500])[1] == truth[:500])
            if got < recall:
                continue
            micros, answers = timed(at(ef), queries)
            got = float(np.mean(answers == truth))
            if got >= recall:
                micros = min(micros, timed(at(ef), queries)[0])
                if best is None or micros < best[0]:
                    best = (micros, got, f"M {m}, ef {ef}", built)
                break
    return best


def hri_against(binary, people, queries, threshold, folder):
    p, q, out = (os.path.join(folder, name) for name in ("people.npy", "queries.npy", "labels.csv"))
    np.save(p, people)
    np.save(q, queries)
    command = [binary, "bench", "--vectors", p, "--against", q, "--out", out]
    command += ["--threshold", str(threshold), "--queries", str(len(queries))]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    labels = np.loadtxt(out, delimiter=",", skiprows=1, dtype="i8")[:, 1]
    return result, labels


def loop_of_numpy(faces, threshold, people):
    """Label faces one by one by a flat scan over means: µs an insert, labels."""
    dim = faces.shape[1]
    sums = np.zeros((2 * people + 1000, dim), "f4")
    means = np.zeros_like(sums)
    count, labels = 0, np.empty(len(faces), "i8")
    start = time.perf_counter()
    for at, face in enumerate(faces):
        label = -1
        if count:
            similar = means[:count] @ face
            nearest = int(similar.argmax())
            if 1 - similar[nearest] <= threshold:
                label = nearest
        if label < 0:
            label, count = count, count + 1
        sums[label] += face
        means[label] = sums[label] / np.sqrt(sums[label] @ sums[label])
        labels[at] = label
    return (time.perf_counter() - start) / len(faces) * 1e6, labels


def faces_of(source, rng, people, faces, noise):
    """Faces of people whose sizes are Zipf's, and whose each is; every person has one at least."""
    sizes = 1.0 / np.arange(1, len(people) + 1)
    more = rng.multinomial(faces - len(people), sizes / sizes.sum())
    of = np.repeat(np.arange(len(people)), 1 + more)
    rng.shuffle(of)
    rows = np.empty((faces, people.shape[1]), "f4")
    for at in range(0, faces, 20000):
        some = of[at : at + 20000]
        rows[at : at + 20000] = unit(people[some] + noise * source.draw(len(some)))
    return rows, of


def means_of(rows, of, people):
    sums = np.zeros((people, rows.shape[1]))
    np.add.at(sums, of, rows)
    return unit(sums)


def people_by(make, of):
    """An index of faces that tells whose the nearest is."""

    def made(rows, m):
        at = make(rows, m)

        def person(ef):
            ask = at(ef)
            return lambda q: of[ask(q)]

        return person

    return made


def over_all_faces(args, libraries):
    """`hri` over the means of people, HNSW over all of their faces: the person of the nearest face, as a flat scan has it."""
    for spectrum in args.spectrum:
        rng = np.random.default_rng(args.seed)
        source = Source(rng, args.dim, spectrum)
        people = source.draw(args.people)
        rows, of = faces_of(source, rng, people, args.faces, args.noise)
        means = means_of(rows, of, args.people)
        who = rng.integers(0, args.people, args.queries)
        queries = unit(people[who] + args.noise * source.draw(args.queries))
        nearest = np.concatenate([(rows @ q.T).argmax(axis=0) for q in np.array_split(queries, 50)])
        print(f"{args.faces} faces of {args.people} people x {args.dim}, {spectrum} spectrum, most seen {np.bincount(of).max()}; "
              f"the right person: nearest mean {np.mean((queries @ means.T).argmax(axis=1) == who):.4f}, "
              f"nearest face {np.mean(of[nearest] == who):.4f}")
        with tempfile.TemporaryDirectory() as folder:
            runs = [hri_against(args.hri, means, queries, args.threshold, folder)[0] for _ in range(2)]
        base = min(run["us_a_match_median"] for run in runs)
        show("hri, over means", base, base)
        for name, make in libraries:
            report(name, hnsw, (people_by(make, of), rows, queries, of[nearest], args.recall, args.m), base, args.recall)


def growth(args):
    """Median µs of a match as people grow, as an SVG."""
    ours, theirs, memory = [], [], []
    for people in (1000, 3000, 10000, 30000, 100000, 300000, 1000000):
        source = Source(np.random.default_rng(args.seed), args.dim, args.spectrum[0])
        rows = np.concatenate([source.draw(min(50000, people - at)) for at in range(0, people, 50000)])
        who = source.rng.integers(0, people, args.queries)
        queries = unit(rows[who] + args.noise * source.draw(args.queries))
        with tempfile.TemporaryDirectory() as folder:
            run, _ = hri_against(args.hri, rows, queries, args.threshold, folder)
        scan = flat(rows, queries[: max(50, 20_000_000 // people)])[0]
        ours.append((people, run["us_a_match_median"]))
        theirs.append((people, scan))
        memory.append((people, run["bytes_a_person"] * people / 2**20))
        print(f"{people:9,} people x {args.dim}: hri {ours[-1][1]:9.1f} µs, {memory[-1][1]:9.1f} MiB; numpy flat {scan:9.1f} µs, "
              f"{scan / ours[-1][1]:.0f} times", flush=True)
    args.growth.write_text(plot.growth({
        f"microseconds a match, d = {args.dim}": {"hri": ours, "NumPy's flat scan": theirs},
        "memory, MiB": {"hri": memory, "the means": [(n, n * args.dim * 4 / 2**20) for n, _ in memory]},
    }, "people"))


def report(name, measure, arguments, base, recall):
    try:
        best = measure(*arguments)
    except ImportError:
        print(f"  {name}: not installed")
        return
    if best is None:
        print(f"  {name}: no setting tried has recall {recall}")
    else:
        show(name, best[0], base, f"recall {best[1]:.4f} at {best[2]}, built in {best[3]:.0f} s")


def show(name, micros, base, note=""):
    print(f"  {name:24} {micros:9.1f} µs  {micros / base:6.2f}x  {note}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hri", default="target/release/hri")
    parser.add_argument("--people", type=int, default=33000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--spectrum", nargs="+", default=["real", "flat"], choices=["real", "flat"])
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--noise", type=float, default=0.6, help="length of what is added to a person's direction")
    parser.add_argument("--threshold", type=float, default=0.4)
    parser.add_argument("--recall", type=float, default=0.999)
    parser.add_argument("--m", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--no-hnsw", action="store_true")
    parser.add_argument("--loop", type=int, default=20000, help="faces in the loop of inserts; 0 for none")
    parser.add_argument("--loop-people", type=int, default=1070)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faces", type=int, help="index so many faces, not the means")
    parser.add_argument("--growth", type=Path, metavar="SVG", help="time more and more people, and plot it")
    args = parser.parse_args()
    libraries = [] if args.no_hnsw else [("hnswlib", hnswlib_), ("usearch", usearch_), ("faiss HNSW", faiss_)]
    if args.faces:
        return over_all_faces(args, libraries)
    if args.growth:
        return growth(args)
    for spectrum in args.spectrum:
        rng = np.random.default_rng(args.seed)
        source = Source(rng, args.dim, spectrum)
        people = source.draw(args.people)
        who = rng.integers(0, args.people, args.queries)
        queries = unit(people[who] + args.noise * source.draw(args.queries))
        print(f"{args.people} people x {args.dim}, {spectrum} spectrum, {args.queries} queries, one at a time")
        with tempfile.TemporaryDirectory() as folder:
            ours, labels = hri_against(args.hri, people, queries, args.threshold, folder)
            micros, nearest = flat(people, queries)
            again, _ = hri_against(args.hri, people, queries, args.threshold, folder)
            micros = min(micros, flat(people, queries)[0])
        # Each method is timed twice, and the better counts: other work on the machine only adds.
        base = min(ours["us_a_match_median"], again["us_a_match_median"])
        distance = 1 - np.einsum("ij,ij->i", queries.astype("f8"), people[nearest].astype("f8"))
        truth = np.where(distance <= args.threshold, nearest, -1)
        note = f"filter: {ours['filter_coordinates']} coordinates, {ours['candidates']:.1f} candidates, "
        note += f"{ours['bytes_a_person']:.0f} bytes a person, {ours['gb_a_second']:.0f} GB/s, "
        note += f"{np.sum(labels != truth)} answers other than NumPy's"
        show("hri", base, base, note)
        show("hri, together", ours["us_a_match_together"], base, "mean of the best batch of five, all cores")
        show("numpy flat", micros, base)
        for name, make in libraries:
            report(name, hnsw, (make, people, queries, nearest, args.recall, args.m), base, args.recall)
        if args.loop:
            people = source.draw(args.loop_people)
            who = rng.integers(0, args.loop_people, args.loop)
            faces = unit(people[who] + args.noise * source.draw(args.loop))
            theirs, labels = loop_of_numpy(faces, args.threshold, args.loop_people)
            with tempfile.TemporaryDirectory() as folder:
                path, out = os.path.join(folder, "faces.npy"), os.path.join(folder, "labels.csv")
                np.save(path, faces)
                command = [args.hri, "match", "--vectors", path, "--threshold", str(args.threshold), "--out", out]
                start = time.perf_counter()
                subprocess.run(command, check=True)
                whole = (time.perf_counter() - start) / args.loop * 1e6
                own = np.loadtxt(out, delimiter=",", skiprows=1, dtype="i8")[:, 1]
            print(f"loop of {args.loop} inserts, {labels.max() + 1} people; {np.sum(labels != own)} labels differ")
            show("hri match, all of it", whole, whole, "with reading and writing")
            show("numpy flat", theirs, whole)


if __name__ == "__main__":
    main()
