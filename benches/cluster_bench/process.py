"""A command as a process of its own: wall seconds, CPU seconds and peak memory, and the JSON that it prints."""

import json
import os
import subprocess
import sys
import tempfile

# Linux counts the memory of the process that forks in the child's peak, so a small one stands between (some 10 MiB).
LAUNCHER = """
import json, os, signal, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[3:])
signal.signal(signal.SIGALRM, lambda *_: child.kill())
signal.alarm(int(sys.argv[2]))
_, status, used = os.wait4(child.pid, 0)
wall = time.perf_counter() - start
with open(sys.argv[1], "w") as out:
    json.dump({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024,
               "code": os.waitstatus_to_exitcode(status)}, out)
"""


class Failed(Exception):
    """The command ended with an error, or could not be started."""


def measured(command, limit=0):
    """wall, cpu (seconds), peak_mib, and `result`: what the command printed as JSON ({} where it printed none).

    The command is ended after `limit` whole seconds; 0: never.
    """
    command = [str(c) for c in command]
    # A current OpenBLAS picks its own kernel; a pinned one would slow NumPy.
    clean = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, report.name, str(limit), *command],
                              capture_output=True, text=True, env=clean, check=False)
        text = report.read()
    if not text:
        raise Failed(f"{command[0]} could not be started: {done.stderr.strip().splitlines()[-1]}")
    numbers = json.loads(text)
    code = numbers.pop("code")
    if code != 0:
        shown = " ".join(os.path.basename(c) for c in command)
        why = f"not done after {limit} s" if limit and numbers["wall"] >= limit else f"exit code {code}"
        raise Failed(f"{why}, peak {numbers['peak_mib']:.0f} MiB: {shown}: {done.stderr.strip()[-1000:]}")
    try:
        numbers["result"] = json.loads(done.stdout)
    except json.JSONDecodeError:
        numbers["result"] = {}
    return numbers


def field(run, path):
    """A dotted field of the printed JSON, or None."""
    at = run["result"]
    for key in path.split("."):
        at = at.get(key) if isinstance(at, dict) else None
    return at
