"""Run a search from its start to its end, or resume it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path

from handstitch import storage as files
from handstitch.data import loading
from handstitch.errors import Argument, ConfigError, MachineError, Phrase
from handstitch.search import folder as folders
from handstitch.search.executors import WorkerPool, serial
from handstitch.search.folder import Search
from handstitch.search.plan import SearchPlan, resolve
from handstitch.search.scheduler import ATTEMPTS, AfterTrial, Runner, StopFlag
from handstitch.search.trial import cache_dataset


def run(
    plan: SearchPlan,
    out: str | Path | None,
    workers: AbstractContextManager[WorkerPool],
    *,
    storage: str | None = None,
    data_dir: str | Path | None = None,
    after_trial: AfterTrial = lambda trial, finished, of: None,
    on_start: Callable[[Search], None] = lambda search: None,
    stop: StopFlag | None = None,
) -> Search:
    """Train every trial of a search that is not finished; return the search with all its trials.

    `out` is its folder: a new one, an empty one, or that of a search with the same `plan`, which
    is resumed; None is the next free runs/search-N. `workers` is one of `executors`, entered only
    if there is something to train. `storage` is the PostgreSQL database of the study; None: a file
    in the folder. `on_start` is called with the search as opened, `after_trial` after each trial.
    Raises UsageError if the folder holds another search, MachineError if a trial kills its workers
    every time, Interrupted if `stop` was set; finished trials are kept then, and the same call
    resumes the search.
    """
    from handstitch.search import database
    from handstitch.search.study import Study

    data = None if data_dir is None else Path(data_dir)
    url = database.require(storage) if storage else None
    with ExitStack() as stack:
        search = None
        if out is not None and folders.is_search(Path(out)):
            search = _opened(stack, Path(out))
            folders.require_same(search.folder, search.plan, plan)
            plan = search.plan
        if search is not None and search.is_over:
            pool = stack.enter_context(serial())  # idle: only the study is written
        else:
            plan, choice = resolve(plan, data)
            dataset = loading.load(choice.name, "train", data, location=choice.location)
            cache_dataset(dataset)
            if search is not None and search.description.data_digest != dataset.digest:
                raise ConfigError(
                    "the training images are not those this search was started with",
                    file=search.folder,
                    found=f"SHA-256 {dataset.digest[:8]}…",
                    wanted=f"SHA-256 {search.description.data_digest[:8]}…",
                    fix=Phrase(
                        "restore the old ones ({}), or start a new search ({})",
                        Argument("data_dir"),
                        Argument("out"),
                    ),
                )
            pool = stack.enter_context(workers)
            if search is None:
                search = _opened(stack, folders.create(plan, out, dataset.digest, choice.reason))
        on_start(search)
        study = stack.enter_context(closing(Study(search, url)))
        runner = Runner(search, pool, data, after_trial, stop or StopFlag(), study)
        runner.run()
    if runner.lost:
        raise MachineError(
            "some trials could not be trained",
            file=search.folder,
            found=f"each of these trials crashed {ATTEMPTS} workers: "
            + ", ".join(map(str, sorted(runner.lost))),
            wanted="workers that live as long as a trial; memory may have run out",
            fix=Phrase(
                "use fewer {} or a narrower network; the same command trains the rest",
                Argument("workers"),
            ),
        )
    return replace(search, trials=[trial for _, trial in sorted(runner.finished.items())])


def _opened(stack: ExitStack, folder: Path) -> Search:
    """The search in a folder, which stays locked until `stack` is closed."""
    folders.read_description(folder)  # a folder that cannot be read stays as it is
    stack.enter_context(files.lock_folder(folder))
    for path in (folder, files.inside(folder, folders.TRIALS)):
        files.remove_stale(path)
    return folders.load(folder)
