"""What is where in a search's folder.

search.json              what is searched, and on which data
study.db                 Optuna's study of it, unless a database was named
trials/0003/trial.json   one finished trial: every epoch, seconds, threads
           settings.toml its configuration: handstitch train --config trains it again
           history.csv   its epochs as a table
           best.safetensors  the network of its best epoch

A trial's folder takes its name when it is complete: it is there and finished, or it is not there.
So the folder alone says what is still to be done; the study is brought up to it.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from handstitch import run_folder, storage
from handstitch.config import Config, from_mapping
from handstitch.config_file import to_toml
from handstitch.errors import MachineError, UsageError
from handstitch.records import Trial
from handstitch.search.space import Axis
from handstitch.search.spec import Spec

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
    """The study's name: no two searches share one, wherever it is kept."""
    storage: str = ""
    """The database that keeps the study, without its password; empty: study.db beside this."""
    notice: str = ""
    """Why the data are `sketch` although nobody asked for it; else empty."""
    format: int = 1


@dataclass(frozen=True, slots=True)
class Search:
    """A search as it stands in its folder."""

    folder: Path
    description: Description
    trials: list[Trial]
    """The finished ones, by number."""

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
    def config(self) -> Config:
        """The settings that are not searched; at those that are, what the recipe had."""
        return from_mapping(self.spec.config, str(self.folder / SEARCH))

    @property
    def is_over(self) -> bool:
        """Whether every trial is finished."""
        return len(self.trials) == self.spec.trials

    def trial_folder(self, trial: Trial) -> Path:
        """Where a trial's files are."""
        return trial_folder(self.folder, trial.number)


def load(folder: str | Path) -> Search:
    """The search in a folder, with the trials that are finished.

    Raises UsageError if none is there, MachineError if its files are damaged.
    """
    folder = Path(folder)
    description = read_description(folder)
    trials = [_read(file, Trial) for file in sorted(folder.glob(f"{TRIALS}/*/{TRIAL}"))]
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
    return _read(folder / SEARCH, Description)


def create(
    spec: Spec, out: Path | None, data_digest: str, storage_shown: str = "", notice: str = ""
) -> Path:
    """Make a search's folder, `out` or the next free runs/search-N, and say which it is.

    Raises UsageError if something is in the way, MachineError if the machine is.
    """
    stem = out.absolute().name if out else "search-sketch" if notice else "search"
    description = Description(
        spec=spec,
        data_digest=data_digest,
        study=f"{stem}-{secrets.token_hex(4)}",
        storage=storage_shown,
        notice=notice,
    )
    files = {SEARCH: _json(description)}
    if out is None:
        return storage.new_folder(run_folder.RUNS, stem, files)
    return storage.claim_folder(out, files)


def trial_folder(folder: Path, number: int) -> Path:
    """Where the trial of this number is kept, once it is finished."""
    return folder / TRIALS / f"{number:04d}"


def keep(folder: Path, trial: Trial, config: Config, best: bytes) -> None:
    """Keep a finished trial, wholly or not at all; one that is kept already stays as it is."""
    target = trial_folder(folder, trial.number)
    if (target / TRIAL).exists():
        return
    files = {
        SETTINGS: to_toml(config).encode(),
        run_folder.HISTORY: run_folder.history_csv(trial.history).encode(),
        **({BEST: best} if best else {}),
        TRIAL: _json(trial),
    }
    storage.claim_folder(target, files)


def require_same(folder: Path, found: Spec, wanted: Spec) -> None:
    """Raise UsageError unless the search in a folder, `found`, is the one that is `wanted`."""
    differences = [
        (name, now, then)
        for name, now, then in _compared(wanted, found)
        if now not in {then, "auto"}
    ]
    if not differences:
        return
    shown = [f"{name} {then}" for name, _, then in differences[:3]]
    asked = [f"{name} {now}" for name, now, _ in differences[:3]]
    more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
    raise UsageError(
        "this folder holds another search",
        folder=folder,
        found=", ".join(shown) + more,
        wanted=", ".join(asked) + more,
        fix=f"begin another: --out {shlex.quote(str(_free(folder)))}\n"
        f"or go on with that one: handstitch search --out {shlex.quote(str(folder))}",
    )


def _compared(one: Spec, other: Spec) -> list[tuple[str, str, str]]:
    plain = [msgspec.to_builtins(each) for each in (one, other)]
    pairs = []
    for part in ("parameters", "config"):
        both = [each.pop(part) for each in plain]
        pairs += [(key, *(_text(each.get(key)) for each in both)) for key in both[0] | both[1]]
    searched = {*one.parameters, *other.parameters}
    # What is searched is said by its values; at its place in the configuration stands a relic.
    unique: dict[str, tuple[str, str, str]] = {}
    for name, now, then in pairs:
        unique.setdefault(name, (name, now, then))
        if name not in searched:
            unique[name] = (name, now, then)
    rest = [(key, _text(plain[0][key]), _text(plain[1][key])) for key in plain[0]]
    return [*unique.values(), *rest]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = f"{'log:' if value['log'] else ''}{value['low']}..{value['high']}"
    if isinstance(value, list):
        return " ".join(",".join(map(str, v)) if isinstance(v, list) else str(v) for v in value)
    return "not searched" if value is None else str(value)


def _free(folder: Path) -> Path:
    number = 2
    while (free := folder.absolute().with_name(f"{folder.absolute().name}-{number}")).exists():
        number += 1
    return folder.with_name(free.name) if folder.name else free


def _json(value: Any) -> bytes:
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
