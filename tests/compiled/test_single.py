"""One image classified by compiled code, held to the evaluator and to the plain formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch import steps
from handstitch.classifier import single
from handstitch.compiled import CompiledSingle
from handstitch.core.functions import ACTIVATIONS
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator

PIXELS = 35  # not a multiple of the eight rows taken at a time
SHAPES: list[tuple[tuple[int, ...], tuple[str, ...]]] = [
    *(((PIXELS, 20, 4), (name,)) for name in ACTIVATIONS),
    ((PIXELS, 3), ()),
    ((PIXELS, 1, 2), ("relu",)),
    ((PIXELS, 33, 17, 8, 5), ("tanh", "relu", "elu")),
    ((784, 600, 10), ("relu",)),  # wide enough for a thread to have half of it
]


def network(sizes: tuple[int, ...], activations: tuple[str, ...]) -> Network:
    parameters = Parameters.random(sizes, np.random.Generator(np.random.Philox(1)))
    parameters.vector[parameters.weight_count :] = np.linspace(-1, 1, sum(sizes[1:]))
    return Network(parameters, activations)


def images(sizes: tuple[int, ...], n: int) -> np.ndarray:
    shape = (28, 28) if sizes[0] == 784 else (5, 7)
    return np.random.Generator(np.random.Philox(2)).integers(0, 256, (n, *shape), np.uint8)


@pytest.mark.parametrize(("sizes", "activations"), SHAPES, ids=str)
@pytest.mark.parametrize("scaling", [Scaling(0.0, 1 / 256), Scaling(72.9, 1 / 90.0)], ids=str)
def test_probabilities_are_the_evaluators(sizes: Any, activations: Any, scaling: Scaling):
    net, several = network(sizes, activations), images(sizes, 5)
    classify = CompiledSingle(net, scaling)
    expected = Evaluator(net, several, scaling).probabilities()
    found = np.array([classify(image) for image in several])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    assert sizes[1] == 1 or np.ptp(found, axis=0).max() > 1e-3  # the images do differ


def test_an_answer_stays_when_the_next_is_asked_for():
    net, several = network((PIXELS, 20, 4), ("relu",)), images((PIXELS,), 2)
    classify = CompiledSingle(net, Scaling(0.0, 1 / 256))
    first = classify(several[0])
    kept = first.copy()
    classify(several[1])
    np.testing.assert_array_equal(first, kept)


def test_extreme_logits_give_certainty_not_nan():
    net, several = network((PIXELS, 20, 4), ("relu",)), images((PIXELS,), 1)
    net.parameters.vector *= 1e6
    P = CompiledSingle(net, Scaling(0.0, 1 / 256))(several[0])
    np.testing.assert_allclose(np.sort(P), [0, 0, 0, 1])


def test_weights_that_change_are_seen():
    net, several = network((PIXELS, 20, 4), ("relu",)), images((PIXELS,), 1)
    classify = CompiledSingle(net, Scaling(0.0, 1 / 256))
    before = classify(several[0])
    net.parameters.vector *= -1
    assert np.abs(classify(several[0]) - before).max() > 1e-3


def test_without_numba_the_readable_pass_answers(monkeypatch: pytest.MonkeyPatch):
    net, several = network((PIXELS, 20, 4), ("relu",)), images((PIXELS,), 3)
    scaling = Scaling(0.0, 1 / 256)
    compiled = single(net, scaling)
    monkeypatch.setattr(steps, "compiled_obstacle", lambda: "not here")
    readable = single(net, scaling)
    assert not isinstance(readable, CompiledSingle)
    for image in several:
        np.testing.assert_allclose(readable(image), compiled(image), rtol=1e-5)
