"""A default of the library is that of the preset `plain`: a value left out is the textbook's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from handstitch.config import Config
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data import splits

PLAIN = Config.preset("plain")

DEFAULTS: list[tuple[Callable[..., Any], str]] = [
    (Parameters.random, "initialization"),
    (Network.__init__, "dropout"),
    (Network.__init__, "input_dropout"),
    (Hyperparameters, "momentum"),
    (Hyperparameters, "beta1"),
    (Hyperparameters, "beta2"),
    (Hyperparameters, "epsilon"),
    (Optimizer.__init__, "weight_decay"),
    (Optimizer.__init__, "decay_biases"),
    (Optimizer.__init__, "decoupled"),
    (Optimizer.__init__, "clip_norm"),
    (splits.split, "stratified"),
]


@pytest.mark.parametrize(
    ("function", "name"), DEFAULTS, ids=lambda each: getattr(each, "__qualname__", each)
)
def test_a_default_is_that_of_the_preset_plain(function, name):
    assert inspect.signature(function).parameters[name].default == getattr(PLAIN, name)
