"""Forward against plain NumPy; memory that is shared without harm; evaluation without chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.arrays import Matrix, Vector
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import Parameters
from handstitch.randomness import Purpose, generator

SIZES = (7, 6, 5, 4)
PLAIN: dict[str, Callable[[Matrix], Matrix]] = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}


def made(
    sizes: tuple[int, ...] = SIZES,
    activations: tuple[str, ...] | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    dtype: Any = np.float64,
) -> Network:
    rng = np.random.default_rng(0)
    parameters = Parameters.random(sizes, rng, dtype=dtype)
    for b in parameters.biases:
        b[:] = rng.standard_normal(b.shape)
    activations = activations or ("relu",) * (len(sizes) - 2)
    return Network(parameters, activations, dropout, input_dropout)


def batch(n: int, inputs: int = SIZES[0], seed: int = 1) -> Matrix:
    return np.random.default_rng(seed).standard_normal((n, inputs))


def labels(n: int, classes: int = SIZES[-1]) -> Any:
    return (np.arange(n) * 3 % classes).astype(np.uint8)


def logits(network: Network, X: Matrix, masks: list[Any] | None = None) -> Matrix:
    """Forward as one would write it on one line, with whatever masks the inputs had."""
    A = X
    for layer, (W, b) in enumerate(network.layers):
        Z = (A * masks[layer] if masks else A) @ W + b
        A = PLAIN[network.activations[layer]](Z) if layer < len(network.activations) else Z
    return A


def gradient(network: Network, X: Matrix, work: Workspace, rng: Any = None) -> Vector:
    G = network.parameters.zeros_like()
    network.forward(X, work, rng)
    network.loss(labels(len(X), network.parameters.sizes[-1]), work)
    network.backward(work, Into(G, 1, 0, 0))
    return G.vector


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 8), min_size=2, max_size=6).map(tuple),
    names=st.lists(st.sampled_from(list(PLAIN)), min_size=4, max_size=4),
    n=st.integers(1, 12),
)
def test_forward_is_the_plain_formula(sizes: tuple[int, ...], names: list[str], n: int):
    network = made(sizes, tuple(names[: len(sizes) - 2]))
    X = batch(n, sizes[0])
    Z = network.forward(X, Workspace(network, n))
    np.testing.assert_allclose(Z, logits(network, X), rtol=1e-12, atol=1e-13)


def test_each_layer_has_its_own_activation():
    X = batch(9)
    outputs = {
        names: made(activations=names).forward(X, Workspace(made(), 9)).tobytes()
        for names in [("relu", "tanh"), ("tanh", "relu"), ("tanh", "tanh"), ("relu", "relu")]
    }
    assert len(set(outputs.values())) == 4


@pytest.mark.parametrize("names", [(), ("relu",), ("relu",) * 3])
def test_a_wrong_number_of_activations_is_refused(names: tuple[str, ...]):
    with pytest.raises(ValueError, match="expected 2 activations"):
        Network(made().parameters, names)


def test_the_input_is_left_as_it_was_and_may_come_from_elsewhere():
    network = made()
    work, X = Workspace(network, 9), batch(9)
    kept = X.copy()
    gradient(network, X, work)
    np.testing.assert_array_equal(X, kept)
    work.X[:] = X
    np.testing.assert_array_equal(network.forward(work.X, work), logits_again(network, X))


def logits_again(network: Network, X: Matrix) -> Matrix:
    return network.forward(X, Workspace(network, len(X)))


# ── Loss and hits ──────────────────────────────────────────────────────────────────────────────


def test_loss_is_summed_over_the_batch_and_leaves_P_minus_Y():
    network = made()
    work, X, y = Workspace(network, 9), batch(9), labels(9)
    Z = network.forward(X, work).copy()
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    assert network.loss(y, work) == pytest.approx(-np.log(P[np.arange(9), y]).sum(), rel=1e-13)
    np.testing.assert_allclose(work.gradients[-1], P - np.eye(4)[y], atol=1e-15)
    np.testing.assert_array_equal(work.targets, np.eye(4)[y])


def test_targets_of_an_earlier_batch_are_forgotten():
    network = made()
    work, X = Workspace(network, 9), batch(9)
    losses = []
    for y in (labels(9), (labels(9) + 1) % 4, labels(9)):
        network.forward(X, work)
        losses.append(network.loss(y, work))
    assert losses[0] == losses[2] != losses[1]


def test_a_row_of_the_targets_is_smoothed_and_has_the_weight_of_its_sample():
    network, X, y = made(), batch(9), labels(9)
    weights = np.linspace(0, 4, 9)
    work = Workspace(network, 12, smoothing=0.2).for_batch(9)
    network.forward(X, work)
    weighted = network.loss(y, work, weights)
    wanted = weights[:, None] * (0.8 * np.eye(4)[y] + 0.2 / 4)
    np.testing.assert_allclose(work.targets, wanted, rtol=1e-14)
    one_by_one = [network.loss(y[[i]], take_row(work, i)) for i in range(9)]
    assert weighted == pytest.approx(weights @ one_by_one, rel=1e-13)


def test_a_target_is_mixed_with_the_next_and_the_last_with_the_first():
    network, X, y = made(), batch(9), labels(9)
    work, weights = Workspace(network, 9, smoothing=0.2), np.linspace(0, 4, 9)
    network.forward(X, work)
    network.loss(y, work, weights)
    Y = work.targets.copy()
    network.loss(y, work, weights, 0.7)
    np.testing.assert_allclose(work.targets, 0.7 * Y + 0.3 * np.roll(Y, -1, 0), rtol=1e-13)
    assert work.targets.sum() == pytest.approx(weights.sum())  # what a mean divides by


def take_row(work: Workspace, row: int) -> Workspace:
    single = Workspace(work.network, 1, smoothing=0.2)
    single.outputs[-1][:] = work.outputs[-1][row]
    return single


def test_a_weight_of_0_leaves_a_sample_out_and_one_of_2_counts_it_twice():
    network, X, y = made(), batch(9), labels(9)
    weights = np.array([0, 2, 1, 0, 1, 2, 1, 1, 0.0])
    times = np.repeat(np.arange(9), weights.astype(int))
    found = []
    for rows, of_each in ((np.arange(9), weights), (times, None)):
        work, G = Workspace(network, len(rows)), network.parameters.zeros_like()
        network.forward(X[rows], work)
        loss = network.loss(y[rows], work, of_each)
        network.backward(work, Into(G, 1 / weights.sum(), 0, 0))
        found.append((loss, G.vector))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-13)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", [np.uint8, np.intp])
def test_hits_are_counted_and_the_first_of_equal_logits_is_the_answer(kind: Any):
    network = made((2, 3), ())
    network.parameters.vector[:] = 0
    network.parameters.weights[0][:] = [[1, 1, 0], [0, 0, 0]]
    work = Workspace(network, 4)
    network.forward(np.array([[1.0, 0], [1, 0], [-1, 0], [0, 0]]), work)
    assert network.count_correct(np.array([0, 1, 2, 0], kind), work) == 3


def test_a_row_without_numbers_does_not_stop_the_count():
    network = made((2, 3), ())
    work = Workspace(network, 2)
    network.forward(np.array([[np.nan, 0], [0, 0]]), work)
    assert network.count_correct(np.array([1, int(work.outputs[-1][1].argmax())]), work) == 1


# ── Memory ─────────────────────────────────────────────────────────────────────────────────────


def arrays(work: Workspace) -> list[Matrix]:
    hidden = [*work.outputs, *work.gradients, *work.masks, *work.dropped]
    return [work.X, *hidden, work.targets, work.column, work.row_sums]


@pytest.mark.parametrize("dropout", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 3), (1, 1), (300, 7), (300, 299), (4, 1)])
def test_no_two_arrays_overlap_and_all_lie_in_the_memory(n: int, m: int, dropout: Any):
    """A batch larger than any layer is wide, and one far smaller."""
    work = Workspace(made(dropout=dropout[0], input_dropout=dropout[1]), n)
    narrow = work.for_batch(m)
    seen = np.zeros(work.memory.size, int)
    for array in arrays(narrow):
        assert array.size == 0 or np.shares_memory(array, work.memory)
        work.memory[:] = 0
        array[:] = 1
        assert int(work.memory.sum()) == array.size
        seen += work.memory == 1
    assert seen.max() == 1
    if n == m:
        assert seen.min() == 1  # and nothing was taken in vain
    assert (narrow.ones == 1).all()
    assert not np.shares_memory(narrow.ones, work.memory)
    assert narrow.ones.shape == (1, m)


def test_narrowed_to_the_same_size_is_the_workspace_itself():
    work = Workspace(made(), 5)
    assert work.for_batch(5) is work
    assert work.for_batch(4).for_batch(3).memory is work.memory


def test_a_workspace_cannot_be_widened():
    with pytest.raises(ValueError, match="reshape"):
        Workspace(made(), 5).for_batch(6)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_narrowed_workspace_gives_what_one_of_its_own_would(dropout: float):
    """Wide, narrow, wide, narrow in turn: nothing left over is read, and ones stay ones."""
    network = made(dropout=dropout, input_dropout=dropout)
    whole = Workspace(network, 40)
    whole.memory[:] = np.nan
    for n in (40, 7, 40, 1, 3, 40):
        X = batch(n, seed=n)
        shared, own = (
            gradient(network, X, work, generator(0, Purpose.DROPOUT, n))
            for work in (whole.for_batch(n), Workspace(network, n))
        )
        np.testing.assert_array_equal(shared, own)
        assert (whole.ones == 1).all()


def test_the_input_may_be_the_narrowed_one():
    network = made()
    whole, X = Workspace(network, 40), batch(9)
    narrow = whole.for_batch(9)
    narrow.X[:] = X
    np.testing.assert_array_equal(
        gradient(network, narrow.X, narrow), gradient(network, X, Workspace(network, 9))
    )


@pytest.mark.parametrize("n", [1, 5, 40])
def test_hidden_arrays_are_feature_major_and_the_others_row_major(n: int):
    work = Workspace(made(dropout=0.5, input_dropout=0.5), n)
    for lists in (work.outputs, work.gradients):
        assert all(each.flags.f_contiguous for each in lists[:-1])
        assert lists[-1].flags.c_contiguous
    for lists in (work.masks, work.dropped):
        assert lists[0].flags.c_contiguous
        assert all(each.flags.f_contiguous for each in lists[1:])
    assert all(each.flags.c_contiguous for each in (work.X, work.targets, work.column))
    assert [each.shape for each in work.outputs] == [(n, size) for size in SIZES[1:]]


def test_no_memory_is_taken_for_masks_that_are_not_drawn():
    plain, hidden, all_of_it = (
        Workspace(made(dropout=p, input_dropout=q), 10).memory.size
        for p, q in [(0, 0), (0.5, 0), (0.5, 0.5)]
    )
    assert hidden - plain == 2 * 10 * (6 + 5)
    assert all_of_it - hidden == 2 * 10 * 7


def test_the_workspace_has_the_precision_of_the_parameters():
    for dtype in (np.float32, np.float64):
        network = made(dropout=0.5, dtype=dtype)
        work = Workspace(network, 3)
        work.X[:] = 0
        network.forward(work.X, work, generator(0, Purpose.DROPOUT))
        assert {each.dtype for each in [*arrays(work), work.ones]} == {np.dtype(dtype)}


# ── Dropout and evaluation ─────────────────────────────────────────────────────────────────────


def test_evaluation_is_deterministic_and_drops_nothing():
    network, X = made(dropout=0.5, input_dropout=0.5), batch(9)
    work = Workspace(network, 9)
    before = network.forward(X, work).copy()
    network.forward(X, work, generator(0, Purpose.DROPOUT))
    after = network.forward(X, work).copy()
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before, logits(network, X), rtol=1e-12)


@pytest.mark.parametrize(("hidden", "inputs"), [(0.4, 0.0), (0.0, 0.4), (0.4, 0.4)])
def test_training_drops_what_was_asked_for(hidden: float, inputs: float):
    network, X = made(dropout=hidden, input_dropout=inputs), batch(9)
    work = Workspace(network, 9)
    Z = network.forward(X, work, generator(0, Purpose.DROPOUT)).copy()
    masks = [mask if mask.size else np.ones((1, 1)) for mask in work.masks]
    assert [mask.size > 1 for mask in masks] == [inputs > 0, hidden > 0, hidden > 0]
    np.testing.assert_allclose(Z, logits(network, X, masks), rtol=1e-12, atol=1e-13)
    again = network.forward(X, work, generator(0, Purpose.DROPOUT)).copy()
    other = network.forward(X, work, generator(0, Purpose.DROPOUT, 1)).copy()
    np.testing.assert_array_equal(Z, again)
    assert not np.array_equal(Z, other)


def test_each_layer_draws_its_own_mask():
    network = made((50, 50, 50, 4), dropout=0.5, input_dropout=0.5)
    work = Workspace(network, 20)
    network.forward(batch(20, 50), work, generator(0, Purpose.DROPOUT))
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        agreeing = float((work.masks[one] == work.masks[other]).mean())
        assert agreeing == pytest.approx(0.5, abs=0.1)


def test_in_expectation_dropout_of_the_input_changes_nothing():
    network = made((7, 4), (), input_dropout=0.3)
    work, X = Workspace(network, 3), batch(3)
    rng = generator(0, Purpose.DROPOUT)
    mean = sum(network.forward(X, work, rng).copy() for _ in range(4000)) / 4000
    np.testing.assert_allclose(mean, logits(network, X), atol=0.1)


def test_a_gradient_after_evaluation_ignores_the_masks_of_an_earlier_step():
    network, X = made(dropout=0.5, input_dropout=0.5), batch(9)
    work = Workspace(network, 9)
    gradient(network, X, work, generator(0, Purpose.DROPOUT))
    plain = made()
    np.testing.assert_array_equal(
        gradient(network, X, work), gradient(plain, X, Workspace(plain, 9))
    )


# ── Backward into θ ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_step_into_theta_is_the_stored_gradient_times_the_rate(dropout: float):
    """dA must be taken from W before W is overwritten."""
    network, X = made(dropout=dropout), batch(9)
    work = Workspace(network, 9)
    G = gradient(network, X, work, generator(0, Purpose.DROPOUT))
    wanted = network.parameters.vector - 0.3 * G
    network.forward(X, work, generator(0, Purpose.DROPOUT))
    network.loss(labels(9), work)
    network.backward(work, Into(network.parameters, -0.3, 1, 1))
    np.testing.assert_allclose(network.parameters.vector, wanted, rtol=1e-12, atol=1e-14)


def test_float32_and_float64_run_the_same_code_to_close_results():
    single, double = (made(dtype=dtype) for dtype in (np.float32, np.float64))
    X = batch(9).astype(np.float32)
    one = gradient(single, X, Workspace(single, 9))
    double.parameters.vector[:] = single.parameters.vector
    other = gradient(double, X.astype(np.float64), Workspace(double, 9))
    assert one.dtype == np.float32
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
