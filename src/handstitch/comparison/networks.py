"""The networks that paths stand for: runs, folders of runs, candidates of a search, model files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from handstitch import search as searches
from handstitch import storage
from handstitch.config import Config
from handstitch.config.schema import NOT_OF_A_RECIPE, from_mapping
from handstitch.errors import Argument, ConfigError, Phrase, UsageError, listed
from handstitch.model.classifier import Classifier
from handstitch.runs import folder as run_folder
from handstitch.search import Search, ranking
from handstitch.search.folder import BEST, TRIAL

_CANDIDATE: Final = re.compile(r"(.+):(\d+)")
"""SEARCH:NUMBER."""

Weights = Literal["best", "last"]


@dataclass(frozen=True, slots=True, eq=False)
class ComparedNetwork:
    """A trained network, and the folders in which its test evaluations are recorded."""

    name: str
    """Its path."""
    classifier: Classifier
    folders: tuple[Path, ...]
    """Its run and the search that it is from."""
    config: Config | None
    """What it was trained with; None of an imported network."""

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as plain values; empty if there is none."""
        return self.config.to_dict() if self.config else {}

    @property
    def seed(self) -> int | None:
        """None for an imported network."""
        return self.config.seed if self.config else None

    @property
    def recipe(self) -> dict[str, Any]:
        """The settings that networks of one recipe share."""
        return {name: x for name, x in self.settings.items() if name not in NOT_OF_A_RECIPE}


def find(path: str | Path, weights: Weights = "best") -> list[ComparedNetwork]:
    """The networks of a path.

    RUN, FILE      the network of a run's folder, or of a model file
    FOLDER         of each run in it
    SEARCH:NUMBER  of each finished trial of this candidate of a search
    SEARCH         of its winner
    SEARCH/trials/0003   of this trial

    Raises UsageError or ModelFileError where there is none.
    """
    path = Path(path)
    numbered = _CANDIDATE.fullmatch(str(path))
    if numbered and not path.exists() and searches.is_search(Path(numbered[1])):
        return _of_candidate(searches.load(numbered[1]), int(numbered[2]))
    if path.is_dir() and searches.is_search(path):
        found = searches.load(path)
        _, ranked = searches.winner(found)
        return _of_candidate(found, ranked.candidates[0].number)
    if path.is_dir() and not storage.inside(path, run_folder.CONFIG).is_file():
        runs = sorted(file.parent for file in path.glob(f"*/{run_folder.CONFIG}"))
        if runs:
            return [_load(run, weights) for run in runs]
    return [_load(path, weights)]


def _load(path: Path, weights: Weights) -> ComparedNetwork:
    name = str(path)
    if storage.inside(path, TRIAL).is_file():
        path = storage.inside(path, BEST)
        classifier = Classifier.load(path, "best")
    else:
        classifier = run_folder.load(path, weights)
    folders = run_folder.run_of(path), searches.search_of(path)
    config = None
    if classifier.model.config:
        with suppress(ConfigError):  # of another version
            config = from_mapping(classifier.model.config, name)
    return ComparedNetwork(name, classifier, tuple(filter(None, folders)), config)


def _of_candidate(search: Search, number: int) -> list[ComparedNetwork]:
    """The networks of the finished trials of a candidate."""
    finished = ranking.finished(search.trials)
    if number not in finished:
        numbers = [str(one) for one in finished]
        raise UsageError(
            f"this search has no finished trial of a candidate {number}",
            file=search.folder,
            found=f"candidate {number}",
            wanted=f"one of: {listed(numbers, 12)}" if numbers else "a finished trial",
            fix="its table candidates.csv has the numbers" if numbers else "resume the search",
        )
    return [_load(search.trial_folder(trial), "best") for trial in finished[number].values()]


def require_comparable(networks: Sequence[ComparedNetwork], *, is_other_data: bool) -> None:
    """Raise UsageError unless all have the same classes, the same inputs and the same data.

    With `is_other_data` they are compared on other data than they were trained on.
    """
    names = [each.classifier.model.class_names for each in networks]
    shapes = [each.classifier.model.image_shape for each in networks]
    digests = [each.classifier.model.data_digest for each in networks]
    datasets = [each.classifier.model.dataset for each in networks]
    first = next((one for one in digests if one), "")
    rules: list[tuple[str, Sequence[object], Sequence[str], str, str]] = [
        (
            "networks of different classes cannot be compared",
            names,
            [f"{len(own)} classes: {listed(own, 3)}" for own in names],
            "the same classes in the same order",
            "compare networks that were trained for the same task",
        ),
        (
            "networks of different inputs cannot be compared",
            shapes,
            [" × ".join(map(str, shape)) for shape in shapes],
            "images of the same size and colours, or the same features",
            "compare networks that were trained for the same task",
        ),
    ]
    if not is_other_data:
        rules.append(
            (
                "networks of different data sets have no images in common",
                [(name, one or first) for name, one in zip(datasets, digests, strict=True)],
                [
                    f"{name}{one and f' (SHA-256 {one[:8]}…)'}"
                    for name, one in zip(datasets, digests, strict=True)
                ],
                "networks that were trained on the same data",
                Phrase("name data whose test images count: {}", Argument("dataset", "PATH")),
            )
        )
    for problem, values, words, wanted, fix in rules:
        other = next((at for at, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            raise UsageError(
                problem,
                found="\n".join(f"{networks[at].name}: {words[at]}" for at in (0, other)),
                wanted=wanted,
                fix=fix,
            )
