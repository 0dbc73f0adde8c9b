#!/usr/bin/env python3
"""Clustering against its peers, its exactness, and the vectors for both.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/clustering.py make 100000 512 x.npy --spectrum real --seed 1
    /tmp/peers/bin/python benches/clustering.py run --quick         seconds, at toy sizes: does it work?
    /tmp/peers/bin/python benches/clustering.py run --full          hours, on a quiet machine
    /tmp/peers/bin/python benches/clustering.py check --seeds 20    random cases against SciPy

Our side and its peer run in turn, each as a process of its own; ratios are of medians over the rounds. Our time is the
whole process (reading, clustering, writing labels) unless a phase is named; a peer's leaves out imports and loading.
Results with date and machine go to benches/results/ by hand.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from cluster_bench import check, run, vectors

TARGET = Path(__file__).resolve().parent.parent / "target"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="command", required=True)

    one = sub.add_parser("make", help="seeded unit vectors, people of Zipf sizes; OUT and its .labels.npy")
    one.add_argument("rows", type=int)
    one.add_argument("dimensions", type=int)
    one.add_argument("out", type=Path)
    one.add_argument("--spectrum", choices=("real", "flat"), default="real")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--largest", type=int, help="rows of the most frequent person")

    one = sub.add_parser("run", help="the table")
    size = one.add_mutually_exclusive_group(required=True)
    size.add_argument("--quick", action="store_true", help="toy sizes: that it works, not how fast")
    size.add_argument("--full", action="store_true")
    one.add_argument("--only", default=",".join(run.SECTIONS), help="sections, with commas between [default: all]")
    one.add_argument("--rounds", type=int, default=3, help="of the shorter measurements; at least 2")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--out", type=Path, default=TARGET / "clustering", help="results, and the vectors, some gigabytes")
    one.add_argument("--cache", type=Path, help="a JSON file that keeps the long peers' times; a reused one is marked in the table")
    one.add_argument("--limit", type=int, default=7200, help="seconds after which a command is ended")
    one.add_argument("--budget-mib", type=int, default=2048, help="memory budget of streamface, for the bar at t = .8")
    one.add_argument("--streamface-args", type=shlex.split, default=[], help="further arguments for each of our runs")
    one.add_argument("--silhouette-command", default="evaluate --vectors {x} --labels {labels} --json")
    one.add_argument("--silhouette-field", default="silhouette", help="dotted name of the value in its JSON")
    one.add_argument("--append-first", default="cluster --vectors {x} --threshold {t} --out {out} --state {state} --json",
                     help="clusters the first rows and keeps what growth needs")
    one.add_argument("--append-command",
                     default="cluster --vectors {x} --threshold {t} --out {out} --state {state} --append --json",
                     help="clusters all rows, the first known")

    two = sub.add_parser("check", help="random cases against SciPy; exit code 1 on any difference")
    two.add_argument("--seeds", type=int, default=20, help="each gives four kinds of data a metric")
    two.add_argument("--first-seed", type=int, default=0)
    two.add_argument("--metric", choices=("cosine", "euclidean", "both"), default="both")
    two.add_argument("--max-rows", type=int, default=2000)

    for each in (one, two):
        each.add_argument("--streamface", type=Path, default=TARGET / "release/streamface", help="the program")

    args = p.parse_args()
    if args.command == "make":
        vectors.make(args.rows, args.dimensions, args.out, args.spectrum, args.seed, args.largest)
        print(json.dumps(vectors.measure(args.out), indent=1))
        return 0
    args.streamface = args.streamface.resolve()
    if not os.access(args.streamface, os.X_OK):
        p.error(f"{args.streamface}: not there; cargo build --release, or --streamface PATH")
    if args.command == "check":
        metrics = ("cosine", "euclidean") if args.metric == "both" else (args.metric,)
        return int(check.run(args.streamface, args.seeds, args.first_seed, metrics, args.max_rows) > 0)
    args.only = args.only.split(",")
    unknown = set(args.only) - set(run.SECTIONS)
    if unknown or args.rounds < 2:
        p.error(f"--only: no section {', '.join(unknown)}; there are {', '.join(run.SECTIONS)}" if unknown else "--rounds: at least 2")
    return int(run.run(args) > 0)


if __name__ == "__main__":
    sys.exit(main())
