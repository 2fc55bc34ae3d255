"""A search from its beginning, or from where it stopped, to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from handstitch import storage as files
from handstitch.data import sources
from handstitch.errors import ConfigError, MachineError
from handstitch.search import folder as folders
from handstitch.search import trials
from handstitch.search.dispatch import ATTEMPTS, AfterTrial, Notify, Runner, Stop
from handstitch.search.engines import Engine
from handstitch.search.folder import Search
from handstitch.search.spec import Spec


def run(
    spec: Spec,
    out: str | Path | None,
    engine: AbstractContextManager[Engine],
    *,
    storage: str | None = None,
    data_dir: str | Path | None = None,
    notify: Notify = lambda line: None,
    after_trial: AfterTrial = lambda trial, finished, of: None,
    begun: Callable[[Search], None] = lambda search: None,
    stop: Stop | None = None,
    notice: str = "",
) -> Search:
    """Train every trial of a search that is not finished yet; the search with all its trials.

    `out` is its folder: a new one, one that is empty, or that of a search with the same `spec`,
    which is gone on with; None is the next free runs/search-N. `engine` is one of `engines`, and
    is entered only if there is something to train. `begun` hears of the search as it stands when
    it is opened; `notice` says why the data are `sketch` where nobody asked. Raises UsageError if
    the folder holds another search, MachineError if workers died of a trial again and again,
    Interrupted when `stop` was asked for; what finished is kept then, and the same call goes on.
    """
    place = None if out is None else Path(out)
    data = None if data_dir is None else Path(data_dir)
    shown = _reachable(storage)
    if place is not None and folders.is_search(place):
        search = folders.load(place)
        folders.require_same(place, search.spec, spec)
        _require_storage(search, shown)
        if search.is_over:
            begun(search)
            return search
    dataset = sources.load(str(spec.config["dataset"]), "train", data, notify=notify)
    trials.hold(dataset)
    with engine as opened:
        if place is None or not folders.is_search(place):
            place = folders.create(spec, place, dataset.digest, shown, notice)
        with files.FolderLock(place):
            for each in (place, place / folders.TRIALS):
                files.clean(each)
            search = folders.load(place)
            _require_data(search, dataset.digest)
            begun(search)
            lost = _train_missing(
                Runner(search, opened, data, notify, after_trial, stop or Stop()), storage
            )
            search = folders.load(place)
    if lost:
        raise MachineError(
            "some trials could not be trained",
            folder=search.folder,
            found=f"trials {_list(lost)}: their workers died {ATTEMPTS} times each",
            wanted="workers that live as long as a trial; memory may have run out",
            fix="fewer --workers, or a narrower network; the same command trains what is missing",
        )
    return search


def _train_missing(runner: Runner, storage: str | None) -> list[int]:
    from handstitch.search import study as studies

    search = runner.search
    with studies.Study(search.description, studies.url_of(search.folder, storage)) as study:
        runner.run(study)
    return runner.lost


def _reachable(storage: str | None) -> str:
    """A database's address as it may be kept, once it has answered; empty for none."""
    if not storage:
        return ""
    from handstitch.search import study as studies

    url = studies.url_of(Path(), storage)
    studies.require_reachable(url)
    return url.render_as_string(hide_password=True)


def _require_storage(search: Search, shown: str) -> None:
    if search.description.storage != shown:
        before = search.description.storage
        raise ConfigError(
            "the study of this search is kept elsewhere",
            folder=search.folder,
            found=f"--storage {shown}" if shown else "no --storage",
            wanted=f"--storage {before}" if before else "no --storage",
            fix="give the place it was begun with, or begin another search with a new --out",
        )


def _require_data(search: Search, digest: str) -> None:
    wanted = search.description.data_digest
    if digest != wanted:
        raise ConfigError(
            "the training images are not those this search began with",
            folder=search.folder,
            found=f"SHA-256 {digest[:8]}…",
            wanted=f"SHA-256 {wanted[:8]}…",
            fix="put the old ones back (--data-dir), or begin another search with a new --out",
        )


def _list(numbers: Iterable[int]) -> str:
    few = sorted(numbers)
    return ", ".join(map(str, few[:8])) + (", …" if len(few) > 8 else "")
