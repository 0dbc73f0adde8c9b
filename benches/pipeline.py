#!/usr/bin/env python3
"""`streamface run` against the Python peers on one video, measured in turn in the same run.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    /tmp/peers/bin/python benches/pipeline.py VIDEO [--rounds 3] [--threads 2]

Each round runs A, B, C one after the other, so that a machine that drifts drifts for all. Prints per stage the
milliseconds at work (over all threads), their share of the whole and the ratio peer / streamface, and for the whole the
median wall time and ratio. Results with date and machine go to benches/results/ by hand.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = HERE.parent / "target/release/streamface"
STAGES = ("decode", "filters", "images", "detect", "crops", "embed", "cluster")


def timed(command):
    start = time.perf_counter()
    # A current OpenBLAS picks its own kernel; a pinned one would slow NumPy.
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr[-2000:]}")
    return wall, json.loads(done.stdout)


def stages_of_peer(result):
    s = dict(result["stages_ms"])
    s["crops"] = s.get("crops", 0) + s.pop("second_look", 0)
    return s


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("video", type=Path)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--binary", type=Path, default=BINARY)
    p.add_argument("--scratch", type=Path, default=None, help="directory for the outputs")
    args = p.parse_args()
    scratch = Path(tempfile.mkdtemp(dir=args.scratch))
    runs = {"streamface": [], "plain": [], "overlapped": []}
    for n in range(args.rounds):
        for name in runs:
            out = scratch / f"{name}{n}"
            if name == "streamface":
                # The peers compute no attributes, and look at 480 pixels.
                command = [args.binary, "run", args.video, "--out", out, "--attributes", "none", "--json", "-q"]
                command += ["--detect-size", "480"]
                command += ["--threads", str(args.threads)]
            else:
                command = [sys.executable, HERE / "peers" / f"{name}.py", args.video, "--out", out]
            wall, result = timed([str(c) for c in command])
            runs[name].append((wall, result))
            print(f"round {n + 1} {name}: {wall:.2f} s", file=sys.stderr)
            shutil.rmtree(out)
    ours = runs["streamface"]
    wall = {name: statistics.median(w for w, _ in r) for name, r in runs.items()}
    frames = ours[0][1]["frames"]
    print(f"{args.video.name}: {frames['seen']} keyframes, {frames['kept']} kept, {args.rounds} rounds, {args.threads} threads")
    print(f"people: streamface {ours[0][1]['people']['people']}, " + ", ".join(
        f"{name} {runs[name][0][1]['people']}" for name in ("plain", "overlapped")))
    print()
    print("| stage | streamface ms | share | plain ms | ratio | overlapped ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    median = {}
    for stage in STAGES:
        median[stage] = {"streamface": statistics.median(r["stage_milliseconds"].get(stage, 0) for _, r in ours)}
        for name in ("plain", "overlapped"):
            median[stage][name] = statistics.median(stages_of_peer(r).get(stage, 0) for _, r in runs[name])
    total = sum(m["streamface"] for m in median.values())
    for stage, m in median.items():
        cells = [f"{m['streamface']:.0f}", f"{100 * m['streamface'] / total:.0f} %"]
        for name in ("plain", "overlapped"):
            cells += [f"{m[name]:.0f}", f"{m[name] / max(m['streamface'], 1e-9):.2f}"]
        print(f"| {stage} | {' | '.join(cells)} |")
    print(f"| **whole, wall s** | {wall['streamface']:.2f} | | {wall['plain']:.2f} | **{wall['plain'] / wall['streamface']:.2f}** "
          f"| {wall['overlapped']:.2f} | **{wall['overlapped'] / wall['streamface']:.2f}** |")


if __name__ == "__main__":
    main()
