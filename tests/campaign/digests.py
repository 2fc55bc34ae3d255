"""Many processes, one configuration and one number of threads: one digest.

python -m tests.campaign.digests --processes 100

The processes differ in what must not matter: the seed of Python's hashes, the folder's name, the
time zone, the language, and the order of the environment.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.campaign.kills import ROOT, WEIGHTS

SETTINGS = (
    *("--dataset", "sketch", "--hidden", "64", "32", "--optimizer", "adam", "--dropout", "0.2"),
    *("--epochs", "2", "--batch-size", "32", "--schedule", "cosine", "--threads", "1"),
)
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe")
LANGUAGES = ("C", "C.UTF-8", "POSIX", "de_DE.UTF-8")


def digests(
    folder: Path, processes: int, images: int, at_once: int = 1
) -> Counter[tuple[str, ...]]:
    """(SHA-256 of best, SHA-256 of last) → how many processes wrote these."""

    def train(number: int) -> tuple[str, ...]:
        run = folder / f"run-{'x' * (number % 7)}{number}"
        kept = [pair for pair in os.environ.items() if "HANDSTITCH" not in pair[0]]
        environment = {
            **dict(kept if number % 2 else reversed(kept)),
            "PYTHONHASHSEED": str(number),
            "TZ": ZONES[number % len(ZONES)],
            "LC_ALL": LANGUAGES[number // 2 % len(LANGUAGES)],
            "CAMPAIGN_IMAGES": str(images),
            "CAMPAIGN_SAVE_EVERY": "30",
            "CAMPAIGN_DIE_AT": "0",
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tests.campaign.child", "train", "--out", str(run)]
        subprocess.run(
            [*command, *SETTINGS], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        return tuple(
            hashlib.sha256((run / "weights" / name).read_bytes()).hexdigest() for name in WEIGHTS
        )

    with ThreadPoolExecutor(at_once) as pool:
        return Counter(pool.map(train, range(processes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--at-once", type=int, default=1)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = digests(Path(folder), chosen.processes, chosen.images, chosen.at_once)
    print(f"{found.total()} processes in {time.monotonic() - began:.0f} s")
    for (best, last), count in found.most_common():
        print(f"{count}: best {best}\n{' ' * len(str(count))}  last {last}")
    sys.exit(len(found) != 1)


if __name__ == "__main__":
    main()
