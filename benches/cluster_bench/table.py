"""Results as a Markdown table and as JSON, and the machine that they are of."""

import datetime
import json
import os
import platform
import re
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import threadpool_info

HEAD = ("what", "streamface", "peer", "ratio", "bar", "met")


class Table:
    """Rows as they are measured; each is printed at once, so that an interrupted run has told what it found."""

    def __init__(self, path):
        self.path, self.rows, self.raw = Path(path), [], {}
        self.about = machine()

    def add(self, what, streamface, peer="", ratio="", bar="", met=None):
        row = dict(zip(HEAD, (what, streamface, peer, ratio, bar, {True: "yes", False: "**no**", None: ""}[met])))
        self.rows.append(row)
        print("| " + " | ".join(row[h] for h in HEAD) + " |", flush=True)
        self.write()

    def failed(self, what, error):
        self.add(what, "failed: " + " ".join(str(error).split())[:300].replace("|", "/"), met=False)

    def keep(self, name, runs):
        """Raw measurements go into the JSON alone."""
        self.raw.setdefault(name, []).extend(runs)
        self.write()

    def write(self):
        out = {"machine": self.about, "table": self.rows, "runs": self.raw}
        self.path.with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")
        lines = ["# Clustering, " + self.about["date"], "", self.about["text"], "", *self.head()]
        lines += ["| " + " | ".join(row[h] for h in HEAD) + " |" for row in self.rows]
        self.path.with_suffix(".md").write_text("\n".join(lines) + "\n")

    @staticmethod
    def head():
        return ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]


def machine():
    cpu, gib = platform.processor() or "unknown", 0
    try:
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1]
        gib = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (OSError, TypeError, ValueError):
        pass
    blas = {f"{i['internal_api']} {i['version']} {i.get('architecture', '')}".strip() for i in threadpool_info()
            if i["user_api"] == "blas"}
    date = datetime.date.today().isoformat()
    text = (f"Machine: {cpu}, {os.cpu_count()} cores, {gib} GiB; Python {platform.python_version()}, "
            f"NumPy {np.__version__} ({', '.join(sorted(blas))}), SciPy {scipy.__version__}; load {os.getloadavg()[0]:.1f} at the start.")
    return {"date": date, "text": text}


def seconds(value):
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def mib(value):
    return f"{value:.0f} MiB" if value < 10_000 else f"{value / 1024:.1f} GiB"
