"""Run a search, or resume it: its trials go to the workers, their results into its folder."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from handstitch import storage as files
from handstitch.config.messages import plural
from handstitch.config.schema import from_mapping
from handstitch.data import sources
from handstitch.errors import Argument, ConfigError, Interrupted, MachineError, Phrase
from handstitch.machine import memory
from handstitch.records import ReadingOptions, Trial
from handstitch.search import folder as folders
from handstitch.search.executors import WorkerPool, serial
from handstitch.search.folder import Search
from handstitch.search.plan import SearchPlan, bytes_needed, require_classes
from handstitch.search.trial import Outcome, TrialSpec, cache_dataset, train
from handstitch.training import backend

if TYPE_CHECKING:
    from handstitch.search.study import Study
    from handstitch.search.tpe_and_pruning import Pruner
    from handstitch.training import State

_logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 3
"""Attempts at a trial in one call: the trial itself may be what kills its workers."""
_POLL: Final = 0.1
"""Seconds between two checks of the stop flag."""

AfterTrial = Callable[[Trial, int, int], None]
"""(trial just finished, trials finished so far, trials of the search)."""


@dataclass(slots=True)
class StopFlag:
    """The signal that is to stop the search; 0 while there is none."""

    stop_asked: int = 0

    def check(self, _state: State | None = None) -> None:
        """Raise Interrupted if a stop was requested."""
        if self.stop_asked:
            raise Interrupted(self.stop_asked)


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
    Raises UsageError if the folder holds another search, MachineError if memory is too small
    for all workers or a trial kills its workers every time, Interrupted if `stop` was set; finished
    trials are kept then, and the same call resumes the search.
    """
    from handstitch.search.study import Study, connected
    from handstitch.search.tpe_and_pruning import Pruner

    data = None if data_dir is None else Path(data_dir)
    url = connected(storage) if storage else None
    with ExitStack() as stack:
        search, source = None, None
        if out is not None and folders.is_search(Path(out)):
            search = _opened(stack, Path(out))
            typed = plan.config["dataset"]
            if typed not in {search.plan.config["dataset"], "auto"}:  # perhaps its path
                source = sources.resolve(typed, data, ReadingOptions.of(plan.config))
                plan = msgspec.structs.replace(plan, config=plan.config | {"dataset": source.name})
            folders.require_same(search.folder, search.plan, plan)
            plan = search.plan
        if search is not None and search.is_over:
            pool = stack.enter_context(serial())  # idle: only the study is written
        else:
            config = from_mapping(plan.config, "this search")
            if search is not None:
                digest = search.description.data_digest
                source = source or sources.recorded(config.dataset, digest, data)
            source = source or sources.resolve(config.dataset, data, ReadingOptions.of(plan.config))
            resolved = {
                "dataset": source.name,
                "backend": backend.resolve(config),
                # Not `auto`: the bits of a trial must not depend on the machine's number of cores.
                "threads": 1 if config.threads == "auto" else config.threads,
            }
            plan = msgspec.structs.replace(plan, config=plan.config | resolved)
            dataset = source.load("train")
            cache_dataset(dataset, source.validation)
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
            require_classes(plan, dataset)
            pool = stack.enter_context(workers)
            if pool.is_here:
                memory.require(
                    pool.workers * bytes_needed(plan, dataset),
                    f"{plural(pool.workers, 'worker')}, at one trial each",
                    Phrase("use fewer {}, or narrower networks", Argument("workers")),
                )
            if search is None:
                search = _opened(stack, folders.create(plan, out, dataset.digest, source.reason))
        on_start(search)
        study = stack.enter_context(closing(Study(search, url)))
        pruner = None if plan.pruning == "none" else Pruner(plan.pruning, search.trials)
        finished = {trial.number: trial for trial in search.trials}
        scheduler = _Scheduler(
            search, pool, data, after_trial, stop or StopFlag(), study, pruner, finished
        )
        scheduler.run()
    if lost := scheduler.lost():
        raise MachineError(
            "some trials could not be trained",
            file=search.folder,
            found=f"each of these trials crashed {_ATTEMPTS} workers: "
            + ", ".join(map(str, sorted(lost))),
            wanted="workers that live as long as a trial; memory may have run out",
            fix=Phrase(
                "use fewer {} or a narrower network; the same command trains the rest",
                Argument("workers"),
            ),
        )
    return replace(search, trials=[trial for _, trial in sorted(finished.items())])


def _opened(stack: ExitStack, folder: Path) -> Search:
    """The search in a folder, which stays locked until `stack` is closed."""
    folders.read_description(folder)  # a folder that cannot be read stays as it is
    stack.enter_context(files.lock_folder(folder))
    for path in (folder, files.inside(folder, folders.TRIALS)):
        files.remove_stale(path)
    return folders.load(folder)


@dataclass(frozen=True, slots=True)
class _Scheduler:
    """Distributes trials to the workers, writes their results, and adds them to `finished`."""

    search: Search
    pool: WorkerPool
    data_dir: Path | None
    after_trial: AfterTrial
    stop: StopFlag
    study: Study
    pruner: Pruner | None
    finished: dict[int, Trial]
    deaths: Counter[int] = field(default_factory=Counter)
    """Trial → workers that died of it."""

    def run(self) -> None:
        """Train all rounds, as long as no trial is lost."""
        for candidates in self.search.plan.rounds():
            if not self.lost():
                self._round(candidates)

    def lost(self) -> list[int]:
        """The trials that were given up, as their workers died every time."""
        return [number for number, deaths in self.deaths.items() if deaths == _ATTEMPTS]

    def _round(self, candidates: range) -> None:
        """Train the missing trials of a round, one at a time on each worker."""
        missing = self._missing(candidates)
        waiting: deque[TrialSpec] = deque()
        running: dict[Future[Outcome], TrialSpec] = {}
        after_step = self.stop.check if self.pool.in_process else None
        while True:
            self.stop.check()
            while len(running) < self.pool.workers:
                spec = waiting.popleft() if waiting else next(missing, None)
                if spec is None:
                    break
                running[self.pool.executor.submit(train, spec, after_step)] = spec
            if not running:
                return
            for future in wait(running, _POLL, FIRST_COMPLETED).done:
                if rest := self._rest(running.pop(future), future):
                    waiting.append(rest)

    def _missing(self, candidates: range) -> Iterator[TrialSpec]:
        """The trials of a round that are not finished, each made when its turn comes.

        The study gets all of them.
        """
        plan, first = self.search.plan, candidates.start * self.search.plan.seeds
        values: Iterable[dict[str, Any]] = map(plan.values, candidates)
        if plan.kind == "tpe":
            from handstitch.search.tpe_and_pruning import propose

            proposed = propose(plan, candidates, [self.finished[n] for n in range(first)])
            # Trained candidates stay, even if another version of Optuna proposes others.
            kept = {trial.candidate: trial.parameters for trial in self.finished.values()}
            values = map(kept.get, candidates, proposed)
        repeated = (each for each in values for _ in range(plan.seeds))
        for number, parameters in enumerate(repeated, first):
            if number in self.finished:
                self.study.show(self.finished[number])
                continue
            candidate, repeat = divmod(number, plan.seeds)
            config = plan.config_of(parameters, repeat)
            trial = Trial(
                number=number,
                candidate=candidate,
                repeat=repeat,
                seed=config.seed,
                parameters=parameters,
                state="pruned",
                history=[],
                val_images=0,
                threads=int(config.threads),
                seconds=0.0,
            )
            self.study.show(trial, running=True)
            yield TrialSpec(
                trial,
                config=config.to_dict(),
                data_digest=self.search.description.data_digest,
                data_dir=str(self.data_dir.absolute()) if self.data_dir else None,
                until=None if self.pruner is None else 1,
            )

    def _rest(self, spec: TrialSpec, future: Future[Outcome]) -> TrialSpec | None:
        """Take the result of a trial, or of a part of it; return what is left to train of it."""
        number = spec.trial.number
        try:
            trial, best, checkpoint = future.result()
        except self.pool.worker_died:
            self.deaths[number] += 1
            if number not in self.lost():
                _logger.warning("a worker died; trial %d is trained again", number)
                return spec
            _logger.warning("trial %d is skipped: it crashed %d workers", number, _ATTEMPTS)
            return None
        except self.pool.pool_lost as error:
            raise MachineError(
                "the connection to all workers was lost",
                found=str(error) or type(error).__name__,
                wanted="workers that last as long as the search",
                fix="start them; the same command resumes the search, finished trials are kept",
            ) from error
        if checkpoint is not None and self.pruner is not None and not self.pruner.prunes(trial):
            self.study.show(trial, running=True)
            until = 2 * len(trial.history)  # 1, 2, 4, … epochs
            return replace(spec, trial=trial, until=until, checkpoint=checkpoint)
        self.search.keep(trial, best)  # first: the folder is the record
        self.study.show(trial)
        if self.pruner is not None:
            self.pruner.finish(trial)
        self.finished[number] = trial
        self.after_trial(trial, len(self.finished), self.search.plan.trials)
        return None
