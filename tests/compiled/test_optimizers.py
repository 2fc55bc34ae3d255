"""The update rules of both backends in float32 against those in float64, on recorded gradients."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch.arrays import Vector
from handstitch.compiled.step import NumbaBackend
from handstitch.config import Config
from handstitch.config.schema import DEFAULT_LEARNING_RATES, field_types
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data import loading
from handstitch.errors import ConfigError
from handstitch.training import Trainer
from handstitch.training.backend import NumpyBackend

STEPS = 90
TOLERANCE = 1e-5
CONSTANTS = Hyperparameters._fields
BASE = Config(dataset="sketch", hidden_sizes=(12,), batch_size=50, optimizer="momentum")


def ends(name: str) -> tuple[float, float]:
    """The smallest and the largest valid value of a setting."""
    schema = msgspec.json.schema(field_types()[name])
    return schema["minimum"], schema["maximum"]


@cache
def recorded() -> tuple[Trainer, list[Vector]]:
    """Mean gradients, in float32, of a real training."""
    trainer = Trainer(BASE, loading.load("sketch", "train"))
    state, batches = trainer.state, trainer.batches
    backend = NumpyBackend(state.network, state.optimizer, batches)
    gradients, order = [], batches.epoch_order(0, 0)
    for number in range(STEPS):
        indices = batches.batch(order, number % len(batches))
        backend.train_batch(indices, 0.02, 1 / len(indices), np.inf, None)
        assert state.optimizer.gradient is not None
        gradients.append(state.optimizer.gradient.vector.copy())
    return trainer, gradients


def run(dtype: Any, compiled: bool, rate: float, values: dict[str, Any], start: Vector) -> Vector:
    trainer, gradients = recorded()
    parameters = Parameters(trainer.sizes, start.astype(dtype))
    options = {name: value for name, value in values.items() if name not in CONSTANTS}
    constants = {name: value for name, value in values.items() if name in CONSTANTS}
    # A bound that never binds: plain SGD, too, stores its gradient.
    optimizer = Optimizer(
        parameters, **({"clip_norm": 1e30} | options), constants=Hyperparameters(**constants)
    )
    backend = NumbaBackend(Network(parameters, ("relu",)), optimizer, trainer.batches, 1)
    assert optimizer.gradient is not None
    for gradient in gradients:
        optimizer.gradient.vector[:] = gradient
        if compiled:
            backend._update(backend._into(rate, 1.0))
        else:
            optimizer.step(rate)
    return parameters.vector.astype(np.float64)


def errors(rate: float, from_zero: bool = True, **values: Any) -> list[float]:
    """Error of either backend, relative to the largest change of θ.

    From θ = 0, the change is held as precisely as float32 can.
    """
    trainer, _ = recorded()
    start = Parameters.random(trainer.sizes, np.random.default_rng(0)).vector * (not from_zero)
    exact = run(np.float64, False, rate, values, start)
    moved = np.abs(exact - start).max()
    assert 0 < moved < np.inf
    found = [run(np.float32, compiled, rate, values, start) for compiled in (False, True)]
    return [float(np.abs(each - exact).max() / moved) for each in found]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_ordinary_settings(rule: str):
    rate = DEFAULT_LEARNING_RATES[rule]
    assert max(errors(rate, False, rule=rule)) <= TOLERANCE
    for decay, decoupled, clip_norm in product((0.0, 0.01), (False, True), (1e30, 0.1)):
        options: dict[str, Any] = {
            "weight_decay": decay,
            "decoupled": decoupled,
            "clip_norm": clip_norm,
        }
        found = errors(rate, rule=rule, **options)
        assert max(found) <= TOLERANCE, (options, found)


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("name", ["learning_rate", *CONSTANTS])
def test_ends_of_each_setting(rule: str, name: str):
    for value in ends(name):
        values: dict[str, Any] = {"learning_rate": DEFAULT_LEARNING_RATES[rule], name: value}
        found = errors(values.pop("learning_rate"), rule=rule, **values)
        assert max(found) <= TOLERANCE, (value, found)


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_largest_weight_decay(rule: str, decoupled: bool):
    """From weights that decay, at a learning rate that does not diverge by ηλ alone."""
    _, most = ends("weight_decay")
    is_normalized = rule in {"rmsprop", "adam"} and not decoupled
    rate = DEFAULT_LEARNING_RATES[rule] if is_normalized else 0.1 / most
    found = errors(rate, False, rule=rule, weight_decay=most, decoupled=decoupled)
    assert max(found) <= TOLERANCE


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "rmsprop", "adam"])
def test_all_ends_together(rule: str):
    """Every combination for the constants that this rule reads, with the smallest norm and without.

    Of larger rates than 1e20 a step may be infinite: the next loss shows the divergence.
    """
    reads = {"sgd": (), "nesterov": ("momentum",), "rmsprop": ("beta2", "epsilon")}
    names = reads.get(rule, ("beta1", "beta2", "epsilon"))
    rates = (ends("learning_rate")[0], 1e20)
    for rate, clip_norm, *values in product(rates, (1e30, 1e-10), *map(ends, names)):
        chosen: dict[str, Any] = dict(zip(names, values, strict=True))
        found = errors(rate, rule=rule, clip_norm=clip_norm, **chosen)
        assert max(found) <= TOLERANCE, (rate, clip_norm, chosen, found)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("learning_rate", 1e39, "float32"),
        ("momentum", 0.99999999, "never forget"),
        ("beta1", 0.99999999, "never forget"),
        ("beta2", 0.99999999, "never forget"),
        ("epsilon", 1e-30, "vanish"),
        ("weight_decay", 1e20, "infinite"),
        ("clip_norm", 1e-40, "vanish"),
    ],
)
def test_what_float32_cannot_hold_is_refused_with_the_reason(name: str, value: Any, reason: str):
    with pytest.raises(ConfigError, match=reason) as refused:
        Config(**{name: value})
    assert len(str(refused.value).splitlines()) <= 6
