"""The compiled classifier, of one image and of many, against the evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.compiled.classifier import CompiledClassifier
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.scaling import Scaling
from handstitch.errors import MachineError
from handstitch.evaluation import Evaluator
from handstitch.machine import memory
from handstitch.model.inference import compiled

PIXELS = 35  # not a multiple of the eight rows taken at a time
SHAPES: list[tuple[tuple[int, ...], tuple[str, ...]]] = [
    *(((PIXELS, 20, 4), (name,)) for name in ACTIVATIONS),
    ((PIXELS, 3), ()),
    ((PIXELS, 1, 2), ("relu",)),
    ((PIXELS, 33, 17, 8, 5), ("tanh", "relu", "elu")),
    ((784, 600, 10), ("relu",)),  # wide enough for a thread to have half of it
]


def make_network(sizes: tuple[int, ...], activations: tuple[str, ...]) -> Network:
    parameters = Parameters.random(sizes, np.random.Generator(np.random.Philox(1)))
    parameters.vector[parameters.weight_count :] = np.linspace(-1, 1, sum(sizes[1:]))
    return Network(parameters, activations)


def make_images(sizes: tuple[int, ...], n: int) -> np.ndarray:
    shape = (28, 28) if sizes[0] == 784 else (5, 7)
    return np.random.Generator(np.random.Philox(2)).integers(0, 256, (n, *shape), np.uint8)


def classify_anew(classify: CompiledClassifier, images: np.ndarray, like: np.ndarray) -> Any:
    """P of the images. Where it is allocated lies no earlier answer that could pass for it."""
    np.full_like(like, 7)  # freed at once, and the next array of this size takes its place
    return classify(images)


@pytest.mark.parametrize(("sizes", "activations"), SHAPES, ids=str)
@pytest.mark.parametrize("scaling", [Scaling(0.0, 1 / 256), Scaling(72.9, 1 / 90.0)], ids=str)
def test_probabilities_are_the_evaluators(sizes: Any, activations: Any, scaling: Scaling):
    net, several = make_network(sizes, activations), make_images(sizes, 5)
    classify = CompiledClassifier(net, scaling)
    expected = Evaluator(net, several, scaling).probabilities()
    found = np.array([classify_anew(classify, image, expected[0]) for image in several])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    many = classify_anew(classify, several, expected)
    np.testing.assert_allclose(many, expected, rtol=1e-4, atol=1e-7)
    assert sizes[1] == 1 or np.ptp(found, axis=0).max() > 1e-3  # the images do differ


def test_an_answer_stays_when_the_next_is_asked_for():
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 2)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    first = classify(several[0])
    kept = first.copy()
    classify(several[1])
    np.testing.assert_array_equal(first, kept)


def test_extreme_logits_give_certainty_not_nan():
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 1)
    net.parameters.vector *= 1e6
    P = CompiledClassifier(net, Scaling(0.0, 1 / 256))(several[0])
    np.testing.assert_allclose(np.sort(P), [0, 0, 0, 1])


@pytest.mark.parametrize("n", [0, 1, 127, 128, 129, 700])
def test_each_of_many_is_as_it_is_in_any_company(n: int):
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 700)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    all_of_them = classify(several)
    assert classify(several[:n]).shape == (n, 4)
    some = classify_anew(classify, several[:n], all_of_them[:n])
    np.testing.assert_array_equal(some, all_of_them[:n])


def test_images_may_be_views_that_nobody_may_write():
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 9)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    expected = classify(several[::2].copy())
    several.flags.writeable = False
    np.testing.assert_array_equal(classify_anew(classify, several[::2], expected), expected)
    np.testing.assert_array_equal(classify(several[0]), classify(several[0].copy()))
    assert not several.flags.writeable


@pytest.mark.parametrize("scaling", [Scaling(0.0, 1 / 256), Scaling(72.9, 1 / 90.0)], ids=str)
def test_loss_and_accuracy_are_the_evaluators(scaling: Scaling):
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 300)
    labels = (np.arange(300) % 4).astype(np.uint8)
    loss, accuracy = CompiledClassifier(net, scaling).loss_and_accuracy(several, labels)
    wanted, right = Evaluator(net, several, scaling).loss_and_accuracy(labels)
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert accuracy == pytest.approx(right, abs=1 / 300)


def test_a_loss_that_is_certain_and_wrong_is_finite():
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 4)
    net.parameters.vector *= 100
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    worst = np.argmin(classify(several), axis=1).astype(np.uint8)
    assert classify(several)[np.arange(4), worst].min() == 0  # e to the minus that is nothing
    loss, accuracy = classify.loss_and_accuracy(several, worst)
    assert 100 < loss < np.inf
    assert accuracy == 0


def test_the_weights_are_those_it_was_made_with():
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 1)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    before = classify(several)
    net.parameters.vector *= -1
    np.testing.assert_array_equal(classify(several), before)


def test_a_small_network_answers_one_image_with_one_thread(monkeypatch: pytest.MonkeyPatch):
    import numba

    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 3)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256), threads=7)
    asked: list[int] = []
    monkeypatch.setattr(numba, "get_num_threads", lambda: 0)
    monkeypatch.setattr(numba, "set_num_threads", asked.append)
    classify(several[0])
    assert asked == [1, 0]
    classify(several)
    assert asked[2:] == [min(7, numba.config.NUMBA_NUM_THREADS), 0]


def test_the_threads_of_others_are_put_back():
    import numba

    net, several = make_network((784, 600, 10), ("relu",)), make_images((784,), 3)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    before = numba.get_num_threads()
    try:
        for threads in (1, numba.config.NUMBA_NUM_THREADS):
            numba.set_num_threads(threads)
            classify(several)
            classify(several[0])
            assert numba.get_num_threads() == threads
    finally:
        numba.set_num_threads(before)


def test_without_numba_the_numpy_pass_answers(monkeypatch: pytest.MonkeyPatch):
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 3)
    scaling = Scaling(0.0, 1 / 256)
    fast = compiled(net, scaling)
    monkeypatch.setattr("handstitch.model.inference.unavailable_reason", lambda: "not here")
    plain = compiled(net, scaling)
    assert not isinstance(plain, CompiledClassifier)
    expected = fast(several)
    net.parameters.vector *= -1  # neither sees what becomes of them
    np.testing.assert_allclose(plain(several), expected, rtol=1e-5)
    for image in several:
        np.testing.assert_allclose(plain(image), fast(image), rtol=1e-5)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((3, 5, 8), np.uint8),
        np.zeros((3, 5, 6), np.uint8),
        np.zeros((5, 8), np.uint8),
        np.zeros((5, 7), np.float32),
        np.zeros((2, 5, 7), np.float32),
        np.zeros(35, np.uint8),
    ],
)
def test_images_of_another_size_or_type_are_refused(images: Any):
    classify = CompiledClassifier(make_network((PIXELS, 20, 4), ("relu",)), Scaling(0.0, 1 / 256))
    with pytest.raises(ValueError, match="uint8 samples of 35 numbers"):
        classify(images)


@pytest.mark.parametrize("labels", [[0, 1, 4], [0, -1, 1], [0, 1], [0, 1, 2, 3]])
def test_labels_of_other_images_or_classes_are_refused(labels: list[int]):
    classify = CompiledClassifier(make_network((PIXELS, 20, 4), ("relu",)), Scaling(0.0, 1 / 256))
    with pytest.raises(IndexError):
        classify.loss_and_accuracy(make_images((PIXELS,), 3), np.array(labels))


def test_features_are_scaled_before_the_weights_and_not_in_them():
    """Far from 0: in the weights the scaling would leave no digit of them."""
    rng = np.random.default_rng(0)
    net = make_network((6, 20, 4), ("relu",))
    features = (rng.standard_normal((300, 6)) + 1e5).astype(np.float32)
    scaling = Scaling(np.full(6, 1e5, np.float32), np.linspace(0.5, 2, 6, dtype=np.float32))
    classify = CompiledClassifier(net, scaling, axes=1)
    wanted = Evaluator(net, features, scaling).probabilities()
    np.testing.assert_allclose(classify(features), wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose([classify(one) for one in features[:9]], wanted[:9], rtol=1e-4)


def test_one_picture_in_colour_is_told_from_many_in_grey():
    net, scaling = make_network((27, 20, 4), ("relu",)), Scaling(0.0, 1 / 256)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 3, 3, 3), np.uint8)
    classify = CompiledClassifier(net, scaling, axes=3)
    assert classify(pictures[0]).shape == (4,)
    np.testing.assert_allclose(
        classify(pictures), Evaluator(net, pictures, scaling).probabilities(), rtol=1e-4
    )


def test_memory_is_asked_for_what_is_allocated(monkeypatch: pytest.MonkeyPatch):
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 2)
    asked: list[int] = []
    monkeypatch.setattr(memory, "require", lambda needed, what, fix: asked.append(needed))
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256), threads=2)
    classify(several)
    weights, buffers = asked
    assert weights == net.parameters.vector.nbytes
    assert buffers == sum(array.nbytes for array in classify._buffers)


def test_buffers_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch):
    net, several = make_network((PIXELS, 20, 4), ("relu",)), make_images((PIXELS,), 2)
    classify = CompiledClassifier(net, Scaling(0.0, 1 / 256))
    monkeypatch.setattr(memory, "available", lambda: 1000)
    with pytest.raises(MachineError, match=r"not enough memory for .* images at a time"):
        classify(several)
    with pytest.raises(MachineError, match="not enough memory for a copy of the weights"):
        CompiledClassifier(net, Scaling(0.0, 1 / 256))
