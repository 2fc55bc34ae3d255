"""What Optuna decides from the results so far: TPE's candidates, and which trials are pruned.

Tree-structured Parzen estimator: candidates from the seed and the results of earlier rounds.
J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NIPS
2011. Each round has a fresh study, so that a resumed search proposes the same candidates as an
uninterrupted one.

Pruning, on a study in memory:
successive halving   K. Jamieson, A. Talwalkar, AISTATS 2016; asynchronous: L. Li et al.,
                     arXiv:1810.05934
median               best accuracy below the median of the others after as many epochs
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import msgspec
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from handstitch.config.messages import format_value
from handstitch.randomness import Purpose, generator
from handstitch.records import Trial, best_epoch
from handstitch.search.plan import ROUND, Pruning, SearchPlan
from handstitch.search.space import Axis, Parameters, Range


def propose(plan: SearchPlan, candidates: range, before: Sequence[Trial]) -> list[dict[str, Any]]:
    """Parameters of the `candidates` of a round; `before` has the trials of all rounds before.

    The score of a candidate is the mean of its trials' best validation accuracies, those of pruned
    trials included; a candidate whose trials all failed is reported as failed.
    """
    rng = generator(int(plan.config["seed"]), Purpose.SEARCH, candidates.start // ROUND)
    sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**32)), n_startup_trials=ROUND)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    searched = distributions(plan.parameters)
    for trials in zip(*[iter(before)] * plan.seeds, strict=True):
        scores = [
            record.val_accuracy or 0.0
            for trial in trials
            if trial.state != "failed" and (record := best_epoch(trial.history))
        ]
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if scores else TrialState.FAIL,
                value=fmean(scores) if scores else None,
                params=encoded(plan.parameters, trials[0].parameters),
                distributions=searched,
            )
        )
    return [_decoded(plan.parameters, study.ask(searched).params) for _ in candidates]


class Pruner:
    """Decides after 1, 2, 4, … epochs of a trial whether it is pruned, from the other trials."""

    def __init__(self, pruning: Pruning, finished: Iterable[Trial]) -> None:
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage,
            direction="maximize",
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
            if pruning == "halving"
            else optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
        )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        self._trials: dict[int, int] = {}
        for trial in finished:  # with the decisions made while they ran
            for epochs in range(1, len(trial.history) + (trial.state != "complete")):
                self.prunes(msgspec.structs.replace(trial, history=trial.history[:epochs]))
            self.finish(trial)

    def prunes(self, trial: Trial) -> bool:
        """Whether the trial is to be pruned now."""
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._record(trial)))

    def finish(self, trial: Trial) -> None:
        """Record a finished trial: `median` compares with the complete ones."""
        identity = self._record(trial)
        if trial.state == "complete":
            self._storage.set_trial_state_values(identity, TrialState.COMPLETE)

    def _record(self, trial: Trial) -> int:
        """Record the epochs of a trial; return its identifier in the storage."""
        if trial.number not in self._trials:
            self._trials[trial.number] = self._storage.create_new_trial(self._id)
        identity = self._trials[trial.number]
        for record in trial.history:
            self._storage.set_trial_intermediate_value(
                identity, record.epoch, record.val_accuracy or 0.0
            )
        return identity


def distributions(parameters: Parameters) -> dict[str, BaseDistribution]:
    """The search space in Optuna's types."""
    return {name: _distribution(axis) for name, axis in parameters.items()}


def encoded(parameters: Parameters, values: dict[str, Any]) -> dict[str, Any]:
    """A candidate's parameters in Optuna's form: lists as text, hidden widths by the first one."""
    return {name: _code(parameters[name], value) for name, value in values.items()}


def _decoded(parameters: Parameters, params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: axis.value(axis.clipped(params[name]))
        if isinstance(axis, Range)
        else next(value for value in axis if _code(axis, value) == params[name])
        for name, axis in parameters.items()
    }


def _code(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Range):
        return value[0] if axis.widths else value
    return format_value(value) if isinstance(value, list) else value


def _distribution(axis: Axis) -> BaseDistribution:
    if not isinstance(axis, Range):
        return CategoricalDistribution([_code(axis, value) for value in axis])
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)
