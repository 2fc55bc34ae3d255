"""Handstitch and its peers side by side; writes docs/benchmarks.{json,md,png}.

make bench                              everything, on a quiet machine (20 minutes)
make bench ARGS="--jobs epoch load"     these jobs; the others' figures are kept
make bench ARGS="--quick --out /tmp/b"  everything cut down, to see that it works
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from jobs import JOBS, QUICK, Size
from page import aims, page, short
from processes import BENCH, PEERS, ROOT

from handstitch import machine

READMES = {
    "README.md": {
        "against": "one epoch, against",
        "batch": "batch {}",
        "the course report's way": "the course report's way",
    },
    "README.zh-CN.md": {
        "against": "一轮训练，对比",
        "batch": "每批 {}",
        "the course report's way": "课程报告原来的做法",
    },
}
PACKAGES = ("torch", "jax", "scikit-learn", "onnxruntime", "numpy", "scipy")


def main() -> None:
    """Run the jobs, print the aims, write page and figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder to write into")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    size = QUICK if chosen.quick else Size(rounds=chosen.rounds)
    kept = chosen.out / "benchmarks.json"
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    found["machine"] = describe_machine()
    for job in chosen.jobs:
        found[job] = JOBS[job](size)
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (chosen.out / "benchmarks.md").write_text(page(found), encoding="utf-8")
    if chosen.out == ROOT / "docs":
        write_readmes(found)
    figure = [PEERS, str(BENCH / "figure.py"), str(kept), str(chosen.out / "benchmarks.png")]
    if subprocess.run(figure, check=False).returncode:
        print("bench: the figure could not be drawn; the table stands")
    for aim in aims(found):
        sign, verdict = "≥" if aim.at_least else "≤", "met" if aim.met else "NOT MET"
        print(
            f"{aim.job} against {aim.against}: {aim.measured:.2f}{aim.unit}, "
            f"aim {sign} {aim.wanted:.2f}: {verdict}"
        )


def write_readmes(found: dict[str, Any]) -> None:
    """Write the short table between the marks."""
    for name, words in READMES.items():
        path = ROOT / name
        before, rest = path.read_text(encoding="utf-8").split("<!-- speed -->\n")
        after = rest.split("<!-- /speed -->")[1]
        table = f"<!-- speed -->\n{short(found, words)}\n<!-- /speed -->"
        path.write_text(before + table + after, encoding="utf-8")


def describe_machine() -> str:
    """The machine and all versions, in a sentence each."""
    build = ", ".join(f"{name} {text}" for name, text in machine.build_info().items())
    script = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    output = subprocess.check_output([PEERS, "-c", script, *PACKAGES], text=True)
    peers = ", ".join(f"{name} {text}" for name, text in json.loads(output).items())
    ours = f"{machine.processor()}, {machine.cores()} cores"
    return f"Machine: {ours}. Ours: {build}. Peers: {peers}."


if __name__ == "__main__":
    main()
