#!/usr/bin/env python3
"""Each built-in network beside its own runtime: time, readiness, memory.

    cargo build --release -p streamface
    python3 -m venv PEERS && PEERS/bin/pip install -r benches/peers/requirements.txt
    (mkdir JS && cd JS && npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm)
    python3 -m venv TF && TF/bin/pip install tensorflow-cpu tf_keras
    PEERS/bin/python benches/networks.py --tfjs JS --tensorflow TF/bin/python
    PEERS/bin/python benches/networks.py --layers centerface --size 288x480   # where the time goes, ours and onnxruntime's

Weights are those of `streamface models pull`. A measurement is a process of its own: `streamface models bench`, or
`peers/engines.py` with the network in its own runtime; its number is the median of --runs runs after two that do not count,
input ready in memory. The two sides take turns for --rounds rounds; of each side the least of its medians counts, and the
ratios of the single rounds are printed beside, lowest and highest. A network that more than one runtime runs is compared with
the fastest of them. Theirs get files with the very input shape: CenterFace's with its shapes freed and its weights constant,
MobileFaceNet's (made for two faces) rewritten for one and for 32, beside the same in runs of two. TensorFlow.js is
WebAssembly in Node, which has no threads. TensorFlow runs the Keras file and the graphs of TensorFlow.js but those with PReLU.

Of peak: the share of the rate of products that `models bench` measures of its own kernel. Ready: from the weights (theirs: the
file) to a network that can run. Memory: the peak of the resident set of the process, and what of it is the network's: on top of
`streamface --version`, and of the imports in theirs. AVX2: ours with `--instructions avx2`; theirs choose for themselves.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

# No NumPy: what a child's `ru_maxrss` says begins with the memory of the process that starts it.
ROOT = Path(__file__).resolve().parents[1]
ENGINES = ROOT / "benches/peers/engines.py"
# Model, which of its networks, height and width of the input, batch.
CASES = [
    *(("centerface", None, size, 1) for size in ("288x480", "544x960", "1088x1920", "96x96")),
    *(("mobilefacenet", None, None, batch) for batch in (1, 2, 32)),
    ("fr-feature", None, None, 1),
    *((name, None, None, 1) for name in ("faceres", "gear", "emotion", "facemesh", "face-mask", "liveness", "age-v1", "gender-v1", "fr-pose")),
    *(("mtcnn", part, None, 32) for part in ("pnet", "rnet", "onet")),
]
PEERS = {"onnx": ["onnx"], "tflite": ["litert"], "tfjs": ["tfjs", "tensorflow"], "keras": ["tensorflow"]}
NAMES = {"onnx": "onnxruntime", "litert": "LiteRT", "litert-parts": "LiteRT, by twos", "tfjs": "TensorFlow.js", "tensorflow": "TensorFlow"}
COLUMNS = ["network", "input", "ours, ms", "its own runtime, ms", "ours / theirs", "in single rounds", "of peak", "ours with AVX2, ms"]
COLUMNS += ["ready, ms, ours / theirs", "memory of the network, MB", "of the process, MB"]


class Failed(Exception):
    """A measurement that could not be made, and why."""


def child(call):
    """What a process says, and the peak of its resident memory in MB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([str(c) for c in call], stdout=subprocess.PIPE, stderr=errors, text=True)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().strip().splitlines() or [f"exit code {process.returncode}"]
            raise Failed(said[-1][:200])
    return out, usage.ru_maxrss * 1024 / 1e6


def ours(args, case, threads, *more, what="bench"):
    model, part, size, batch = case
    call = [args.bin, "models", what, model, "--batch", batch, "--threads", threads, "--runs", args.runs, "--json", "--quiet", *more]
    out, memory = child([*call, "--size", size] if size else call)
    said = json.loads(out)
    if part:
        said = next(s for s in said if s["network"] == f"{model} {part}")
    return {**said, "peak_mb": memory, "imports_mb": child([args.bin, "--version"])[1]}


def weights(args, case):
    """The format and the file of a network."""
    manifest = tomllib.loads((ROOT / "models" / f"{case[0]}.toml").read_text())
    all = manifest.get("weights", [manifest])
    first = next((w for w in all if w["name"] == case[1]), all[0])
    return first["format"], args.models / first["file"]


def peers(args, case):
    """The engines that run a network."""
    format, _ = weights(args, case)
    have = {"tfjs": args.tfjs, "tensorflow": args.tensorflow}
    twos = ["litert-parts"] if case[0] == "mobilefacenet" and case[3] > 2 else []
    return [engine for engine in PEERS[format] if have.get(engine, True)] + twos


def theirs(args, case, engine, shape, threads, folder):
    _, path = weights(args, case)
    dims = ",".join(map(str, shape))
    if engine == "onnx" or (engine == "litert" and case[0] == "mobilefacenet"):
        made = folder / f"{dims}-{path.name}"
        if not made.exists():
            done = subprocess.run([sys.executable, ENGINES, "write", engine, path, dims, made], capture_output=True, text=True)
            if done.returncode:
                raise Failed(done.stderr.strip().splitlines()[-1][:200])
        path = made
    python = args.tensorflow if engine == "tensorflow" else sys.executable
    more = [args.tfjs] if engine == "tfjs" else []
    return json.loads(child([python, ENGINES, "time", engine, path, dims, threads, args.runs, *more])[0])


def rounds(args, case, threads, folder):
    """The measurements of a case, by side: `ours`, `avx2` and engines; and what failed."""
    sides, failed = {"ours": [], "avx2": [], **{engine: [] for engine in peers(args, case)}}, {}
    for _ in range(args.rounds):
        for side in [s for s in sides if s not in failed]:
            try:
                match side:
                    case "ours":
                        got = ours(args, case, threads)
                    case "avx2":
                        got = ours(args, case, threads, "--instructions", "avx2")
                    case engine:
                        got = theirs(args, case, engine, sides["ours"][0]["shape"], threads, folder)
                sides[side].append(got)
            except Failed as why:
                failed[side] = str(why)
                if side == "ours":
                    return sides, failed
    return {side: all for side, all in sides.items() if side not in failed}, failed


def best(measurements):
    return min(measurements, key=lambda m: m["median_ms"])


def number(value):
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def row(case, sides):
    own = best(sides["ours"])
    cells = [" ".join(filter(None, case[:2])), "x".join(map(str, own["shape"])), number(own["median_ms"])]
    engines = [side for side in sides if side in NAMES]
    avx2 = number(best(sides["avx2"])["median_ms"]) if "avx2" in sides else "–"
    sizes = [lambda m: m["ready_ms"], lambda m: m["peak_mb"] - m["imports_mb"], lambda m: m["peak_mb"]]
    least = lambda side: [f"{min(map(size, sides[side])):.0f}" for size in sizes]
    small = least("ours")
    if engines:
        engine = min(engines, key=lambda e: best(sides[e])["median_ms"])
        peer = best(sides[engine])
        ratios = sorted(a["median_ms"] / b["median_ms"] for a, b in zip(sides["ours"], sides[engine]))
        others = [f"{NAMES[e]} {number(best(sides[e])['median_ms'])}" for e in engines if e != engine]
        beside = f" ({'; '.join(others)})" if others else ""
        cells.append(f"{number(peer['median_ms'])} {NAMES[engine]}{beside}")
        cells += [f"**{own['median_ms'] / peer['median_ms']:.2f}**", f"{ratios[0]:.2f}–{ratios[-1]:.2f}"]
        small = [" / ".join(pair) for pair in zip(small, least(engine))]
    else:
        cells += ["–", "–", "–"]
    cells += [format(own["share_of_peak"], ".0%"), avx2, *small]
    return f"| {' | '.join(cells)} |"


def table(args, threads, folder):
    print(f"\n## {threads} thread{'s' if threads > 1 else ''}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    notes, versions = {}, {}
    for case in CASES:
        if args.only and case[0] not in args.only:
            continue
        sides, failed = rounds(args, case, threads, folder)
        name = " ".join(filter(None, case[:2]))
        for side, why in failed.items():
            notes[f"{name}, {NAMES.get(side, side)}: {why}"] = None
        if own := sides.get("ours"):
            print(row(case, sides), flush=True)
            if why := own[0].get("why_tract"):
                notes[f"{name} is run by tract: {why}"] = None
        versions |= {NAMES[side]: all[0]["version"] for side, all in sides.items() if side in NAMES}
    print()
    for note in notes:
        print(f"- {note}")
    print("- " + ", ".join(f"{name} {version}" for name, version in versions.items() if "by twos" not in name))


def places(parts, nodes):
    """The part of each node: that which names it, else that of the latest node that it reads from, as what follows a
    convolution is done where that one's sums are stored. Steps that only move numbers have no nodes."""
    order, named, place = {node: at for at, (node, _) in enumerate(nodes)}, {}, {}
    for at, part in enumerate(parts):
        for name in part.split(" + "):
            if not re.search(r" \((edges|from tensor|to tensor)\)$", name):
                name = re.sub(r" \(.*\)$", "", name)
                while name not in order and "." in name:
                    name = name.rpartition(".")[0]
                named.setdefault(name, at)
    for node, reads in nodes:
        before = [r for r in sorted(reads, key=order.get) if r in place]
        owner = named.get(node, place[before[-1]] if before else None)
        if owner is not None:
            place[node] = owner
    return place


def layers(args, case, threads):
    """Our parts beside onnxruntime's nodes: of each the least of the rounds' medians."""
    format, path = weights(args, case)
    if format != "onnx":
        sys.exit(f"{case[0]}: only onnxruntime, of the runtimes, says what each layer takes; this is a file of {format}")
    owns, peers = [], []
    for _ in range(args.rounds):
        owns.append(ours(args, case, threads, what="profile"))
        dims = ",".join(map(str, owns[0]["shape"]))
        peers.append(json.loads(child([sys.executable, ENGINES, "layers", path, dims, threads, args.runs])[0]))
    own, peer = best(owns), min(peers, key=lambda p: p["whole_ms"])
    for part, *all in zip(own["parts"], *(o["parts"] for o in owns)):
        part["ms"] = min(p["ms"] for p in all)
        part["share_of_peak"] = max(p["share_of_peak"] for p in all)
    peer["ms"] = {node: min(p["ms"][node] for p in peers) for node in peer["ms"]}
    place = places([part["name"] for part in own["parts"]], peer["nodes"])
    sums, rest = [0.0] * len(own["parts"]), {}
    for node, ms in peer["ms"].items():
        if node in place:
            sums[place[node]] += ms
        else:
            rest[node] = ms
    print(f"\n{own['network']} {'x'.join(map(str, own['shape']))}, {threads} thread{'s' if threads > 1 else ''}, {own['instructions']}: ", end="")
    print(f"ours {number(own['median_ms'])} ms, onnxruntime {number(peer['whole_ms'])} ms, with profiling\n")
    print("| ours, ms | onnxruntime, ms | ours / theirs | million products | of peak | part |\n|---|---|---|---|---|---|")
    for part, other in zip(own["parts"], sums):
        ratio = f"{part['ms'] / other:.2f}" if other else "–"
        print(f"| {part['ms']:.3f} | {other:.3f} | {ratio} | {part['million_products']:.2f} | {part['share_of_peak']:.0%} | {part['name']} |")
    for node, ms in sorted(rest.items(), key=lambda r: -r[1]):
        print(f"| – | {ms:.3f} | – | – | – | {node}: onnxruntime's own |")
    mine, other = sum(p["ms"] for p in own["parts"]), sum(peer["ms"].values())
    share = own["million_products"] / mine / own["peak_giga_products"] / threads
    print(f"| {mine:.3f} | {other:.3f} | {mine / other:.2f} | {own['million_products']:.2f} | {share:.0%} | all |")


def machine():
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{model.group(1) if model else platform.machine()}, {cores} cores; load when this began {load:.1f}."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release/streamface")
    parser.add_argument("--models", type=Path, default=Path(os.environ.get("STREAMFACE_MODELS", Path.home() / ".cache/streamface")))
    parser.add_argument("--tfjs", type=Path, help="folder with the modules of TensorFlow.js; without it, its runs are left out")
    parser.add_argument("--tensorflow", type=Path, help="a Python with tensorflow-cpu and tf_keras; without it, its runs are left out")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--layers", metavar="NAME", help="a model whose parts are put beside onnxruntime's")
    parser.add_argument("--size", help="height x width for --layers")
    args = parser.parse_args()
    print(f"{machine()} {args.rounds} rounds of {args.runs} runs.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for threads in args.threads:
            if args.layers:
                size = args.size or ("288x480" if args.layers == "centerface" else None)
                layers(args, (args.layers, None, size, 1), threads)
            else:
                table(args, threads, Path(folder))


if __name__ == "__main__":
    main()
