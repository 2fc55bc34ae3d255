"""Settings that TPE proposes: a function of the search's seed and of the rounds before.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NIPS
2011; Optuna's implementation. A study is made anew for each round and forgotten after it, so that
a search which was stopped asks as one that was not.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

from handstitch.randomness import Purpose, generator
from handstitch.records import Trial
from handstitch.search.spec import ROUND, Spec


def propose(spec: Spec, number: int, count: int, known: list[list[Trial]]) -> list[dict[str, Any]]:
    """The `count` settings of round `number`, from the trials of each earlier setting, in order.

    A setting counts by the mean of its trials' best validation accuracies; pruned ones count as
    far as they came, and one of which every trial failed tells only that.
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    from handstitch.search import study as studies

    seed = int(generator(int(spec.config["seed"]), Purpose.SEARCH, number).integers(2**32))
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = studies.distributions(spec.parameters)
    for trials in known:
        scores = [studies.score(trial) for trial in trials if trial.state != "failed"]
        told = [score for score in scores if score is not None]
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if told else TrialState.FAIL,
                value=fmean(told) if told else None,
                params=studies.encoded(spec.parameters, trials[0].parameters),
                distributions=distributions,
            )
        )
    asked = [study.ask(distributions) for _ in range(count)]
    return [studies.decoded(spec.parameters, each.params) for each in asked]
