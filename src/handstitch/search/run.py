"""A search from its beginning, or from where it stopped, to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path

from handstitch import storage as files
from handstitch.data import loading
from handstitch.errors import ConfigError, MachineError
from handstitch.search import folder as folders
from handstitch.search import trial as trials
from handstitch.search.executors import Engine
from handstitch.search.folder import Search
from handstitch.search.plan import Spec, settled
from handstitch.search.scheduler import ATTEMPTS, AfterTrial, Notify, Runner, Stop


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
) -> Search:
    """Train every trial of a search that is not finished yet; the search with all its trials.

    `out` is its folder: a new one, one that is empty, or that of a search with the same `spec`,
    which is gone on with; None is the next free runs/search-N. `engine` is one of `engines`, and
    is entered only if there is something to train. `storage` is the PostgreSQL database that shows
    the search as a study; None: a file in the folder. `begun` hears of the search as it stands when
    it is opened. Raises UsageError if the folder holds another search, MachineError if workers died
    of a trial again and again, Interrupted when `stop` was asked for; what finished is kept then,
    and the same call goes on.
    """
    from handstitch.search import database
    from handstitch.search.study import Study

    data = None if data_dir is None else Path(data_dir)
    url = database.answering(storage) if storage else None
    with ExitStack() as held:
        search = None
        if out is not None and folders.is_search(Path(out)):
            search = _opened(held, Path(out))
            folders.require_same(search.folder, search.spec, spec)
            if search.is_over:
                begun(search)
                with closing(Study(search, url, notify)) as study:
                    for trial in search.trials:
                        study.show(trial)
                return search
            spec = search.spec
        spec, notice = settled(spec, data, notify)
        dataset = loading.load(str(spec.config["dataset"]), "train", data, notify=notify)
        trials.hold(dataset)
        if search is not None and search.description.data_digest != dataset.digest:
            raise ConfigError(
                "the training images are not those this search began with",
                folder=search.folder,
                found=f"SHA-256 {dataset.digest[:8]}…",
                wanted=f"SHA-256 {search.description.data_digest[:8]}…",
                fix="put the old ones back (--data-dir), or begin another search with a new --out",
            )
        opened = held.enter_context(engine)
        if search is None:
            search = _opened(held, folders.create(spec, out, dataset.digest, notice))
        begun(search)
        with closing(Study(search, url, notify)) as study:
            runner = Runner(search, opened, data, notify, after_trial, stop or Stop(), study)
            runner.run()
    if runner.lost:
        raise MachineError(
            "some trials could not be trained",
            folder=search.folder,
            found=f"{ATTEMPTS} workers died of each of these trials: "
            + ", ".join(map(str, sorted(runner.lost))),
            wanted="workers that live as long as a trial; memory may have run out",
            fix="fewer --workers, or a narrower network; the same command trains what is missing",
        )
    return replace(search, trials=[trial for _, trial in sorted(runner.finished.items())])


def _opened(held: ExitStack, folder: Path) -> Search:
    """The search in a folder, which is locked while `held` is."""
    folders.read_description(folder)  # a folder that cannot be read stays as it is
    held.enter_context(files.lock_folder(folder))
    for each in (folder, folder / folders.TRIALS):
        files.remove_stale(each)
    return folders.load(folder)
