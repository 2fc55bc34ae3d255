"""Handstitch and its peers side by side; writes docs/benchmarks/PROCESSOR.json and the page of all.

make bench                              what is aimed at, on a quiet machine (20 minutes)
make bench ARGS="--jobs epoch load"     these jobs; the others' figures are kept
make bench ARGS="--jobs all"            every job (half an hour)
make bench ARGS="--jobs none"           page, figure and READMEs from the figures that are there
make bench ARGS="--quick --out /tmp/b"  cut down, to see that it works

A run that is stopped goes on where it ended, if it is started again in the same way.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import processors
from aims import accuracy_apart, aims
from jobs import DEFAULT, JOBS, QUICK, Size
from page import page, short
from processes import BENCH, OURS, PEERS, ROOT, run
from session import Session

from handstitch import machine

READMES = {
    "README.md": {
        "against": "one epoch, against",
        "batch": "batch {}",
        "the course report's way": "the course report's way",
        "one": "Measured on one kind of processor: {}.",
        "several": "The worst of {1} kinds of processors: {0}.",
    },
    "README.zh-CN.md": {
        "against": "一轮训练，对比",
        "batch": "每批 {}",
        "the course report's way": "课程报告原来的做法",
        "one": "只在一种处理器上测过：{}。",
        "several": "{1} 种处理器中最差的结果：{0}。",
    },
}
BUILD = (
    "import json; from handstitch import machine;print(json.dumps({'build': machine.build_info()}))"
)
VERSIONS = (
    "import json, sys; from importlib.metadata import version;"
    "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
)
PACKAGES = ("torch", "jax", "scikit-learn", "onnxruntime", "numpy", "scipy")


def main() -> None:
    """Run the jobs, print the aims, write page and figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = (*JOBS, "all", "none")
    kind = {"nargs": "+", "choices": names, "default": DEFAULT, "metavar": "JOB"}
    told = f"of {', '.join(names)}; {' '.join(DEFAULT)} if not given"
    parser.add_argument("--jobs", **kind, help=told)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder to write into")
    chosen = parser.parse_args()
    asked = [job for job in JOBS if job in chosen.jobs or "all" in chosen.jobs]
    kept = chosen.out / "benchmarks"
    kept.mkdir(parents=True, exist_ok=True)
    if asked:
        measure(asked, QUICK if chosen.quick else Size(rounds=chosen.rounds), kept)
    every = read(kept)
    (chosen.out / "benchmarks.md").write_text(page(every), encoding="utf-8")
    if chosen.out == ROOT / "docs":
        write_readmes(every)
    figure = [PEERS, str(BENCH / "figure.py"), str(kept), str(chosen.out / "benchmarks.png")]
    if subprocess.run(figure, check=False).returncode:
        print("bench: the figure could not be drawn; the table stands")
    for found in every:
        print_aims(found)


def measure(asked: list[str], size: Size, folder: Path) -> None:
    """Run the jobs on this processor, after those that a stopped run has done."""
    processor = processors.describe()
    path = folder / f"{processors.file_name(processor['name'])}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found |= {"processor": processor, "machine": describe_machine()}
    of = f"{found['machine']} {size} {digest()}"
    session = Session(path.with_suffix(".unfinished"), of)
    for job in asked:
        found[job] = JOBS[job](size, session)
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    session.finish()


def read(folder: Path) -> list[dict[str, Any]]:
    """The figures of every processor."""
    paths = sorted(folder.glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def print_aims(found: dict[str, Any]) -> None:
    """A line for each aim: met, not met or not measured."""
    print(f"\n{found['processor']['name']}")
    for aim in aims(found):
        floor = aim.floor
        measured = "–" if aim.measured is None else f"{aim.measured:.2f}{floor.mark}"
        print(
            f"{aim.verdict.upper():12} {floor.job} against {floor.against}: {measured}, "
            f"aim {aim.sign} {floor.wanted:.2f}"
        )
    if (apart := accuracy_apart(found)) is not None:
        print(f"Accuracies of the preset default: {apart:.2f} points apart")


def write_readmes(every: list[dict[str, Any]]) -> None:
    """Write the short table between the marks."""
    for name, words in READMES.items():
        path = ROOT / name
        before, rest = path.read_text(encoding="utf-8").split("<!-- speed -->\n")
        after = rest.split("<!-- /speed -->")[1]
        table = f"<!-- speed -->\n{short(every, words)}\n<!-- /speed -->"
        path.write_text(before + table + after, encoding="utf-8")


def digest() -> str:
    """Of the sources that are measured, and of those that measure."""
    paths = sorted([*(ROOT / "src").rglob("*.py"), *BENCH.rglob("*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def describe_machine() -> str:
    """Cores and all versions, in a sentence each."""
    told = run([OURS, "-c", BUILD])["build"]
    build = ", ".join(f"{name} {text}" for name, text in told.items())
    output = subprocess.check_output([PEERS, "-c", VERSIONS, *PACKAGES], text=True)
    peers = ", ".join(f"{name} {text}" for name, text in json.loads(output).items())
    return f"{machine.cores()} cores. Ours: {build}. Peers: {peers}."


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: stopped; the same command goes on from here")
