"""`make fuzz`: every target under atheris, each in a process of its own.

python -m tests.fuzz --runs 100000 [--only idx …]

What is found is kept in build/fuzz/<target>, one input a file; --replay gives it to the target
once more, without atheris.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 10
"""Seconds of the clock for one input, after which libFuzzer ends the process."""
MEMORY = 1024
"""MiB that the whole process may take."""
LONGEST = 8_192
"""Bytes of an input."""
_DONE = re.compile(r"^#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)


def main() -> None:
    names = [
        "idx",
        "model",
        "npz",
        "record",
        "config",
        "arrays",
        "pairs",
        "cifar",
        "table",
        "picture",
    ]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--here", action="store_true", help="no process of its own")
    chosen = parser.parse_args()
    if chosen.replay:
        replay(chosen.only[0], chosen.replay)
    elif chosen.here:
        fuzz(chosen.only[0], chosen.runs, chosen.seed)
    else:
        findings = [name for name in chosen.only if not drive(name, chosen.runs, chosen.seed)]
        sys.exit(bool(findings))


def drive(name: str, runs: int, seed: int) -> bool:
    """Fuzz one target in a new process and print what came of it; whether nothing was found."""
    command = [sys.executable, "-m", "tests.fuzz", "--here", "--only", name]
    command += ["--runs", str(runs), "--seed", str(seed)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # atheris ends a process without tidying up
        done = subprocess.run(
            command,
            cwd=ROOT,
            # glibc keeps no freed megabyte: what the process grows by is in use.
            env={**os.environ, "TMPDIR": folder, "MALLOC_MMAP_THRESHOLD_": "65536"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    seconds = time.monotonic() - began
    log = done.stdout.decode("utf-8", "replace")
    matches = list(_DONE.finditer(log))
    if done.returncode == 0 and matches:
        count, coverage, features, corpus = map(int, matches[-1].groups())
        print(
            f"{name}: {count:,} runs in {seconds:.0f} s, coverage {coverage:,}, "
            f"features {features:,}, corpus {corpus:,} inputs; found: nothing",
            flush=True,
        )
        return True
    print(f"{name}: FOUND something after {seconds:.0f} s, exit code {done.returncode}")
    print("\n".join(log.splitlines()[-40:]), flush=True)
    return False


def fuzz(name: str, runs: int, seed: int) -> None:
    """Fuzz one target in this process, and end it."""
    # Not a name that a type checker could look up: it is installed beside.
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["handstitch", "zipfile", "tomllib"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    attempt = importlib.import_module("tests.fuzz.target").attempt
    logging.disable()  # what is said of an input is no finding, and slow
    found = ROOT / "build" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        path = Path(folder, "input")
        for number, data in enumerate(target.seeds(path)):
            (corpus / f"seed-{number}").write_bytes(data)
            attempt(target, data, path)  # what is loaded and cached once, now
        words = Path(folder, "words")
        words.write_text(
            "".join(
                '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words
            )
        )
        atheris.Setup(
            [
                sys.argv[0],
                f"-runs={runs}",
                f"-seed={seed}",
                f"-timeout={TIMEOUT}",
                f"-rss_limit_mb={MEMORY}",
                f"-max_len={LONGEST}",
                f"-dict={words}",
                f"-artifact_prefix={found}{os.sep}",
                str(corpus),
            ],
            lambda data: attempt(target, data, path),
        )
        atheris.Fuzz()


def replay(name: str, file: Path) -> None:
    """Give one input to a target."""
    target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    attempt = importlib.import_module("tests.fuzz.target").attempt
    with tempfile.TemporaryDirectory() as folder:
        accepted = attempt(target, file.read_bytes(), Path(folder, "input"))
    print("accepted" if accepted else "refused")


if __name__ == "__main__":
    main()
