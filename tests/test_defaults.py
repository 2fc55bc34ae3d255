"""A default of the library is the one of Config: whoever leaves a value out gets the recipe's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from handstitch.config import Config
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data import splits
from handstitch.gradcheck import Problem

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
def test_a_default_is_that_of_the_recipe(function, name):
    assert inspect.signature(function).parameters[name].default == getattr(Config(), name)


def test_the_gradient_check_has_the_recipes_defaults():
    defaults = msgspec.structs.asdict(Problem(sizes=(2, 2), activations=()))
    for name in ("dropout", "input_dropout", "weight_decay", "decay_biases", "reduction", "seed"):
        assert defaults[name] == getattr(Config(), name), name
    assert defaults["initialization"] == Config().initialization
