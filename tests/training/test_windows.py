"""Local receptive fields in the numba backend: within an epoch, it is ahead of θ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.config import Config
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training import State, Trainer


class StoppedError(Exception):
    """Raised between two steps."""


def test_arrays_within_an_epoch_are_those_of_the_last_step():
    images, labels = sketch.draw(300, 0)
    pictures = Dataset("sketch", "train", images, labels, GARMENTS, "drawn from a seed")
    config = Config(dataset="sketch", hidden_sizes=(20, 10), batch_size=32, backend="numba")
    trainer = Trainer(config, pictures)
    rng = np.random.Generator(np.random.Philox(0))
    fields = ReceptiveFields.draw((28, 28), 20, (5, 9), rng)
    parameters = Parameters.random(trainer.sizes, rng, mask=fields.mask)
    network = Network(parameters, ("relu", "relu"), receptive_fields=fields)
    trainer.state = State(network, Optimizer(parameters, "adam"), parameters.copy())
    seen: dict[str, Any] = {}

    def stop_after_three_steps(state: State) -> None:
        if state.batch == 3:
            seen.update((name, vector.copy()) for name, vector in state.arrays().items())
            raise StoppedError

    initial = {name: vector.copy() for name, vector in trainer.state.arrays().items()}
    with pytest.raises(StoppedError):
        trainer.fit(stop_after_three_steps)
    for name, vector in trainer.state.arrays().items():
        np.testing.assert_array_equal(seen[name], vector)
        unchanged = name in {"best", "receptive_fields"}
        assert unchanged == np.array_equal(seen[name], initial[name])
    outside = fields.mask == 0
    assert not parameters.weights[0][outside].any()
