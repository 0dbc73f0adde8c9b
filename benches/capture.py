#!/usr/bin/env python3
"""`streamface capture` of a file against ffmpeg, which decodes its keyframes and writes PNG in two processes.

    benches/capture.py VIDEO [--rounds 5] [--threads 2] [--binary target/release/streamface]

Each process of the peer takes half of the keyframes (`-ss`, `-to`, `-skip_frame nokey`) with one thread, and writes those that
streamface keeps, so both write the same pictures; ffmpeg judges none. It writes PNG with its own settings, and with those that
take the least time. Rounds go through all in turn. Prints wall time, processor time and peak memory (the median of the rounds; of
two processes the larger one's memory), the ratio of wall times, and the time of each stage. Needs Python alone.
"""

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BINARY = Path(__file__).resolve().parent.parent / "target/release/streamface"
PNG = {"ffmpeg": [], "ffmpeg, fast PNG": ["-compression_level", "1", "-pred", "paeth"]}


def together(commands):
    """Runs processes side by side: wall time, processor time, peak memory in MB, what the first one printed."""
    start = time.perf_counter()
    running = [subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE) for command in commands]
    said = running[0].stdout.read()
    cpu, memory = 0.0, 0
    for process in running:
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{process.args}: status {status}")
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss / 1024)
    return time.perf_counter() - start, cpu, memory, said


def keyframes(video):
    """Seconds of all keyframes."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-skip_frame", "nokey", "-show_entries",
             "frame=best_effort_timestamp_time", "-of", "csv=p=0", str(video)]
    said = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    return sorted(float(line.split(",")[0]) for line in said.split())


def captured(name):
    """Seconds of a frame, by its name; of a file that does not say when it was made."""
    at = datetime.datetime.strptime(name.rsplit("_", 1)[1][:20], "%Y%m%d%H%M%S%f")
    return (at - datetime.datetime(1970, 1, 1)).total_seconds()


def halves(video, kept, times, out, options):
    """The two commands of the peer."""
    at = {min(range(len(times)), key=lambda k: abs(times[k] - seconds)) for seconds in kept}
    middle = len(times) // 2
    commands = []
    for name, first, last in (("a", 0, middle), ("b", middle, len(times))):
        wanted = "+".join(f"eq(n,{k - first})" for k in sorted(at) if first <= k < last)
        seek = ["-ss", times[first]] if first else []
        end = ["-to", (times[last - 1] + times[last]) / 2] if last < len(times) else []
        commands.append(["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-skip_frame", "nokey", *seek, *end, "-i", video,
                         "-an", "-vf", f"select='{wanted}'", "-fps_mode", "passthrough", *options, "-threads", "1",
                         out / f"{name}%d.png"])
    return commands


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("video", type=Path)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--binary", type=Path, action="append", help="may be given again, to compare builds")
    args = p.parse_args()
    binaries = args.binary or [BINARY]
    scratch = Path(tempfile.mkdtemp())
    times = keyframes(args.video)

    def ours(binary, threads, out):
        return [[binary, "capture", args.video, "--out", out, "--threads", threads, "--json", "-q"]]

    together(ours(binaries[0], args.threads, scratch / "first"))
    kept = [captured(path.stem) for path in (scratch / "first/frames").iterdir()]
    start = times[0]
    kept = [seconds + start for seconds in kept] if min(kept) < start else kept
    print(f"{args.video.name}: {len(times)} keyframes, {len(kept)} kept, {args.rounds} rounds")
    runs = {}
    for number, binary in enumerate(binaries):
        for threads in dict.fromkeys((args.threads, 1)):
            build = f" ({binary})" if len(binaries) > 1 else ""
            runs[f"streamface, threads {threads}{build}"] = lambda out, b=binary, t=threads: ours(b, t, out / "data")
    for name, options in PNG.items():
        runs[f"{name}, two processes"] = lambda out, o=options: halves(args.video, kept, times, out, o)
    measured = {name: [] for name in runs}
    for _ in range(args.rounds):
        for name, commands in runs.items():
            out = scratch / "out"
            out.mkdir()
            measured[name].append(together(commands(out)))
            written = len(list((out / "data/frames" if name.startswith("streamface") else out).glob("*.png")))
            if written != len(kept):
                sys.exit(f"{name}: {written} pictures instead of {len(kept)}")
            shutil.rmtree(out)
    shutil.rmtree(scratch)
    middle = {name: [statistics.median(run[k] for run in all) for k in range(3)] for name, all in measured.items()}
    peers = [f"{name}, two processes" for name in PNG]
    print(f"\n| | wall s | processor s | memory MB | {' | '.join(f'of {peer}' for peer in peers)} |")
    print("|---|---|---|---|" + "---|" * len(peers))
    for name, (wall, cpu, memory) in middle.items():
        # Pair by pair: a machine that drifts drifts for all of a round.
        ratios = [statistics.median(a[0] / b[0] for a, b in zip(measured[name], measured[peer])) for peer in peers]
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    print()
    for name, all in measured.items():
        if name.startswith("streamface"):
            said = [json.loads(run[3])["stage_milliseconds"] for run in all]
            stages = {stage: statistics.median(s[stage] for s in said) for stage in said[0]}
            print(f"{name}: " + ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in stages.items()))


if __name__ == "__main__":
    main()
