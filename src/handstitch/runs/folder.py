"""Run folder: the names of its files.

config.toml              every setting, resolved; can be fed back
history.csv              one line per epoch
weights/best.safetensors the network of the best epoch
weights/last.safetensors the state, to resume from; beside it a backup
weights/start.safetensors  the model it started from, if it did; start.json has its name
summary.json             results, data, build and machine
test/log.json            every test evaluation, and its result
train.log · README.md    the same for people
validation.json          the set of their own that it is validated on, if it is
origin.json              the search that chose the settings, if one did
report.html              the whole run on one page
curves.png · confusion_matrix.png · weights.png   its pictures beside it
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from handstitch import storage
from handstitch.errors import Argument, Call, ModelFileError, Phrase, UsageError, listed
from handstitch.model.classifier import Classifier

RUNS: Final = Path("runs")
"""Parent folder of runs without --out."""
CONFIG: Final = "config.toml"
BEST: Final = Path("weights", "best.safetensors")
LAST: Final = Path("weights", "last.safetensors")
START: Final = Path("weights", "start.safetensors")
STARTED_FROM: Final = "start.json"
VALIDATION: Final = "validation.json"
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
            fix=Phrase("train one: {}; or give the path of another", Call("train")),
        )
    return max(found, key=lambda folder: ((folder / CONFIG).stat().st_mtime_ns, folder.name))


def require_run(folder: Path) -> None:
    """Raise UsageError unless this folder is a run."""
    settings = storage.inside(folder, CONFIG)
    if not settings.is_file():
        names = known()
        raise UsageError(
            "this is not a run",
            file=folder,
            found=f"no {CONFIG} in it"
            if folder.is_dir()
            else ("a file" if folder.exists() else "no such folder"),
            wanted="the folder of a run",
            fix=f"name one of: {names}" if names else Phrase("train one: {}", Call("train")),
        )


def load(path: str | Path, weights: str = "best") -> Classifier:
    """The trained network of a run folder (best or last weights) or of a model file."""
    path = Path(path)
    if not path.exists() and (names := known()):
        raise ModelFileError(
            "there is no such model file or run",
            file=path,
            wanted="the folder of a run, or a model file",
            fix=f"name one of: {names}",
        )
    if not path.is_dir():
        return Classifier.load(path)
    require_run(path)
    try:
        return Classifier.load(storage.inside(path, BEST if weights == "best" else LAST), weights)
    except ModelFileError as error:
        other = "last" if weights == "best" else "best"
        fix = Phrase(
            f"resume the run, which restores them: {{}}\nor use its {other} weights: {{}}",
            Call("resume", path),
            Argument("weights", other),
        )
        raise replace(error, fix=fix) from error


def run_of(path: Path) -> Path | None:
    """The run folder that a path is, or whose weights it is; None for any other path."""
    folder = path if path.is_dir() else path.parent.parent
    is_own = path.is_dir() or path.parent.name == BEST.parent.name
    return folder if is_own and storage.inside(folder, CONFIG).is_file() else None


def known() -> str:
    """The runs there are, in few words; empty if there is none."""
    return listed(sorted(str(file.parent) for file in RUNS.glob(f"*/{CONFIG}")))
