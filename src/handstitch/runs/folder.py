"""What is where in a run's folder, and the tables that people read there.

config.toml              every setting, resolved; can be fed back
history.csv              one line per epoch
weights/best.safetensors the network of the best epoch
weights/last.safetensors everything a run needs to go on; beside it the one before
summary.json             what came out, on which data and machine
test/log.json            every test evaluation, and its result
train.log · README.md    the same for people
origin.json              of a search's winner: which search it was
report.html              the whole run on one page, for people too
curves.png · confusion_matrix.png · weights.png   its pictures beside it
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch.errors import MachineError, ModelFileError, UsageError
from handstitch.model.unsupported import require_current
from handstitch.records import EpochRecord

RUNS: Final = Path("runs")
"""Where runs go that are not told where to go."""
CONFIG: Final = "config.toml"
BEST: Final = Path("weights", "best.safetensors")
LAST: Final = Path("weights", "last.safetensors")
HISTORY: Final = "history.csv"
SUMMARY: Final = "summary.json"
LOG: Final = "train.log"
CARD: Final = "README.md"
CURVES: Final = "curves.png"
CONFUSION: Final = "confusion_matrix.png"
WEIGHTS: Final = "weights.png"
PAGE: Final = "report.html"


def newest(parent: Path = RUNS) -> Path:
    """The run that was begun last. Raises UsageError if there is none."""
    found = [each.parent for each in parent.glob(f"*/{CONFIG}")]
    if not found:
        raise UsageError(
            "there is no run yet",
            found=f"no run in the folder {parent}",
            wanted="a run to read",
            fix="train one: handstitch train; or name one that is elsewhere",
        )
    return max(found, key=lambda folder: ((folder / CONFIG).stat().st_mtime_ns, folder.name))


def require_run(folder: Path) -> None:
    """Raise UsageError unless this folder is a run, ModelFileError if it is of before 0.1."""
    require_current(folder / CONFIG, "run")
    if not (folder / CONFIG).is_file():
        names = sorted(str(each.parent) for each in RUNS.glob(f"*/{CONFIG}"))
        raise UsageError(
            "this is not a run",
            folder=folder,
            found=f"no {CONFIG} in it"
            if folder.is_dir()
            else ("a file" if folder.exists() else "no such folder"),
            wanted="a folder made by handstitch train",
            fix=f"name one of: {', '.join(names)}" if names else "train one: handstitch train",
        )


def weights_of(path: Path, which: str = "best") -> Path:
    """The model file that a path means: itself, or the best or last weights of the run there."""
    if not path.is_dir():
        return path
    require_run(path)
    return path / (BEST if which == "best" else LAST)


def run_of(path: Path) -> Path | None:
    """The run that a path means or lies in as one of its weights; None for any other file."""
    folder = path if path.is_dir() else path.parent.parent
    is_own = path.is_dir() or path.parent.name == BEST.parent.name
    return folder if is_own and (folder / CONFIG).is_file() else None


@contextmanager
def with_resume_hint(folder: Path) -> Iterator[None]:
    """Within, a MachineError says how the run is gone on with once its cause is mended."""
    try:
        yield
    except MachineError as error:
        fix = f"mend that, then go on with the run: {_resuming(folder)}"
        raise MachineError(error.problem, **{**error.facts, "fix": fix}) from error


@contextmanager
def with_weights_hint(path: Path, which: str) -> Iterator[None]:
    """Within, an error about the weights of the run at `path` says how to have others."""
    try:
        yield
    except ModelFileError as error:
        if path.is_dir():
            other = "last" if which == "best" else "best"
            error.facts["fix"] = (
                f"have them written anew by going on with the run: {_resuming(path)}\n"
                f"or take its {other} weights: --weights {other}"
            )
        raise


def _resuming(folder: Path) -> str:
    return f"handstitch train --resume {shlex.quote(str(folder))}"


def line(record: EpochRecord) -> str:
    """An epoch in the course report's wording, then `best` where it is."""
    best = ", best" if record.is_best else ""
    return (
        f"Epoch {record.epoch}, Train Loss: {record.train_loss:.4f}, "
        f"Val Loss: {record.val_loss:.4f}, Val Accuracy: {record.val_accuracy:.4f}{best}"
    )


def history_csv(history: list[EpochRecord]) -> str:
    """The records as a table with a header; numbers are written exactly."""
    text = io.StringIO()
    table = csv.DictWriter(text, EpochRecord.__struct_fields__, lineterminator="\n")
    table.writeheader()
    table.writerows(msgspec.structs.asdict(record) for record in history)
    return text.getvalue()


def read_records(folder: Path) -> list[EpochRecord]:
    """The epochs in history.csv; none if a line of it cannot be read.

    The table is for people and for the seconds, which a state must not hold. Nothing that
    decides the arithmetic is read from it.
    """
    try:
        rows = csv.DictReader(io.StringIO((folder / HISTORY).read_text(encoding="utf-8")))
        return [msgspec.convert(row, EpochRecord, strict=False) for row in rows]
    except (OSError, ValueError, TypeError, csv.Error):
        return []


def timeless_records(path: Path, history: Sequence[Mapping[str, Any]]) -> list[EpochRecord]:
    """The epochs that the model file `path` tells of; it knows no seconds, so they are 0.

    Raises ModelFileError if they are not epochs.
    """
    try:
        return msgspec.convert(history, list[EpochRecord])
    except msgspec.ValidationError as error:
        raise ModelFileError(
            "the history in this file makes no sense",
            file=path,
            found=str(error),
            wanted="one record for each epoch, as Handstitch writes them",
            fix="give another file, or train again",
        ) from error
