"""TPE's candidates: a function of the search's seed and of the rounds before.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NIPS
2011; Optuna's implementation. A study is made anew for each round and forgotten after it, so that
a search which was stopped asks as one that was not.
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
    """The `count` settings of round `number`, from the trials of each earlier setting, in order.

    A setting counts by the mean of its trials' best validation accuracies; pruned ones count as
    far as they came, and one of which every trial failed tells only that.
    """
    seed = int(generator(int(plan.config["seed"]), Purpose.SEARCH, number).integers(2**32))
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND),
    )
    searched = distributions(plan.parameters)
    for trials in known:
        best = [best_epoch(trial.history) for trial in trials if trial.state != "failed"]
        scores = [record.val_accuracy for record in best if record is not None]
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if scores else TrialState.FAIL,
                value=fmean(scores) if scores else None,
                params=encoded(plan.parameters, trials[0].parameters),
                distributions=searched,
            )
        )
    asked = [study.ask(searched) for _ in range(count)]
    return [_decoded(plan.parameters, each.params) for each in asked]


def distributions(parameters: Parameters) -> dict[str, BaseDistribution]:
    """What is searched, as Optuna says it."""
    return {name: _distribution(axis) for name, axis in parameters.items()}


def encoded(parameters: Parameters, values: dict[str, Any]) -> dict[str, Any]:
    """A setting's values as Optuna keeps them: lists of values in words, widths by the first."""
    return {name: _code(parameters[name], value) for name, value in values.items()}


def _decoded(parameters: Parameters, params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: axis.value(axis.kept(params[name]))
        if isinstance(axis, Range)
        else next(each for each in axis if _code(axis, each) == params[name])
        for name, axis in parameters.items()
    }


def _code(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Range):
        return value[0] if axis.widths else value
    return format_value(value) if isinstance(value, list) else value


def _distribution(axis: Axis) -> BaseDistribution:
    if not isinstance(axis, Range):
        return CategoricalDistribution([_code(axis, each) for each in axis])
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)
