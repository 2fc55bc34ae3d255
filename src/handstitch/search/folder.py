"""The folder of a search.

search.json              search space, configuration, digest of the data
study.db                 Optuna study, unless a database is named
trials/0003/trial.json   one finished trial: every epoch, seconds, threads
           config.toml   its configuration: handstitch train --config trains it again
           history.csv   its epochs as a table
           best.safetensors  the network of its best epoch

A trial's folder gets its name when it is complete: it is there and finished, or it is not there.
So the folder alone says what remains to be done; the study is written from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from handstitch import storage
from handstitch.config.messages import format_value, pretty_json
from handstitch.config.schema import (
    check_names,
    convert_values,
    field_types,
    format_python,
    from_mapping,
)
from handstitch.config.toml import to_toml
from handstitch.errors import Argument, Call, MachineError, Phrase, UsageError, listed
from handstitch.records import Trial, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs.history import history_csv
from handstitch.search import space
from handstitch.search.plan import SearchPlan

SEARCH: Final = "search.json"
STUDY: Final = "study.db"
TRIALS: Final = "trials"
TRIAL: Final = "trial.json"
BEST: Final = "best.safetensors"

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class SearchDescription(msgspec.Struct, frozen=True, kw_only=True):
    """The content of search.json."""

    format: Literal[2] = 2
    """Version of the folder's layout and of the names in its files."""
    plan: SearchPlan
    data_digest: str
    study: str
    """The study's name: no two searches share one, whatever database holds them."""
    notice: str = ""
    """Why the data are `sketch` although nobody asked for it; else empty."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search as read from its folder, with its finished trials in order of their numbers."""

    folder: Path
    description: SearchDescription
    trials: list[Trial]

    @property
    def plan(self) -> SearchPlan:
        """Candidates, seeds and fixed settings."""
        return self.description.plan

    @property
    def is_over(self) -> bool:
        """Whether every trial is finished."""
        return len(self.trials) == self.plan.trials

    def trial_folder(self, trial: Trial) -> Path:
        """The folder of a finished trial."""
        return storage.inside(self.folder, Path(TRIALS, f"{trial.number:04d}"))

    def grow(self, candidates: int) -> Search:
        """The search with so many candidates; `write_plan` makes it the one in the folder."""
        plan = msgspec.structs.replace(self.plan, candidates=candidates)
        return replace(self, description=msgspec.structs.replace(self.description, plan=plan))

    def write_plan(self) -> None:
        """Write the description, which has more candidates than the one in the folder."""
        storage.write(storage.inside(self.folder, SEARCH), pretty_json(self.description))

    def keep(self, trial: Trial, best: bytes) -> None:
        """Write a finished trial, wholly or not at all. `best` is its model file, empty if none."""
        config = self.plan.config_of(trial.parameters, trial.repeat)
        files = {
            run_folder.CONFIG: to_toml(config).encode(),
            run_folder.HISTORY: history_csv(trial.history).encode(),
            TRIAL: pretty_json(trial),
        }
        storage.create_folder(self.trial_folder(trial), files | ({BEST: best} if best else {}))


def load(folder: str | Path) -> Search:
    """The search in a folder, with its finished trials.

    Raises UsageError if there is no search, MachineError if its files are damaged.
    """
    folder = Path(folder)
    description = read_description(folder)
    trials = [
        _read(file, Trial, partial(_check_trial, file.parent.name, description.plan))
        for entry in storage.inside(folder, TRIALS).glob("[0-9]*")
        if (file := storage.inside(folder, Path(TRIALS, entry.name, TRIAL))).exists()
    ]
    return Search(folder, description, sorted(trials, key=lambda trial: trial.number))


def is_search(folder: Path) -> bool:
    """Whether the folder is that of a search."""
    return storage.inside(folder, SEARCH).is_file()


def read_description(folder: Path) -> SearchDescription:
    """The description of the search in a folder. Raises as `load`."""
    if not is_search(folder):
        names = sorted(str(file.parent) for file in run_folder.RUNS.glob(f"*/{SEARCH}"))
        raise UsageError(
            "this is not a search",
            file=folder,
            found=f"no {SEARCH} in it" if folder.is_dir() else "no such folder",
            wanted="the folder of a search",
            fix=f"name one of: {listed(names)}"
            if names
            else Phrase("start one: {}", Call("search.run")),
        )
    return _read(folder / SEARCH, SearchDescription, _check_description)


def create(plan: SearchPlan, out: str | Path | None, data_digest: str, notice: str) -> Path:
    """Create the folder of a search, `out` or the next free runs/search-N, and return its path.

    Raises UsageError if another file or folder has this name, MachineError if writing fails.
    """
    stem = Path(out).absolute().name if out else "search-sketch" if notice else "search"
    description = SearchDescription(
        plan=plan,
        data_digest=data_digest,
        study=f"{stem}-{secrets.token_hex(4)}",
        notice=notice,
    )
    files = {SEARCH: pretty_json(description)}
    if out is None:
        return storage.new_folder(run_folder.RUNS, stem, files)
    return storage.create_folder(out, files)


def require_same(folder: Path, found: SearchPlan, wanted: SearchPlan) -> None:
    """Raise UsageError unless the search in a folder, `found`, is the one that is `wanted`.

    What is `auto` in `wanted` counts as resolved when that search was started.
    """
    then, now = _words(found), _words(wanted)
    if names := [name for name in now if now[name] not in {then[name], "auto"}]:
        raise UsageError(
            "this folder holds another search",
            file=folder,
            found=listed([f"{name} {then[name]}" for name in names], 3),
            wanted=listed([f"{name} {now[name]}" for name in names], 3),
            fix=Phrase(
                "start a new one: {}\nor resume that one: {}",
                Argument("out", storage.free_name(folder)),
                Call("search.run", Argument("out", folder)),
            ),
        )


def _words(plan: SearchPlan) -> dict[str, str]:
    """All that decides the trials, by name, as typed."""
    rest = ("kind", "candidates", "seeds", "pruning", "default_rate")
    return {
        **{name: format_value(value) for name, value in plan.config.items()},
        **{name: space.described(axis) for name, axis in plan.parameters.items()},
        **{name: format_value(getattr(plan, name)) for name in rest},
    }


def _check_description(description: SearchDescription) -> None:
    plan = description.plan
    if plan.config.keys() != field_types().keys():
        raise ValueError("settings are missing or unknown")
    from_mapping(plan.config, "plan")
    check_names(plan.parameters, "plan")
    for values in space.extremes(plan.parameters):
        convert_values(values, format_python)


def _check_trial(folder: str, plan: SearchPlan, trial: Trial) -> None:
    """Raise ValueError unless this trial is the one that its folder and the plan say."""
    epochs = [record.epoch for record in trial.history]
    if (
        trial.number >= plan.trials
        or folder != f"{trial.number:04d}"
        or (trial.candidate, trial.repeat) != divmod(trial.number, plan.seeds)
        or trial.parameters.keys() != plan.parameters.keys()
        or epochs != list(range(1, len(epochs) + 1))
        or (trial.state == "complete" and not (best_epoch(trial.history) and trial.val_images))
    ):
        raise ValueError("a trial that contradicts the search, its folder or its own history")
    convert_values(trial.parameters, format_python)


def _read(file: Path, kind: type[_Struct], check: Callable[[_Struct], None]) -> _Struct:
    try:
        record = storage.read_record(file, kind)
        check(record)
    except (OSError, ValueError, UsageError) as error:
        raise MachineError(
            "a file of this search cannot be read",
            file=file,
            found=f"{error.problem} ({error.found})"
            if isinstance(error, UsageError)
            else getattr(error, "strerror", None) or str(error),
            wanted="the file as it was written",
            fix="restore it; or remove the trial's folder, and the same command trains it again"
            if file.name == TRIAL
            else "restore it from a copy",
        ) from None
    return record
