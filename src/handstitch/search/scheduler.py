"""Scheduler of a search: distributes trials to the workers and writes their results."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handstitch.errors import Interrupted, MachineError
from handstitch.records import Trial
from handstitch.search.executors import WorkerPool
from handstitch.search.folder import Search
from handstitch.search.trial import Outcome, TrialSpec, train

if TYPE_CHECKING:
    from handstitch.search.pruning import Pruner
    from handstitch.search.study import Study
    from handstitch.training import State

_logger = logging.getLogger(__name__)

ATTEMPTS: Final = 3
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


@dataclass(slots=True)
class Runner:
    """One call of a search: its finished trials, how many workers died of each trial, and the
    trials that were given up for that.
    """

    search: Search
    pool: WorkerPool
    data_dir: Path | None
    after_trial: AfterTrial
    stop: StopFlag
    study: Study
    pruner: Pruner | None = None
    finished: dict[int, Trial] = field(init=False)
    deaths: Counter[int] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Train all rounds, as long as no trial is lost."""
        plan = self.search.plan
        self.finished = {trial.number: trial for trial in self.search.trials}
        if plan.pruning != "none":
            from handstitch.search.pruning import Pruner

            self.pruner = Pruner(plan.pruning, self.search.trials)
        for number, candidates in enumerate(plan.rounds()):
            if not self.lost:
                self._round(self._values(number, candidates))

    def _values(self, number: int, candidates: range) -> Iterator[tuple[int, dict[str, Any]]]:
        """(candidate, its parameters) of each candidate of a round, made when its turn comes."""
        plan = self.search.plan
        if plan.kind != "tpe":
            yield from ((candidate, plan.values(candidate)) for candidate in candidates)
            return
        from handstitch.search.tpe import propose

        before = [self.finished[n] for n in range(candidates.start * plan.seeds)]
        known = [before[n : n + plan.seeds] for n in range(0, len(before), plan.seeds)]
        proposed = propose(plan, number, len(candidates), known)
        # Trained candidates stay, even if another version of Optuna proposes others.
        kept = {trial.candidate: trial.parameters for trial in self.finished.values()}
        for n, values in zip(candidates, proposed, strict=True):
            yield n, kept.get(n, values)

    def _round(self, values: Iterator[tuple[int, dict[str, Any]]]) -> None:
        """Train the missing trials of a round, one at a time on each worker."""
        missing = self._missing(values)
        waiting: deque[TrialSpec] = deque()
        running: dict[Future[Outcome], TrialSpec] = {}
        after_step = (self.stop.check,) if self.pool.in_process else ()
        while True:
            self.stop.check()
            while len(running) < self.pool.workers:
                spec = waiting.popleft() if waiting else next(missing, None)
                if spec is None:
                    break
                running[self.pool.executor.submit(train, spec, *after_step)] = spec
            if not running:
                return
            for future in wait(running, _POLL, FIRST_COMPLETED).done:
                if rest := self._rest(running.pop(future), future):
                    waiting.append(rest)

    def _missing(self, values: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[TrialSpec]:
        """The trials of these candidates that are not finished; the study gets all of them."""
        plan = self.search.plan
        repeats = ((one, repeat) for one in values for repeat in range(plan.seeds))
        for (candidate, parameters), repeat in repeats:
            number = candidate * plan.seeds + repeat
            if number in self.finished:
                self.study.show(self.finished[number])
                continue
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
            if self.deaths[number] < ATTEMPTS:
                _logger.warning("a worker died; trial %d is trained again", number)
                return spec
            _logger.warning("trial %d is skipped: it crashed %d workers", number, ATTEMPTS)
            self.lost.append(number)
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
