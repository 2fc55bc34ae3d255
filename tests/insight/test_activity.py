from __future__ import annotations

import numpy as np
import pytest

from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.scaling import Scaling
from handstitch.insight.layers import dead_units, outgoing_norms, reset_accuracies

SCALING = Scaling(10.0, 1 / 64)
SIZES = (12, 7, 5, 3)


def make_network(activation="relu", sizes=SIZES, seed=0):
    theta = Parameters.random(sizes, np.random.default_rng(seed))
    theta.vector[theta.weight_count :] = 0.1
    return Network(theta, (activation,) * (len(sizes) - 2))


def make_images(n=50):
    return np.random.default_rng(1).integers(0, 256, (n, 3, 4), np.uint8)


def test_constant_units_are_counted():
    net = make_network()
    net.parameters.biases[1][:] = 50
    assert dead_units(net, make_images(), SCALING) == [0, 0]
    net.parameters.weights[0][:, 2] = 0
    net.parameters.biases[0][[2, 4]] = -1, -1e3
    assert dead_units(net, make_images(), SCALING) == [2, 0]


def test_one_image_that_wakes_a_unit_is_enough_even_in_another_block():
    net = make_network()
    net.parameters.weights[0][:, 3] = 1
    net.parameters.biases[0][3] = -30
    X = np.zeros((2500, 3, 4), np.uint8)
    X[: len(make_images())] = make_images() // 2
    assert dead_units(net, X, SCALING)[0] == 1
    X[-1] = 255
    assert dead_units(net, X, SCALING)[0] == 0


def test_a_saturated_unit_is_as_dead():
    net = make_network("sigmoid")
    net.parameters.biases[1][0] = 1e4
    assert dead_units(net, make_images(), SCALING) == [0, 1]


def test_a_network_without_hidden_layers_has_no_such_units():
    assert dead_units(make_network(sizes=(12, 3)), make_images(), SCALING) == []


def test_outgoing_norms_are_the_norms_of_the_outgoing_weights():
    net = make_network()
    net.parameters.weights[1][4] = 0
    W = net.parameters.weights[1].astype(float)
    norms = outgoing_norms(net.parameters)
    assert norms is not None
    np.testing.assert_allclose(norms, np.sqrt((W**2).sum(axis=1)), rtol=1e-6)
    assert norms[4] == 0


def test_without_hidden_layers_no_unit_has_outgoing_weights():
    assert outgoing_norms(make_network(sizes=(12, 3)).parameters) is None


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_reset_layer_is_that_layer_alone(layer):
    net, initial = make_network(seed=3), make_network(seed=4).parameters
    before = net.parameters.vector.copy()
    X = make_images(400)
    mixed = make_network(seed=3)
    mixed.parameters.weights[layer][:] = initial.weights[layer]
    mixed.parameters.biases[layer][:] = initial.biases[layer]
    A = (X.reshape(len(X), -1).astype(float) - SCALING.offset) * SCALING.scale
    for number, (W, b) in enumerate(mixed.layers):
        A = A @ W.astype(float) + b
        A = np.maximum(A, 0) if number < 2 else A
    labels = A.argmax(axis=1).astype(np.uint8)
    found = reset_accuracies(net, initial, X, labels, SCALING)
    assert found[layer] == 1
    assert all(other < 1 for number, other in enumerate(found) if number != layer)
    np.testing.assert_array_equal(net.parameters.vector, before)
