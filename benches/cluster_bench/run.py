"""What the clustering must show, measured in turn with its peers, as a table."""

import datetime
import json
import shlex
import statistics
import sys
import traceback
from pathlib import Path

import numpy as np

from . import labels as lab
from . import plot, vectors
from .process import Failed, field, measured
from .table import Table, mib, seconds

PEERS = Path(__file__).resolve().parent.parent / "peers/linkage.py"
SIZES = {
    "full": {
        "fastcluster": (20_000, 512), "join": (100_000, 512), "million": (1_000_000, 192), "wide": (100_000, 192, 10_000),
        "growth": (10_000, 30_000, 100_000, 300_000, 1_000_000), "silhouette": (100_000, 512), "append": (200_000, 192),
        "peak": 4096,
    },
    "quick": {
        "fastcluster": (2000, 128), "join": (4000, 128), "million": (5000, 96), "wide": (3000, 96, 1000),
        "growth": (500, 1000, 2000, 5000), "silhouette": (3000, 128), "append": (4000, 96), "peak": 1024,
    },
}
SECTIONS = ("fastcluster", "join", "million", "growth", "wide", "silhouette", "append")


class Bench:
    def __init__(self, args):
        self.args = args
        self.sizes = SIZES["quick" if args.quick else "full"]
        self.data = args.out / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.table = Table(args.out / ("quick" if args.quick else "full"))
        self.cache = json.loads(args.cache.read_text()) if args.cache and args.cache.exists() else {}
        self.gflops = None
        self.told = set()
        # Runs of one file and threshold that a later section wants again.
        self.done = {}

    # ------------------------------------------------------------ the parts of a measurement

    def vectors(self, n, d, spectrum="real", largest=None):
        path = self.data / f"{spectrum}-{n}x{d}-{self.args.seed}-{largest}.npy"
        if not vectors.labels_path(path).exists():
            self.note(f"making {path.name}")
            vectors.make(n, d, path, spectrum, self.args.seed, largest)
            self.table.keep("vectors", [{"file": path.name, **vectors.measure(path)}])
        return path

    def ours(self, x, threshold, name):
        """One run of `streamface cluster --vectors`; also the path of its labels."""
        out = self.data / f"{x.stem}-{threshold}.csv"
        run = self.streamface("cluster --vectors {x} --threshold {t} --out {out} --json", name,
                              x=x, t=threshold, out=out)
        return run, out

    def streamface(self, template, name, **values):
        command = [part.format(**values) for part in shlex.split(template)]
        run = measured([self.args.streamface, *command, *self.args.streamface_args], self.args.limit)
        run["command"] = " ".join(Path(c).name if "/" in c else c for c in command)
        self.note(f"streamface {run['command']}: {run['wall']:.2f} s, {run['peak_mib']:.0f} MiB")
        self.table.keep(name, [{"who": "streamface", **run}])
        return run

    def peer(self, name, *command, labels=None):
        """A peer's run. One with `labels`, or of the silhouette, is long: with --cache it is measured once."""
        key = " ".join(Path(str(c)).name for c in command)
        long = labels is not None or command[0] == "silhouette"
        if long and key in self.cache and (labels is None or labels.exists()):
            run = self.cache[key]
            self.note(f"{key}: {run['result']['seconds']:.2f} s, cached on {run['cached']}")
        else:
            extra = [] if labels is None else ["--labels", labels]
            run = measured([sys.executable, PEERS, *command, *extra], self.args.limit)
            self.note(f"{key}: {run['wall']:.2f} s, {run['peak_mib']:.0f} MiB")
            if long and self.args.cache:
                self.cache[key] = {**run, "cached": datetime.date.today().isoformat()}
                self.args.cache.write_text(json.dumps(self.cache, indent=1) + "\n")
        self.table.keep(name, [{"who": key, **run}])
        return run

    def peak(self):
        """sgemm of all cores in GFLOP/s: the best seen so far in this run."""
        rate = self.peer("peak", "peak", "--size", self.sizes["peak"])["result"]["gflops"]
        if self.gflops is None:
            self.table.add("sgemm, NumPy", "", f"{rate['all']:.0f} GFLOP/s, one core {rate['one']:.0f}")
        self.gflops = max(self.gflops or 0, rate["all"])
        return self.gflops

    def phase(self, run, name):
        """Seconds of a phase; the whole process where the JSON has none, which can only be longer."""
        value = field(run, f"seconds.{name}")
        if value is None:
            if name not in self.told:
                self.note(f"the JSON of `streamface cluster` has no seconds.{name}: the whole process counts instead")
                self.told.add(name)
            return run["wall"], " (whole process)"
        return float(value), ""

    def fast(self, met):
        """Whether a bar of speed or memory is met; at toy sizes it is not asked."""
        return None if self.args.quick else met

    def sound(self, what, x, labels, threshold):
        """Checks a large result by samples of its clusters."""
        matrix = np.load(x, mmap_mode="r")
        seen, wide, unmerged = lab.faults(matrix, lab.read(labels, len(matrix)), threshold)
        self.table.add(f"{what}: {seen} clusters looked at", f"{wide} wider than t, {unmerged} unmerged", bar="0, 0",
                       met=wide == unmerged == 0)

    @staticmethod
    def note(text):
        print(text, file=sys.stderr, flush=True)

    # ------------------------------------------------------------ sections

    def fastcluster(self):
        n, d = self.sizes["fastcluster"]
        t, x, what = 0.3, self.vectors(n, d), f"{n:,} x {d}, t = .3"
        stem = self.args.cache or self.data / "peer"
        ours, peers = [], {}
        for i in range(self.args.rounds):
            run, out = self.ours(x, t, "fastcluster")
            ours.append(run)
            # The peers take minutes: once each, between our rounds.
            if i < 2:
                blas = ["--blas"] if i else []
                labels = Path(f"{stem}.{x.stem}{'-blas' * i}.npy")
                peers[i] = self.peer("fastcluster", "fastcluster", x, t, *blas, labels=labels)
                same = lab.same_partition(lab.read(out, n), np.load(labels))
                self.table.add(f"{what}: labels", "equal" if same else "DIFFERENT", "fastcluster" + " on dgemm" * i,
                               bar="equal", met=same)
        wall, memory = (statistics.median(r[k] for r in ours) for k in ("wall", "peak_mib"))
        for i, run in peers.items():
            theirs = run["result"]["seconds"]
            cached = f", cached {run['cached']}" if "cached" in run else ""
            who = "fastcluster" + (" on dgemm" if i else "")
            self.table.add(f"{what}: wall", seconds(wall), f"{who} {seconds(theirs)}{cached}", f"{theirs / wall:.1f}",
                           "" if i else "≥ 60", None if i else self.fast(theirs / wall >= 60))
            self.table.add(f"{what}: peak memory", mib(memory), f"{who} {mib(run['peak_mib'])}{cached}",
                           f"{run['peak_mib'] / memory:.1f}", "" if i else "≥ 8",
                           None if i else self.fast(run["peak_mib"] / memory >= 8))

    def join(self):
        n, d = self.sizes["join"]
        t = 0.3
        for spectrum, bar in (("real", 1 / 8), ("flat", 1 / 2)):
            x, ours, peers, note = self.vectors(n, d, spectrum), [], [], ""
            block = 0
            for _ in range(self.args.rounds):
                run = self.peer("join", "dense", x, t, "--block", block)
                block = run["result"]["block"]
                peers.append(run["result"]["seconds"])
                pairs, rate = run["result"]["pairs"], run["result"]["gflops"]
                # All links, found and kept as dense blocks would give them; writing them is not counted.
                mine = self.streamface("cluster join --vectors {x} --threshold {t} --out {out} --json", "join",
                                       x=x, t=t, out=self.data / f"{x.stem}.parquet")
                value, note = self.phase(mine, "join")
                ours.append(value)
            what = f"{n:,} x {d} {spectrum}, t = .3"
            a, b = statistics.median(ours), statistics.median(peers)
            self.table.add(f"{what}: join", seconds(a) + note,
                           f"dense NumPy {seconds(b)} ({rate:.0f} GFLOP/s, blocks of {block})",
                           f"{a / b:.3f}", f"≤ {bar}", self.fast(a / b <= bar))
            links = field(mine, "links")
            if links is not None:
                # Not compared: f32 puts a few pairs on the other side of t.
                self.table.add(f"{what}: pairs", f"{links:,}", f"{pairs:,} in f32")
            _, out = self.ours(x, t, "join")
            self.sound(what, x, out, t)

    def million(self):
        n, d = self.sizes["million"]
        x = self.vectors(n, d, largest=n // 20)
        for t, limit in ((0.3, 0.5), (0.5, 0.5), (0.6, None)):
            self.peak()
            what = f"{n:,} x {d}, t = {t}"
            try:
                run, out = self.ours(x, t, "million")
            except Failed as error:
                self.table.failed(what, error)
                continue
            self.done[x, t] = run
            dense = n * n * d / self.gflops / 1e9
            ratio = run["wall"] / dense
            self.table.add(f"{what}: wall", seconds(run["wall"]),
                           f"n²d at sgemm's peak ({self.gflops:.0f} GFLOP/s) {seconds(dense)}",
                           f"{ratio:.3f}", f"≤ {limit}" if limit else "", self.fast(ratio <= limit) if limit else None)
            self.table.add(f"{what}: peak memory", mib(run["peak_mib"]), "", "", "< 8 GiB", run["peak_mib"] < 8192)
            counts = ", ".join(f"{field(run, k):,} {k}" for k in ("clusters", "links") if field(run, k) is not None)
            self.table.add(f"{what}: result", counts)
            self.sound(what, x, out, t)

    def growth(self):
        t, d = 0.5, self.sizes["million"][1]
        peak = self.gflops or self.peak()
        whole, join, dense, memory, theirs = [], [], [], [], []
        for n in self.sizes["growth"]:
            x = self.vectors(n, d, largest=n // 20)
            run = self.done.get((x, t)) or self.ours(x, t, "growth")[0]
            whole.append((n, run["wall"]))
            if field(run, "seconds.join") is not None:
                join.append((n, field(run, "seconds.join")))
            dense.append((n, n * n * d / peak / 1e9))
            memory.append((n, run["peak_mib"]))
            theirs.append((n, n * d * 4 / 2**20))
            self.table.add(f"growth: {n:,} x {d}, t = .5", f"{seconds(run['wall'])}, {mib(run['peak_mib'])}",
                           f"n²d at sgemm's peak {seconds(dense[-1][1])}", f"{run['wall'] / dense[-1][1]:.3f}")
        svg = plot.growth({
            f"seconds, d = {d}, t = .5": {"whole process": whole, "join": join, "n²d at sgemm's peak": dense},
            "peak memory, MiB": {"whole process": memory, "the vectors": theirs},
        })
        (self.table.path.parent / "growth.svg").write_text(svg)

    def wide(self):
        n, d, few = self.sizes["wide"]
        t, x = 0.8, self.vectors(n, d, largest=n // 20)
        what = f"{n:,} x {d}, t = .8"
        bound = n * d * 4 / 2**20 + self.args.budget_mib
        run, out = self.ours(x, t, "wide")
        self.table.add(f"{what}: wall", seconds(run["wall"]), "", "", "finishes", True)
        self.table.add(f"{what}: peak memory", mib(run["peak_mib"]), "", "", f"≤ {mib(bound)}: vectors and budget",
                       run["peak_mib"] <= bound)
        self.sound(what, x, out, t)
        subset = self.data / f"{x.stem}-first{few}.npy"
        np.save(subset, np.load(x, mmap_mode="r")[:few])
        _, out = self.ours(subset, t, "wide")
        labels = self.data / f"{subset.stem}.peer.npy"
        self.peer("wide", "fastcluster", subset, t, "--blas", labels=labels)
        same = lab.same_partition(lab.read(out, few), np.load(labels))
        self.table.add(f"first {few:,} of them: labels", "equal" if same else "DIFFERENT",
                       "fastcluster on dgemm", bar="equal", met=same)

    def silhouette(self):
        n, d = self.sizes["silhouette"]
        x = self.vectors(n, d)
        people = np.load(vectors.labels_path(x))
        few = self.data / f"{x.stem}-few.npy"
        np.save(few, np.load(x, mmap_mode="r")[: n // 20].astype(np.float64))
        for path, rows, tolerance in ((few, n // 20, 1e-9), (x, n, 1e-5)):
            csv, npy = path.with_suffix(".people.csv"), path.with_suffix(".people.npy")
            lab.write(csv, people[:rows])
            np.save(npy, people[:rows])
            mine = self.streamface(self.args.silhouette_command, "silhouette", x=path, labels=csv)
            value = field(mine, self.args.silhouette_field)
            peer = self.peer("silhouette", "silhouette", path, npy)
            theirs, what = peer["result"], f"silhouette, {rows:,} x {d}"
            if value is None:
                self.table.failed(f"{what}: value", f"no {self.args.silhouette_field} in the JSON: --silhouette-field")
            else:
                gap = abs(value - theirs["value"])
                precision = "f64" if path == few else "f32"
                self.table.add(f"{what}: value", f"{value:.9f}",
                               f"scikit-learn in {precision} {theirs['value']:.9f}", f"{gap:.1e} apart",
                               f"≤ {tolerance}", gap <= tolerance)
            if path == x:
                cached = f", cached {peer['cached']}" if "cached" in peer else ""
                ratio = mine["wall"] / theirs["seconds"]
                self.table.add(f"{what}: wall", seconds(mine["wall"]), f"scikit-learn {seconds(theirs['seconds'])}{cached}",
                               f"{ratio:.4f}", "≤ .05", self.fast(ratio <= 1 / 20))

    def append(self):
        n, d = self.sizes["append"]
        t, x = 0.5, self.vectors(n, d)
        base = self.data / f"{x.stem}-base.npy"
        np.save(base, np.load(x, mmap_mode="r")[: n - n // 100])
        state, out = self.data / "append-state", self.data / "append.csv"
        scratch, added = [], []
        what = f"{n - n // 100:,} x {d} and {n // 100:,} more, t = {t}"
        for _ in range(self.args.rounds):
            whole, all_out = self.ours(x, t, "append")
            scratch.append(whole["wall"])
            self.streamface(self.args.append_first, "append", x=base, state=state, t=t, out=out)
            more = self.streamface(self.args.append_command, "append", x=x, state=state, t=t, out=out)
            added.append(more["wall"])
        a, b = statistics.median(added), statistics.median(scratch)
        self.table.add(f"{what}: wall", seconds(a), f"from scratch {seconds(b)}", f"{a / b:.3f}",
                       "≤ .05", self.fast(a / b <= 0.05))
        same = lab.same_partition(lab.read(out, n), lab.read(all_out, n))
        self.table.add(f"{what}: labels", "equal" if same else "DIFFERENT", "from scratch", bar="equal", met=same)


def run(args):
    """All sections; the number of bars that were missed."""
    bench = Bench(args)
    print(bench.table.about["text"] + "\n")
    print("\n".join(bench.table.head()))
    sections = [("peak", bench.peak)] + [(s, getattr(bench, s)) for s in SECTIONS if s in args.only]
    for name, section in sections:
        try:
            section()
        except Failed as error:
            bench.table.failed(name, error)
        except Exception as error:  # a section's fault must not lose the hours of the others
            traceback.print_exc()
            bench.table.failed(name, repr(error))
    print(f"\n{bench.table.path}.md, .json" + (", growth.svg" if "growth" in args.only else ""), file=sys.stderr)
    return sum(row["met"] == "**no**" for row in bench.table.rows)
