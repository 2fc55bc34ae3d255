"""Handstitch and its peers side by side: one epoch of the report's network, in turn.

    make bench                      everything, on a quiet machine
    make bench ARGS="--batches 64 --rounds 1"

Each peer is a process of its own; they take turns (A B C A B C …), so that what the machine does
meanwhile meets all of them. What counts is the median over all epochs of all rounds, and the ratio
of medians; the first epoch of each process, compilation included, is reported apart. Writes
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from handstitch import machine

ROOT = Path(__file__).resolve().parents[1]
OURS = "Handstitch"
PEERS = {
    OURS: ("ours", "handstitch_loop.py"),
    "JAX": ("peers", "jax_scan.py"),
    "PyTorch": ("peers", "torch_eager.py"),
    "torch.compile": ("peers", "torch_eager.py", "--compile"),
    "scikit-learn": ("peers", "sklearn_mlp.py"),
    "the report's way": ("ours", "report_way.py"),
}
PACKAGES = ("torch", "jax", "scikit-learn", "numpy", "scipy")

INTRODUCTION = """\
# Benchmarks

Machine: {processor}, {cores} cores. Ours: {build}. Peers: {peers}.

One epoch of 54,000 images through 784-512-256-10, ReLU, plain SGD, float32 (the report's way:
float64). Made by `{command}`: {rounds} rounds, all peers in turn, {epochs} counted epochs in each
process; medians. A ratio is the peer's seconds by Handstitch's. Ours gathers and scales uint8
images in every step; PyTorch, JAX and scikit-learn are given float32 images scaled beforehand."""

Result = dict[str, Any]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256, 1024])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--python", default=str(ROOT / ".venv-bench" / "bin" / "python"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args()
    found: dict[tuple[int, str], list[Result]] = defaultdict(list)
    for batch in chosen.batches:
        for turn in range(chosen.rounds):
            for peer in chosen.peers:
                result = run(peer, chosen.python, batch, chosen.epochs)
                found[batch, peer].append(result)
                seconds = statistics.median(result["epochs"])
                print(f"batch {batch}, round {turn + 1}, {peer}: {seconds:.3f} s", flush=True)
    chosen.out.write_text(page(found, chosen), encoding="utf-8")


def run(peer: str, python: str, batch: int, epochs: int) -> Result:
    """One process of one peer."""
    where, script, *flags = PEERS[peer]
    command = [
        sys.executable if where == "ours" else python,
        str(ROOT / "bench" / "peers" / script),
        *("--batch", str(batch), "--epochs", str(epochs), *flags),
    ]
    # A caller's own settings for threads or byte code would be measured with the peers.
    ours = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("OMP_", "OPENBLAS_", "MKL_", "PYTHON"))
    }
    environment = ours | {"PYTHONPATH": str(ROOT / "bench")}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if output.returncode:
        sys.exit(f"bench: {peer} failed:\n{output.stderr[-2000:]}")
    result: Result = json.loads(output.stdout.splitlines()[-1])
    return result


def page(found: dict[tuple[int, str], list[Result]], chosen: argparse.Namespace) -> str:
    """The tables as Markdown."""
    build = ", ".join(f"{name} {text}" for name, text in machine.build().items())
    lines = [
        INTRODUCTION.format(
            processor=machine.processor(),
            cores=machine.cores(),
            build=build,
            peers=peers_versions(chosen.python),
            command=f"python bench/run.py --rounds {chosen.rounds} --epochs {chosen.epochs}",
            rounds=chosen.rounds,
            epochs=chosen.epochs,
        )
    ]
    for batch in chosen.batches:
        ours = median(found[batch, OURS])
        lines += [
            "",
            f"## Batch {batch}",
            "",
            "| who | s/epoch | ratio | fastest and slowest epoch | first epoch | peak memory |",
            "|---|---|---|---|---|---|",
        ]
        for peer in chosen.peers:
            results = found[batch, peer]
            epochs = [seconds for result in results for seconds in result["epochs"]]
            first = statistics.median(result["first_epoch"] for result in results)
            peak = statistics.median(result["peak_mib"] for result in results)
            lines.append(
                f"| {peer} | {median(results):.3f} | {median(results) / ours:.2f} "
                f"| {min(epochs):.3f} to {max(epochs):.3f} | {first:.3f} | {peak:.0f} MiB |"
            )
    return "\n".join(lines) + "\n"


def median(results: list[Result]) -> float:
    """Of all counted epochs of all processes."""
    return statistics.median(seconds for result in results for seconds in result["epochs"])


def peers_versions(python: str) -> str:
    """Versions in the peers' environment."""
    script = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    output = subprocess.check_output([python, "-c", script, *PACKAGES], text=True)
    return ", ".join(f"{name} {text}" for name, text in json.loads(output).items())


if __name__ == "__main__":
    main()
