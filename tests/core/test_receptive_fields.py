"""A first layer with a mask: the gradient inside, exactly 0 outside, wherever the gradient goes."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

from handstitch.core.network import Into, Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import INITIALIZATIONS, Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.receptive_fields import ReceptiveFields

SIZES = (30, 8, 6, 4)
FIELDS = ReceptiveFields.draw((6, 5), 8, (2, 4), np.random.default_rng(3))
M = FIELDS.mask


def make_network(fields: ReceptiveFields | None = FIELDS, dtype: Any = np.float64) -> Network:
    theta = Parameters.random(SIZES, np.random.default_rng(0), dtype=dtype, mask=M)
    return Network(theta, ("tanh", "relu"), receptive_fields=fields)


def send(network: Network, into: Into) -> None:
    work = Workspace(network, 12)
    work.X[:] = np.random.default_rng(5).standard_normal(work.X.shape)
    network.forward(work.X, work)
    network.loss((np.arange(12) % SIZES[-1]).astype(np.uint8), work)
    network.backward(work, into)


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (1, 1), (1, 0.9), (-0.1, 0.99)])
@pytest.mark.parametrize("own", [True, False], ids=["theta", "elsewhere"])
def test_every_target_has_the_dense_result_inside_and_0_outside(alpha, beta, own):
    results = []
    for fields in (None, FIELDS):
        network = make_network(fields)
        target = network.parameters if own else network.parameters.copy()
        send(network, Into(target, alpha, beta, beta))
        results.append(target)
    dense, masked = results
    assert (dense.weights[0][M == 0] != 0).any()
    np.testing.assert_array_equal(masked.weights[0], dense.weights[0] * M)
    np.testing.assert_array_equal(
        masked.vector[masked.weights[0].size :], dense.vector[dense.weights[0].size :]
    )


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("clip_norm", [0.0, 0.1])
def test_weights_outside_stay_exactly_0(rule, decoupled, clip_norm):
    network = make_network(dtype=np.float32)
    theta = network.parameters
    optimizer = Optimizer(
        theta, rule, weight_decay=0.01, decay_biases=True, decoupled=decoupled, clip_norm=clip_norm
    )
    before = theta.copy()
    for _ in range(20):
        send(network, optimizer.into(0.05, 1 / 12))
        optimizer.step(0.05)
    assert not theta.weights[0][M == 0].any()
    assert (theta.weights[0] != before.weights[0])[M == 1].all()


def test_training_without_receptive_fields_leaves_the_mask():
    network = make_network(None)
    send(network, Optimizer(network.parameters).into(0.05, 1))
    assert network.parameters.weights[0][M == 0].any()


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_initial_weights_have_the_spread_of_the_true_number_of_inputs(name):
    """A unit's deviation within 5 standard errors, where dense ones would be far outside."""
    fields = ReceptiveFields.draw((40, 40), 6, (20, 30), np.random.default_rng(1))
    mask = fields.mask
    sizes = (1600, 6, 300, 3)
    theta = Parameters.random(sizes, np.random.default_rng(2), name, np.float64, mask)
    first, second, _ = theta.weights
    assert not first[mask == 0].any()
    for unit in range(6):
        inside = mask[:, unit] == 1
        inputs, outputs = inside.sum(), mask[inside].sum(axis=1)
        variance = {"he": 2 / inputs, "lecun": 1 / inputs, "xavier": 2 / (inputs + outputs)}[name]
        spread = (first[inside, unit] / np.sqrt(variance)).std()
        assert abs(spread - 1) <= 5 / sqrt(2 * inputs)
    np.testing.assert_array_equal(
        second, Parameters.random(sizes, np.random.default_rng(2), name, np.float64).weights[1]
    )


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_mask_of_ones_gives_the_dense_bits(name):
    ones = np.ones((30, 8), np.float32)
    dense, masked = (
        Parameters.random(SIZES, np.random.default_rng(2), name, mask=mask) for mask in (None, ones)
    )
    assert dense.vector.tobytes() == masked.vector.tobytes()
