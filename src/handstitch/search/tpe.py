"""Tree-structured Parzen estimator: candidates from the seed and the results of earlier rounds.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NIPS
2011; Optuna's implementation. Each round has a fresh study, so that a resumed search proposes the
same candidates as an uninterrupted one.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

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
from handstitch.search.plan import ROUND, SearchPlan
from handstitch.search.space import Axis, Parameters, Range


def propose(
    plan: SearchPlan, number: int, count: int, known: list[list[Trial]]
) -> list[dict[str, Any]]:
    """Parameters of the `count` candidates of round `number`; `known` has the trials of all before.

    The score of a candidate is the mean of its trials' best validation accuracies, those of pruned
    trials included; a candidate whose trials all failed is reported as failed.
    """
    seed = int(generator(int(plan.config["seed"]), Purpose.SEARCH, number).integers(2**32))
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND),
    )
    searched = distributions(plan.parameters)
    for trials in known:
        scores = [
            record.val_accuracy
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
    proposed = [study.ask(searched) for _ in range(count)]
    return [_decoded(plan.parameters, trial.params) for trial in proposed]


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
