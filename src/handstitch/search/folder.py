"""What is where in a search's folder.

search.json              what is searched, and on which data
study.db                 Optuna's study of it, unless a database is named
trials/0003/trial.json   one finished trial: every epoch, seconds, threads
           settings.toml its configuration: handstitch train --config trains it again
           history.csv   its epochs as a table
           best.safetensors  the network of its best epoch

A trial's folder takes its name when it is complete: it is there and finished, or it is not there.
So the folder alone says what is still to be done; the study is written from it.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from handstitch import storage
from handstitch.config.messages import format_value
from handstitch.config.toml import to_toml
from handstitch.errors import MachineError, UsageError
from handstitch.model.unsupported import require_current
from handstitch.records import Trial
from handstitch.runs import folder as run_folder
from handstitch.search import space
from handstitch.search.plan import Spec
from handstitch.search.space import Axis

SEARCH: Final = "search.json"
STUDY: Final = "study.db"
TRIALS: Final = "trials"
TRIAL: Final = "trial.json"
BEST: Final = "best.safetensors"
SETTINGS: Final = "settings.toml"

_Kind = TypeVar("_Kind", bound=msgspec.Struct)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What search.json holds."""

    spec: Spec
    data_digest: str
    study: str
    """The study's name: no two searches share one, in whatever database they are shown."""
    notice: str = ""
    """Why the data are `sketch` although nobody asked for it; else empty."""
    format: Literal[2] = 2
    """1 was written before Handstitch 0.1."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search as it stands in its folder: its finished trials, by number."""

    folder: Path
    description: Description
    trials: list[Trial]

    @property
    def spec(self) -> Spec:
        """What decides the trials."""
        return self.description.spec

    @property
    def parameters(self) -> Mapping[str, Axis]:
        """What is searched: key of Config → values, or a range."""
        return self.spec.parameters

    @property
    def seeds(self) -> int:
        """Trials of each setting."""
        return self.spec.seeds

    @property
    def kind(self) -> str:
        """`grid`, `random` or `tpe`."""
        return self.spec.kind

    @property
    def pruning(self) -> str:
        """`none`, `halving` or `median`."""
        return self.spec.pruning

    @property
    def is_over(self) -> bool:
        """Whether every trial is finished."""
        return len(self.trials) == self.spec.trials

    def trial_folder(self, trial: Trial) -> Path:
        """Where a trial's files are, once it is finished."""
        return self.folder / TRIALS / f"{trial.number:04d}"

    def keep(self, trial: Trial, best: bytes) -> None:
        """Keep a finished trial, wholly or not at all. `best` is its model file; empty for none."""
        config = self.spec.config_of(trial.parameters, trial.repeat)
        files = {
            SETTINGS: to_toml(config).encode(),
            run_folder.HISTORY: run_folder.history_csv(trial.history).encode(),
            BEST: best,
            TRIAL: as_json(trial),
        }
        if not best:
            del files[BEST]
        storage.create_folder(self.trial_folder(trial), files)


def load(folder: str | Path) -> Search:
    """The search in a folder, with the trials that are finished.

    Raises UsageError if none is there, MachineError if its files are damaged.
    """
    folder = Path(folder)
    description = read_description(folder)
    trials = [_read(file, Trial) for file in sorted(folder.glob(f"{TRIALS}/[0-9]*/{TRIAL}"))]
    return Search(folder, description, sorted(trials, key=lambda trial: trial.number))


def is_search(folder: Path) -> bool:
    """Whether a search was begun in this folder."""
    return (folder / SEARCH).is_file()


def read_description(folder: Path) -> Description:
    """What is searched in a folder. Raises as `load`."""
    if not is_search(folder):
        names = sorted(str(each.parent) for each in run_folder.RUNS.glob(f"*/{SEARCH}"))
        raise UsageError(
            "this is not a search",
            folder=folder,
            found=f"no {SEARCH} in it" if folder.is_dir() else "no such folder",
            wanted="a folder made by handstitch search",
            fix=f"name one of: {', '.join(names)}" if names else "begin one: handstitch search",
        )
    require_current(folder / SEARCH, "search")
    return _read(folder / SEARCH, Description)


def create(spec: Spec, out: str | Path | None, data_digest: str, notice: str) -> Path:
    """Make a search's folder, `out` or the next free runs/search-N, and say which it is.

    Raises UsageError if something is in the way, MachineError if the machine is.
    """
    stem = Path(out).absolute().name if out else "search-sketch" if notice else "search"
    name = f"{stem}-{secrets.token_hex(4)}"
    description = Description(spec=spec, data_digest=data_digest, study=name, notice=notice)
    files = {SEARCH: as_json(description)}
    if out is None:
        return storage.new_folder(run_folder.RUNS, stem, files)
    return storage.create_folder(out, files)


def require_same(folder: Path, found: Spec, wanted: Spec) -> None:
    """Raise UsageError unless the search in a folder, `found`, is the one that is `wanted`.

    What is `auto` in `wanted` is as it was settled when that search was begun.
    """
    then, now = _words(found), _words(wanted)
    names = [name for name in now if now[name] not in {then[name], "auto"}]
    if names:
        more = f", and {len(names) - 3} more" if len(names) > 3 else ""
        raise UsageError(
            "this folder holds another search",
            folder=folder,
            found=", ".join(f"{name} {then[name]}" for name in names[:3]) + more,
            wanted=", ".join(f"{name} {now[name]}" for name in names[:3]) + more,
            fix=f"begin another: --out {shlex.quote(str(storage.free_name(folder)))}\n"
            f"or go on with that one: handstitch search --out {shlex.quote(str(folder))}",
        )


def _words(spec: Spec) -> dict[str, str]:
    """All that decides the trials, by name, as one would type it."""
    rest = {name: getattr(spec, name) for name in ("kind", "settings", "seeds", "pruning")}
    return {
        **{name: format_value(value) for name, value in spec.config.items()},
        **{name: space.described(axis) for name, axis in spec.parameters.items()},
        **{name: str(value) for name, value in rest.items()},
        "customary": str(spec.default_rate),
    }


def as_json(value: Any) -> bytes:
    """What is kept in a file, for people to read, too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _read(file: Path, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        found = error.strerror or str(error)
    except msgspec.DecodeError as error:
        found = str(error)
    raise MachineError(
        "a file of this search cannot be read",
        file=file,
        found=found,
        wanted="the file as handstitch search wrote it",
        fix="put it back; or remove the trial's folder, and the same command trains it again"
        if file.name == TRIAL
        else "put it back from a copy",
    )
