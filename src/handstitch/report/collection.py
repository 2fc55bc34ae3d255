"""All runs below a folder: what is read of each for a comparison at a glance, and their recipes.

Only small files are read: settings, summary, history and test log, and the weights of a run that
was tested, whose digest says which figures are theirs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from handstitch import search as searches
from handstitch import storage
from handstitch.config import Config
from handstitch.config.messages import format_value
from handstitch.config.schema import NOT_OF_A_RECIPE
from handstitch.config.toml import read_config
from handstitch.errors import Call, HandstitchError, Phrase, UsageError
from handstitch.model import load_model
from handstitch.records import EpochRecord, Evaluation, RunSummary, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from handstitch.runs.history import recorded_epochs
from handstitch.search.folder import SEARCH, Search
from handstitch.search.ranking import interval_over_seeds
from handstitch.search.statistics import Interval
from handstitch.training import weights_digest

_DEEPEST: Final = 5
"""Levels of folders below the one named."""


@dataclass(frozen=True, slots=True, eq=False)
class ListedRun:
    """A run, as far as its small files tell."""

    name: str
    """Its path from the folder named."""
    folder: Path
    config: Config
    history: list[EpochRecord]
    summary: RunSummary | None
    """None until the run is finished."""
    tested: Evaluation | None
    """The last test evaluation of its best weights."""
    tests: int
    """Test evaluations in its log, of whatever weights."""

    @property
    def is_finished(self) -> bool:
        """Whether it has trained all its epochs."""
        return self.summary is not None or len(self.history) >= self.config.epochs

    @property
    def validated(self) -> float | None:
        """Validation accuracy of the epoch whose weights are kept; None without validation."""
        best = best_epoch(self.history)
        recorded = self.summary.best_val_accuracy if self.summary else None
        return best.val_accuracy if best else recorded

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy of the same weights; None before they were tested."""
        return self.tested.accuracy if self.tested else None

    @property
    def dataset(self) -> str:
        """The data set that it was trained on."""
        return self.summary.dataset if self.summary else self.config.dataset

    @property
    def settings(self) -> dict[str, str]:
        """Setting → its value as typed."""
        return {name: format_value(value) for name, value in self.config.to_dict().items()}

    @property
    def origin(self) -> tuple[str, ...] | None:
        """What decides a run besides its settings: data and starting point; None if unfinished."""
        if self.summary is None:
            return None
        return self.summary.data_digest, self.summary.validation_set, self.summary.start_digest


@dataclass(slots=True, eq=False)
class Collection:
    """What is below a folder."""

    folder: Path
    runs: list[ListedRun] = field(default_factory=list)
    searches: list[tuple[str, Search]] = field(default_factory=list)
    """(path from the folder named, search)."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(path from the folder named, what is wrong with it): of runs and searches."""
    foreign: list[str] = field(default_factory=list)
    """Folders in which there is neither a run nor a search."""


class Mean(NamedTuple):
    """The mean accuracy of a recipe over its seeds."""

    accuracy: float
    interval: Interval | None
    """95 %, Student's t over the seeds; None for fewer than three."""
    seeds: int


def collect(folder: Path) -> Collection:
    """Everything below `folder`, five levels deep; no link is followed, no hidden folder opened.

    What cannot be read is noted in `problems`. Raises UsageError if there is neither a run nor a
    search.
    """
    if (folder / run_folder.CONFIG).is_file() or (folder / SEARCH).is_file():
        kind = "search" if (folder / SEARCH).is_file() else "run"
        raise UsageError(
            f"this is one {kind}, not a folder of runs",
            file=folder,
            wanted="a folder that holds runs",
            fix=Phrase("for this one: {}", Call("report.make", folder)),
        )
    found = Collection(folder)
    if folder.is_dir():
        _visit_all(folder, 1, found)
    if not (found.runs or found.searches or found.problems):
        raise UsageError(
            "there is no run below this folder",
            file=folder,
            found=("no run in it" if folder.is_dir() else "no such folder"),
            wanted="a folder that holds runs",
            fix=Phrase("train one: {}", Call("train")),
        )
    return found


def recipes(runs: Sequence[ListedRun]) -> list[list[ListedRun]]:
    """Runs that differ in nothing but their seeds, threads and backend.

    Of an unfinished run, data and starting point are unknown: it joins those with its settings
    if they agree in these.
    """
    alike: dict[tuple[str, ...], list[ListedRun]] = {}
    for run in runs:
        values = run.settings.items()
        key = tuple(value for name, value in values if name not in NOT_OF_A_RECIPE)
        alike.setdefault(key, []).append(run)
    found = []
    for group in alike.values():
        origins = dict.fromkeys(run.origin for run in group)
        if len(set(origins) - {None}) <= 1:
            found.append(group)
        else:
            found += [[run for run in group if run.origin == origin] for origin in origins]
    return found


def mean_over_seeds(
    runs: Sequence[ListedRun], accuracy: Callable[[ListedRun], float | None]
) -> Mean | None:
    """The mean over the seeds of finished runs; None for fewer than two seeds.

    Runs with one seed are no independent repetitions, and count as their mean.
    """
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        value = accuracy(run)
        if run.is_finished and value is not None:
            by_seed.setdefault(run.config.seed, []).append(value)
    values = [sum(each) / len(each) for each in by_seed.values()]
    if len(values) < 2:
        return None
    return Mean(sum(values) / len(values), interval_over_seeds(values), len(values))


def _visit_all(folder: Path, depth: int, found: Collection) -> bool:
    """Visit the folders in `folder`, by name; whether a run or a search is in one.

    If so, or if it is the folder named, those with neither are foreign.
    """
    inner: list[Path] = []
    with _noting(_name(folder, found), found), os.scandir(folder) as entries:
        inner += sorted(
            Path(entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        )
    visited = {path: _visit(path, depth, found) for path in inner}
    if any(visited.values()) or folder == found.folder:
        found.foreign += [_name(path, found) for path in inner if not visited[path]]
    return any(visited.values())


def _visit(folder: Path, depth: int, found: Collection) -> bool:
    """Read a folder into `found`; whether a run or a search is in it, sound or not."""
    name, is_ours = _name(folder, found), True
    with _noting(name, found):
        if searches.is_search(folder):
            found.searches.append((name, searches.load(folder)))
        elif storage.inside(folder, run_folder.CONFIG).is_file():
            found.runs.append(_read_run(name, folder, found))
        else:
            is_ours = depth < _DEEPEST and _visit_all(folder, depth + 1, found)
    return is_ours


def _name(folder: Path, found: Collection) -> str:
    return folder.relative_to(found.folder).as_posix()


def _read_run(name: str, folder: Path, found: Collection) -> ListedRun:
    path = folder / run_folder.CONFIG
    config = read_config(path)
    summary, tested, tests = None, None, 0
    history: list[EpochRecord] = []
    with _noting(name, found), suppress(FileNotFoundError):
        summary = storage.read_record(storage.inside(folder, run_folder.SUMMARY), RunSummary)
    with _noting(name, found):
        history = recorded_epochs(folder)
    with _noting(name, found):
        log = test_log.read(folder)
        tests = len(log.evaluations)
        if log.latest:
            model = load_model(storage.inside(folder, run_folder.BEST))
            evaluation = log.latest.get(weights_digest(model.parameters.vector))
            tested = evaluation if evaluation and evaluation.part == "test" else None
    return ListedRun(name, folder, config, history, summary, tested, tests)


@contextmanager
def _noting(name: str, found: Collection) -> Iterator[None]:
    """A context in which an error is noted, and stops nothing."""
    try:
        yield
    except HandstitchError as error:
        details = f" ({error.found})" if error.found else ""
        found.problems.append((name, error.problem + details))
    except (OSError, ValueError) as error:
        found.problems.append((name, getattr(error, "strerror", None) or str(error)))
