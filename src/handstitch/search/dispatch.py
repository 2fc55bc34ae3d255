"""Who hands out trials and keeps what comes back; the one process that writes the study."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handstitch import training
from handstitch.config import Config
from handstitch.errors import Interrupted, MachineError
from handstitch.records import Trial
from handstitch.search import folder as folders
from handstitch.search import trials
from handstitch.search.engines import Engine
from handstitch.search.folder import Search
from handstitch.search.proposals import propose
from handstitch.search.spec import Spec

if TYPE_CHECKING:
    from handstitch.search.study import Study

ATTEMPTS: Final = 3
"""Times that a trial is begun in one call: it may itself be what its workers die of."""
_LOOK: Final = 0.1
"""Seconds between two looks at whether somebody wants the search stopped."""

Notify = Callable[[str], None]
AfterTrial = Callable[[Trial, int, int], None]
"""(a trial that has just finished, how many are finished, of how many)."""


@dataclass(slots=True)
class Stop:
    """Whether the search is to stop: set to a signal's number, it ends within a moment."""

    stop_asked: int = 0

    def check(self, _state: training.State | None = None) -> None:
        """Raise Interrupted if somebody asked."""
        if self.stop_asked:
            raise Interrupted(self.stop_asked)


@dataclass(slots=True)
class _Work:
    """A trial under way."""

    number: int
    values: dict[str, Any]
    config: Config
    task: trials.Task
    attempts: int = 0
    seconds: float = 0.0
    """Of its parts so far."""


@dataclass(slots=True)
class Runner:
    """One call of a search: what it needs, and what became of it."""

    search: Search
    engine: Engine
    data_dir: Path | None
    notify: Notify
    after_trial: AfterTrial
    stop: Stop
    study: Study = field(init=False)
    finished: dict[int, Trial] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    """Trials whose workers died ATTEMPTS times."""

    @property
    def spec(self) -> Spec:
        """What decides the trials."""
        return self.search.spec

    def run(self, study: Study) -> None:
        """All rounds, or as many as the trials that were lost allow."""
        self.study = study
        self.finished = {trial.number: trial for trial in self.search.trials}
        proposed: dict[int, dict[str, Any]] = {}
        for number, settings in enumerate(self.spec.rounds()):
            if self.lost:
                break
            proposed |= self._settings(number, settings)
            self._round(
                proposed,
                [s * self.spec.seeds + r for s in settings for r in range(self.spec.seeds)],
            )

    def _settings(self, number: int, settings: range) -> dict[int, dict[str, Any]]:
        """The searched values of a round's settings."""
        if self.spec.kind != "tpe":
            return {setting: self.spec.values(setting) for setting in settings}
        kept = {trial.setting: trial.parameters for trial in self.finished.values()}
        if all(setting in kept for setting in settings):
            return {setting: kept[setting] for setting in settings}
        known = [self._of(setting) for setting in range(settings.start)]
        asked = propose(self.spec, number, len(settings), known)
        return {s: kept.get(s, values) for s, values in zip(settings, asked, strict=True)}

    def _of(self, setting: int) -> list[Trial]:
        first = setting * self.spec.seeds
        return [self.finished[n] for n in range(first, first + self.spec.seeds)]

    def _round(self, settings: dict[int, dict[str, Any]], numbers: list[int]) -> None:
        """Train what is missing of a round, so many at a time as the engine has workers."""

        def facts(number: int) -> tuple[dict[str, Any], Config]:
            setting, repeat = divmod(number, self.spec.seeds)
            return settings[setting], self.spec.config_of(settings[setting], repeat)

        for number in numbers:
            if number in self.finished and not self.study.is_finished(number):
                self.study.begin(number, facts)
                self.study.finish(self.finished[number])
        queue = deque(number for number in numbers if number not in self.finished)
        waiting: deque[_Work] = deque()
        under_way: dict[Future[trials.Outcome], _Work] = {}
        while queue or waiting or under_way:
            self.stop.check()
            while len(under_way) < self.engine.workers and (waiting or queue):
                work = waiting.popleft() if waiting else self._begun(queue.popleft(), facts)
                if work is not None:
                    under_way[self._submit(work)] = work
            for future in wait(under_way, _LOOK, FIRST_COMPLETED).done:
                rest = self._take(under_way.pop(future), future)
                if rest is not None:
                    waiting.append(rest)

    def _begun(
        self, number: int, facts: Callable[[int], tuple[dict[str, Any], Config]]
    ) -> _Work | None:
        values, config = facts(number)
        self.study.begin(number, facts)
        task = trials.Task(
            config=config.to_dict(),
            data_digest=self.search.description.data_digest,
            data_dir=str(self.data_dir.absolute()) if self.data_dir else None,
            until=None if self.spec.pruning == "none" else 1,
        )
        return _Work(number, values, config, task)

    def _submit(self, work: _Work) -> Future[trials.Outcome]:
        # Only a trial in this very process can look for itself whether it is to stop.
        more = (self.stop.check,) if self.engine.in_process else ()
        return self.engine.executor.submit(trials.train, work.task, *more)

    def _take(self, work: _Work, future: Future[trials.Outcome]) -> _Work | None:
        """Keep what came back, and say what is still to be done for the trial."""
        try:
            outcome = future.result()
        except self.engine.lost:
            return self._again(work)
        except self.engine.broken as error:
            raise MachineError(
                "the engine of this search is gone",
                found=f"{self.engine.name}: {str(error) or type(error).__name__}",
                wanted="one that lasts as long as the search",
                fix="start it, and the same command goes on; finished trials are kept",
            ) from error
        work.seconds += outcome.seconds
        if outcome.position is not None:
            if not self.study.report(work.number, outcome.history):
                until = 2 * len(outcome.history)  # 1, 2, 4, … epochs
                work.task = replace(work.task, until=until, position=outcome.position)
                return work
            self._keep(work, outcome, "pruned")
            return None
        self._keep(work, outcome, "failed" if outcome.problem else "complete")
        return None

    def _again(self, work: _Work) -> _Work | None:
        work.attempts += 1
        if work.attempts < ATTEMPTS:
            self.notify(f"a worker died; trial {work.number} is trained again")
            return work
        self.notify(f"trial {work.number} is left out: {ATTEMPTS} workers died of it")
        self.lost.append(work.number)
        return None

    def _keep(self, work: _Work, outcome: trials.Outcome, state: Any) -> None:
        setting, repeat = divmod(work.number, self.spec.seeds)
        trial = Trial(
            number=work.number,
            setting=setting,
            repeat=repeat,
            seed=work.config.seed,
            parameters=work.values,
            state=state,
            history=outcome.history,
            val_images=outcome.val_images,
            threads=int(work.config.threads),
            seconds=work.seconds,
            problem=outcome.problem,
        )
        # The folder first: it is what counts, and the study is brought up to it.
        folders.keep(self.search.folder, trial, work.config, outcome.best)
        self.study.finish(trial)
        self.finished[trial.number] = trial
        self.after_trial(trial, len(self.finished), self.spec.trials)
