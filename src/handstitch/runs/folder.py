"""Run folder: the names of its files.

config.toml              every setting, resolved; can be fed back
history.csv              one line per epoch
weights/best.safetensors the network of the best epoch
weights/last.safetensors the state, to resume from; beside it a backup
summary.json             results, data, build and machine
test/log.json            every test evaluation, and its result
train.log · README.md    the same for people
origin.json              the search that chose the settings, if one did
report.html              the whole run on one page
curves.png · confusion_matrix.png · weights.png   its pictures beside it
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from handstitch.errors import HandstitchError, ModelFileError, UsageError
from handstitch.model.classifier import Classifier
from handstitch.model.unsupported import require_current

RUNS: Final = Path("runs")
"""Parent folder of runs without --out."""
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
    """The run that was started last. Raises UsageError if there is none."""
    found = [file.parent for file in parent.glob(f"*/{CONFIG}")]
    if not found:
        raise UsageError(
            "there is no run yet",
            found=f"no run in the folder {parent}",
            wanted="a run to read",
            fix="train one: handstitch train; or give the path of another",
        )
    return max(found, key=lambda folder: ((folder / CONFIG).stat().st_mtime_ns, folder.name))


def require_run(folder: Path) -> None:
    """Raise UsageError unless this folder is a run, ModelFileError if it is of before 0.1."""
    require_current(folder / CONFIG, "run")
    if not (folder / CONFIG).is_file():
        names = sorted(str(file.parent) for file in RUNS.glob(f"*/{CONFIG}"))
        raise UsageError(
            "this is not a run",
            folder=folder,
            found=f"no {CONFIG} in it"
            if folder.is_dir()
            else ("a file" if folder.exists() else "no such folder"),
            wanted="a folder made by handstitch train",
            fix=f"name one of: {', '.join(names)}" if names else "train one: handstitch train",
        )


def load(path: str | Path, weights: str = "best") -> Classifier:
    """The trained network of a run folder (best or last weights) or of a model file."""
    path = Path(path)
    if not path.is_dir():
        return Classifier.load(path)
    other = "last" if weights == "best" else "best"
    fix = (
        f"resume the run, which restores them: {resume_command(path)}\n"
        f"or use its {other} weights: --weights {other}"
    )
    require_run(path)
    with with_fix(ModelFileError, fix):
        return Classifier.load(path / (BEST if weights == "best" else LAST), weights)


def run_of(path: Path) -> Path | None:
    """The run folder that a path is, or whose weights it is; None for any other path."""
    folder = path if path.is_dir() else path.parent.parent
    is_own = path.is_dir() or path.parent.name == BEST.parent.name
    return folder if is_own and (folder / CONFIG).is_file() else None


@contextmanager
def with_fix(kind: type[HandstitchError], fix: str) -> Iterator[None]:
    """Within, an error of this kind gets another fix."""
    try:
        yield
    except kind as error:
        error.facts["fix"] = fix
        raise


def resume_command(folder: Path) -> str:
    """The command that resumes a run."""
    return f"handstitch train --resume {shlex.quote(str(folder))}"
