"""The scheduler of a search: hands out trials and keeps what comes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handstitch import training
from handstitch.errors import Interrupted, MachineError
from handstitch.records import Trial
from handstitch.search import trial as trials
from handstitch.search.executors import WorkerPool
from handstitch.search.folder import Search

if TYPE_CHECKING:
    from handstitch.search.pruning import Pruner
    from handstitch.search.study import Study

ATTEMPTS: Final = 3
"""Times that a trial is begun in one call: it may itself be what its workers die of."""
_LOOK: Final = 0.1
"""Seconds between two looks at whether somebody wants the search stopped."""

Notify = Callable[[str], None]
AfterTrial = Callable[[Trial, int, int], None]
"""(a trial that has just finished, how many are finished, of how many)."""


@dataclass(slots=True)
class StopFlag:
    """Whether the search is to stop: set to a signal's number, it ends within a moment."""

    stop_asked: int = 0

    def check(self, _state: training.State | None = None) -> None:
        """Raise Interrupted if somebody asked."""
        if self.stop_asked:
            raise Interrupted(self.stop_asked)


@dataclass(slots=True)
class _PendingTrial:
    """A trial under way, and how often its worker died."""

    task: trials.TrialSpec
    deaths: int = 0


@dataclass(slots=True)
class Runner:
    """One call of a search: what it needs, which trials are finished, and of which workers died."""

    search: Search
    engine: WorkerPool
    data_dir: Path | None
    notify: Notify
    after_trial: AfterTrial
    stop: StopFlag
    study: Study
    pruner: Pruner | None = None
    finished: dict[int, Trial] = field(init=False)
    lost: list[int] = field(default_factory=list)

    def run(self) -> None:
        """All rounds, or as many as the trials that were lost allow."""
        plan = self.search.plan
        self.finished = {trial.number: trial for trial in self.search.trials}
        if plan.pruning != "none":
            from handstitch.search.pruning import Pruner

            self.pruner = Pruner(plan.pruning, self.search.trials)
        for number, candidates in enumerate(plan.rounds()):
            if not self.lost:
                self._round(self._values(number, candidates))

    def _values(self, number: int, candidates: range) -> dict[int, dict[str, Any]]:
        """The searched values of a round's settings."""
        plan = self.search.plan
        if plan.kind != "tpe":
            return {candidate: plan.values(candidate) for candidate in candidates}
        from handstitch.search.tpe import propose

        before = [self.finished[n] for n in range(candidates.start * plan.seeds)]
        known = [before[n : n + plan.seeds] for n in range(0, len(before), plan.seeds)]
        asked = propose(plan, number, len(candidates), known)
        # What was trained stays, should another Optuna ask for other values.
        kept = {trial.candidate: trial.parameters for trial in self.finished.values()}
        return {s: kept.get(s, values) for s, values in zip(candidates, asked, strict=True)}

    def _round(self, values: dict[int, dict[str, Any]]) -> None:
        """Train what is missing of a round, so many at a time as the engine has workers."""
        missing = self._missing(values)
        waiting: deque[_PendingTrial] = deque()
        under_way: dict[Future[trials.Outcome], _PendingTrial] = {}
        more = (self.stop.check,) if self.engine.in_process else ()
        while True:
            self.stop.check()
            while len(under_way) < self.engine.workers:
                work = waiting.popleft() if waiting else next(missing, None)
                if work is None:
                    break
                under_way[self.engine.executor.submit(trials.train, work.task, *more)] = work
            if not under_way:
                return
            for future in wait(under_way, _LOOK, FIRST_COMPLETED).done:
                work = under_way.pop(future)
                if self._goes_on(work, future):
                    waiting.append(work)

    def _missing(self, values: dict[int, dict[str, Any]]) -> Iterator[_PendingTrial]:
        """The trials of these settings that are not finished; the study is shown all of them."""
        plan = self.search.plan
        for candidate, repeat in product(values, range(plan.seeds)):
            number = candidate * plan.seeds + repeat
            if number in self.finished:
                self.study.show(self.finished[number])
                continue
            config = plan.config_of(values[candidate], repeat)
            trial = Trial(
                number=number,
                candidate=candidate,
                repeat=repeat,
                seed=config.seed,
                parameters=values[candidate],
                state="pruned",
                history=[],
                val_images=0,
                threads=int(config.threads),
                seconds=0.0,
            )
            self.study.show(trial, running=True)
            yield _PendingTrial(
                trials.TrialSpec(
                    trial,
                    config=config.to_dict(),
                    data_digest=self.search.description.data_digest,
                    data_dir=str(self.data_dir.absolute()) if self.data_dir else None,
                    until=None if self.pruner is None else 1,
                )
            )

    def _goes_on(self, work: _PendingTrial, future: Future[trials.Outcome]) -> bool:
        """Keep what came back; whether there is more to do for the trial."""
        number = work.task.trial.number
        try:
            trial, best, position = future.result()
        except self.engine.worker_died:
            work.deaths += 1
            if work.deaths < ATTEMPTS:
                self.notify(f"a worker died; trial {number} is trained again")
                return True
            self.notify(f"trial {number} is left out: {ATTEMPTS} workers died of it")
            self.lost.append(number)
            return False
        except self.engine.engine_gone as error:
            raise MachineError(
                "the engine of this search is gone",
                found=str(error) or type(error).__name__,
                wanted="one that lasts as long as the search",
                fix="start it, and the same command goes on; finished trials are kept",
            ) from error
        if position is not None and self.pruner is not None and not self.pruner.prunes(trial):
            self.study.show(trial, running=True)
            until = 2 * len(trial.history)  # 1, 2, 4, … epochs
            work.task = replace(work.task, trial=trial, until=until, position=position)
            return True
        self.search.keep(trial, best)  # first: it is what counts
        self.study.show(trial)
        if self.pruner is not None:
            self.pruner.finish(trial)
        self.finished[number] = trial
        self.after_trial(trial, len(self.finished), self.search.plan.trials)
        return False
