#!/usr/bin/env python3
"""Runs pieces of the demo programme, each by itself with default settings, and scores them.

  programme render --media MEDIA --out programme.mp4
  benches/pieces.py --bin target/release --video programme.mp4 --truth truth.csv [--step 5] [--length 20]

Prints a line a piece, and the worst precision and F at the end. Needs ffmpeg.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

FRAMES_A_SECOND = 25


def piece(args, rows, start, folder):
    video, truth, out = folder / f"{start}.mp4", folder / f"{start}-truth.csv", folder / str(start)
    cut = ["ffmpeg", "-v", "error", "-y", "-ss", str(start), "-i", args.video, "-t", str(args.length), "-c", "copy", "-an", video]
    subprocess.run(cut, check=True)
    with open(truth, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            at = float(row["time_seconds"]) - start
            if 0 <= at < args.length + 1:
                frame = int(row["frame"]) - FRAMES_A_SECOND * start
                writer.writerow({**row, "time_seconds": f"{at:.3f}", "frame": frame})
    run = [args.bin / "streamface", "run", video, "--out", out, "--json", "--quiet"]
    summary = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    labels = folder / f"{start}-labels.csv"
    # Exit code 1: someone of the whole programme is not in this piece.
    say = [args.bin / "programme", "truth", "--truth", truth, "--dataset", out, "--out", labels]
    subprocess.run(say, capture_output=True, text=True)
    score = [args.bin / "streamface", "score", labels, out / "metadata/annotations.json", "--json"]
    pairwise = json.loads(subprocess.run(score, check=True, capture_output=True, text=True).stdout)["pairwise"]
    return pairwise, summary["people"]["merges"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--video", required=True)
    parser.add_argument("--truth", required=True)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--length", type=int, default=20)
    args = parser.parse_args()
    with open(args.truth, newline="") as file:
        rows = list(csv.DictReader(file))
    end = int(max(float(row["time_seconds"]) for row in rows))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, end - args.length + 1, args.step):
            pairwise, merges = piece(args, rows, start, Path(folder))
            print(f"{start:4} s  precision {pairwise['precision']:.4f}  recall {pairwise['recall']:.4f}  F {pairwise['f']:.4f}  "
                  f"up to {merges['largest']:.3f}, {merges['false_merges']:.2f} expected wrong", flush=True)
            found.append(pairwise)
    worst = {key: min(one[key] for one in found) for key in ("precision", "recall", "f")}
    print(f"{len(found)} pieces; worst precision {worst['precision']:.4f}, recall {worst['recall']:.4f}, F {worst['f']:.4f}")


if __name__ == "__main__":
    sys.exit(main())
