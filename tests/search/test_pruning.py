"""Pruning: a search that is resumed decides as one that was never interrupted."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from handstitch.randomness import Purpose, generator
from handstitch.records import Trial
from handstitch.search.plan import Pruning
from handstitch.search.tpe_and_pruning import Pruner
from tests.synthetic_trials import epochs, trial


def run_trial(pruner: Pruner, whole: Trial) -> Trial:
    """The trial as a search leaves it: asked for after 1, 2, 4, … epochs, but not at its end."""
    asked = 1
    while asked < len(whole.history):
        part = msgspec.structs.replace(whole, history=whole.history[:asked], state="pruned")
        if pruner.prunes(part):
            pruner.finish(part)
            return part
        asked *= 2
    pruner.finish(whole)
    return whole


def make_trials(count: int) -> list[Trial]:
    """Trials of random accuracies; some stop early by themselves."""
    rng = generator(0, Purpose.SEARCH)
    lengths = rng.choice([1, 2, 4, 8], count, p=[0.1, 0.1, 0.2, 0.6])
    return [
        trial(number, 0, epochs(rng.random(length).tolist()), seeds=1)
        for number, length in enumerate(lengths)
    ]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("pruning", ["halving", "median"])
def test_decisions_do_not_depend_on_where_a_search_was_interrupted(pruning: Pruning) -> None:
    trials = make_trials(60)
    pruner = Pruner(pruning, [])
    finished = [run_trial(pruner, each) for each in trials]
    states = [each.state for each in finished]
    assert 10 < states.count("pruned") < 50
    for interrupted in (1, 7, 20, 40):
        resumed = Pruner(pruning, finished[:interrupted])
        again = [run_trial(resumed, each) for each in trials[interrupted:]]
        found = [(each.state, len(each.history)) for each in again]
        wanted = [(each.state, len(each.history)) for each in finished[interrupted:]]
        assert np.array_equal(found, wanted), interrupted
