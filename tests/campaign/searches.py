"""Searches whose workers and parents are killed: `make campaign` at full length, the suite a few.

python -m tests.campaign.searches --workers 50 --parents 20
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from os import kill
from pathlib import Path
from typing import Any

from tests.search import searching

SEARCH = (
    *("--dataset", "sketch", "--hidden", "8", "16,8", "--lr", "0.05", "0.1"),
    *("--epochs", "2", "--seeds", "2", "--workers", "2"),
)
"""Eight trials."""
SLOW = "0.1"
LIFE = 1.0
"""Seconds that a worker may outlive its parent."""


@dataclass
class Outcome:
    """What happened."""

    workers: int = 0
    """Workers killed."""
    parents: int = 0
    searches: int = 0
    """Brought to their end."""
    identical: int = 0
    """With the table of the undisturbed one."""
    lost: int = 0
    """Finished trials that were gone, or written again, after a kill."""
    left: int = 0
    """Workers left running."""
    leftovers: int = 0
    """Temporary files and folders in finished searches."""
    slowest: float = 0.0
    """Longest time in seconds from a parent's death to that of its last worker."""
    complaints: list[str] = field(default_factory=list)


class Campaign:
    """Searches of one space, each in a folder of its own."""

    def __init__(self, folder: Path, seed: int, life: float = LIFE) -> None:
        self.folder = folder
        self.life = life
        self.random = random.Random(seed)
        self.outcome = Outcome()
        began = time.monotonic()
        code, _, complaint = searching.run(*SEARCH, "--out", str(folder / "reference"), SLOW=SLOW)
        if code:
            raise RuntimeError(complaint)
        self.duration = time.monotonic() - began
        self.wanted = searching.table(folder / "reference")

    def run(self, workers: int, parents: int) -> Outcome:
        """Kill so many of each, and bring every started search to its end."""
        outcome = self.outcome
        while outcome.workers < workers or outcome.parents < parents:
            self._search(workers, parents)
        return outcome

    def _search(self, workers: int, parents: int) -> None:
        folder = self.folder / f"search-{self.outcome.searches + 1}"
        while True:
            process = searching.start(*SEARCH, "--out", str(folder), SLOW=SLOW)
            rest = self.outcome.parents < parents
            # Now and then a whole call in which nobody but workers dies.
            until = self.random.uniform(0.2, 1.2) * self.duration if rest else 10 * self.duration
            self._live(process, folder, until, workers)
            if process.poll() is None:
                self._end(process, folder)
                continue
            _, complaint = process.communicate()
            if process.returncode == 0:
                break
            if process.returncode != 5 or "is skipped" not in complaint:
                self.outcome.complaints.append(f"exit code {process.returncode}: {complaint}")
                break
        self._compare(folder)

    def _live(
        self, process: subprocess.Popen[str], folder: Path, until: float, workers: int
    ) -> None:
        """Let a search run for a while, and kill workers of it at random instants."""
        end = time.monotonic() + until
        while time.monotonic() < end:
            pause = min(self.random.uniform(0.3, 2.0), max(0.0, end - time.monotonic()))
            with suppress(subprocess.TimeoutExpired):
                process.wait(pause)
                return
            if self.outcome.workers < workers:
                before = kept(folder)
                victims = searching.workers(process.pid)
                if victims:
                    with suppress(ProcessLookupError):
                        kill(self.random.choice(victims), signal.SIGKILL)
                        self.outcome.workers += 1
                self._look(folder, before)

    def _end(self, process: subprocess.Popen[str], folder: Path) -> None:
        """Kill the parent, and see its workers end."""
        before = kept(folder)
        workers = searching.workers(process.pid)
        process.kill()
        began = time.monotonic()
        self.outcome.parents += 1
        process.communicate()
        ended = searching.wait_for(lambda: not any(map(searching.alive, workers)), 10 * self.life)
        took = time.monotonic() - began
        self.outcome.slowest = max(self.outcome.slowest, took)
        if not ended or took > self.life:
            self.outcome.left += sum(map(searching.alive, workers))
            self.outcome.complaints.append(f"workers lived on for {took:.1f} s")
        self._look(folder, before)

    def _look(self, folder: Path, before: dict[Path, Any]) -> None:
        """Count what was finished before and is not the same file now."""
        now = kept(folder)
        self.outcome.lost += sum(now.get(path) != file for path, file in before.items())

    def _compare(self, folder: Path) -> None:
        self.outcome.searches += 1
        if searching.table(folder) == self.wanted:
            self.outcome.identical += 1
        else:
            self.outcome.complaints.append(f"{folder.name} has another table")
        self.outcome.leftovers += sum(".tmp" in path.name for path in folder.rglob("*"))


def kept(folder: Path) -> dict[Path, int]:
    """The files of finished trials: path → the number of the file there."""
    return {path: path.stat().st_ino for path in folder.glob("trials/[0-9]*/*")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--parents", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), chosen.seed)
        print(f"an undisturbed search takes {campaign.duration:.1f} s", flush=True)
        outcome = campaign.run(chosen.workers, chosen.parents)
    print(
        f"workers killed: {outcome.workers}, parents killed: {outcome.parents}\n"
        f"searches brought to their end: {outcome.searches}, with the undisturbed table: "
        f"{outcome.identical}\n"
        f"finished trials lost: {outcome.lost}, workers left running: {outcome.left} (the last "
        f"ended {outcome.slowest:.2f} s after its parent), temporary files left: "
        f"{outcome.leftovers}"
    )
    for complaint in outcome.complaints:
        print(f"WRONG: {complaint}")
    wrong = outcome.complaints or outcome.lost or outcome.left or outcome.leftovers
    sys.exit(bool(wrong) or outcome.identical != outcome.searches)


if __name__ == "__main__":
    main()
