"""The campaign: `make campaign` runs it at full length, the test suite a small one.

python -m tests.campaign.kills --kills 300 --signals 100
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    *("--dataset", "sketch", "--hidden", "96", "48", "--optimizer", "adam", "--dropout", "0.2"),
    *("--epochs", "5", "--batch-size", "32", "--schedule", "cosine", "--threads", "1"),
)
WEIGHTS = ("best.safetensors", "last.safetensors")


@dataclass
class Outcome:
    """What happened."""

    kills: int = 0
    aimed: int = 0
    """Kills that were put into the middle of a save."""
    runs: int = 0
    identical: int = 0
    """Runs whose weights are byte for byte those of the undisturbed one."""
    leftovers: int = 0
    """Temporary files in finished runs."""
    signals: int = 0
    right_codes: int = 0
    slowest: float = 0.0
    """Longest time in seconds from a signal to the end of the process."""
    complaints: list[str] = field(default_factory=list)


class Campaign:
    """Runs of one configuration in a folder of their own."""

    def __init__(self, folder: Path, seed: int, images: int = 12_000) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.images = images
        self.outcome = Outcome()
        self._number = 0
        began = time.monotonic()
        self._start(self.folder / "reference").wait()
        self.duration = time.monotonic() - began
        self.wanted = self._digests(self.folder / "reference")

    def kill(self, kills: int) -> Outcome:
        """Kill runs until there were so many kills; every third is aimed into a save."""
        while self.outcome.kills < kills:
            folder = self._next("killed")
            resume = False
            while True:
                finished = self._live_or_die(folder, resume, self.outcome.kills < kills)
                resume = (folder / "config.toml").exists()
                if finished:
                    break
            self._compare(folder)
        return self.outcome

    def ask(self, signals: int) -> Outcome:
        """Ask runs to stop by SIGINT and SIGTERM, and go on with them."""
        while self.outcome.signals < signals:
            folder = self._next("asked")
            resume = False
            while True:
                process = self._start(folder, resume)
                if self.outcome.signals >= signals:
                    self._ended_well(process)
                    break
                while process.poll() is None and not self._is_open(folder, resume):
                    time.sleep(0.005)
                time.sleep(self.random.uniform(0.1, 0.9) * self.duration / 2)
                number = self.random.choice([signal.SIGINT, signal.SIGTERM])
                began = time.monotonic()
                process.send_signal(number)
                code = process.wait()
                if code == 0:  # it was through already
                    break
                self.outcome.signals += 1
                self.outcome.slowest = max(self.outcome.slowest, time.monotonic() - began)
                # A signal that meets the program in its first instants ends it as the system
                # ends programs; a shell shows 128 + number for that, too.
                if code in {128 + number, -number}:
                    self.outcome.right_codes += 1
                else:
                    self.outcome.complaints.append(f"{number.name}: exit code {code}")
                resume = True
            self._compare(folder)
        return self.outcome

    def _live_or_die(self, folder: Path, resume: bool, deadly: bool) -> bool:
        """Start or resume a run, kill it somewhere; whether it reached its end."""
        aimed = deadly and self.outcome.kills % 3 == 2
        operation = self.random.choice([-1, 1]) * self.random.randint(1, 60) if aimed else 0
        process = self._start(folder, resume, operation)
        if deadly and not aimed:
            try:
                process.wait(self.random.uniform(0.05, 1.0) * self.duration)
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait()
        if code == -signal.SIGKILL:
            self.outcome.kills += 1
            self.outcome.aimed += aimed
            return False
        if code != 0:
            self.outcome.complaints.append(f"exit code {code} from {folder.name}")
        return True

    def _start(
        self, folder: Path, resume: bool = False, operation: int = 0
    ) -> subprocess.Popen[bytes]:
        place = ("--resume", folder) if resume else ("--out", folder, *SETTINGS)
        environment = {
            **{name: value for name, value in os.environ.items() if "HANDSTITCH" not in name},
            "CAMPAIGN_IMAGES": str(self.images),
            "CAMPAIGN_SAVE_EVERY": "0.1",
            "CAMPAIGN_DIE_AT": str(operation),
            "OPENBLAS_NUM_THREADS": "1",
        }
        with (self.folder / "stderr.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.campaign.child", "train", *place],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _ended_well(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if code != 0:
            self.outcome.complaints.append(f"exit code {code}")

    def _is_open(self, folder: Path, resume: bool) -> bool:
        """Whether a run is training: it saved at least once (a resumed one may have before)."""
        return resume or (folder / "weights" / "last.safetensors").exists()

    def _compare(self, folder: Path) -> None:
        self.outcome.runs += 1
        found = self._digests(folder)
        if found == self.wanted:
            self.outcome.identical += 1
        else:
            self.outcome.complaints.append(f"{folder.name}: {found} is not {self.wanted}")
        self.outcome.leftovers += sum(".tmp" in path.name for path in folder.rglob("*"))

    def _digests(self, folder: Path) -> list[str]:
        files = [folder / "weights" / name for name in WEIGHTS]
        return [
            hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "none"
            for file in files
        ]

    def _next(self, stem: str) -> Path:
        self._number += 1
        return self.folder / f"{stem}-{self._number}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--signals", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), chosen.seed)
        print(f"an undisturbed run takes {campaign.duration:.1f} s, start-up included", flush=True)
        campaign.kill(chosen.kills)
        outcome = campaign.ask(chosen.signals)
    print(
        f"kills: {outcome.kills} by SIGKILL, {outcome.aimed} of them aimed into a save\n"
        f"signals: {outcome.signals}, right exit code: {outcome.right_codes}, "
        f"slowest end {outcome.slowest:.2f} s after the signal\n"
        f"runs brought to their end: {outcome.runs}, byte-identical best and last weights: "
        f"{outcome.identical}, temporary files left: {outcome.leftovers}"
    )
    for complaint in outcome.complaints:
        print(f"WRONG: {complaint}")
    sys.exit(bool(outcome.complaints) or outcome.identical != outcome.runs)


if __name__ == "__main__":
    main()
