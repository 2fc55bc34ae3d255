"""Each rule against the textbook written out a second time, number by number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import hypot, sqrt
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import BLOCK, Vector, blocks
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS

SIZES = (6, 5, 4, 3)
STEPS = 60
RATE = 0.05
CONSTANTS = Hyperparameters(momentum=0.8, beta1=0.85, beta2=0.97, epsilon=1e-6)


def start(sizes: tuple[int, ...] = SIZES, dtype: Any = np.float64) -> Parameters:
    parameters = Parameters.random(sizes, np.random.default_rng(0), dtype=dtype)
    for b in parameters.biases:
        b[:] = np.random.default_rng(1).standard_normal(b.shape)
    return parameters


def gradients(size: int, steps: int = STEPS) -> list[Vector]:
    """Drawn once; their lengths differ by a factor of 100, so that clipping acts now and then."""
    rng = np.random.default_rng(2)
    return [10 ** rng.uniform(-1, 1) * rng.standard_normal(size) / sqrt(size) for _ in range(steps)]


def hand_over(into: Into, gradient: Vector, weight_count: int) -> None:
    """What `backward` does with `into`, on a gradient that is simply given."""
    target, beta = into.parameters.vector, np.full(gradient.size, into.beta)
    beta[weight_count:] = into.beta_biases
    target[:] = into.alpha * gradient + np.where(beta == 0, 0, beta * np.nan_to_num(target))


def run(optimizer: Optimizer, given: list[Vector], rate: float = RATE, scale: float = 1.0) -> None:
    for gradient in given:
        hand_over(optimizer.into(rate, scale), gradient, optimizer.parameters.weight_count)
        optimizer.step(rate)


# ── The second writing: one parameter at a time, plain floats, hats and all ────────────────────


def one_sgd(g: float, eta: float, t: int, memory: dict[str, float]) -> float:
    return eta * g


def one_momentum(g: float, eta: float, t: int, memory: dict[str, float]) -> float:
    memory["v"] = CONSTANTS.momentum * memory.get("v", 0.0) + g
    return eta * memory["v"]


def one_nesterov(g: float, eta: float, t: int, memory: dict[str, float]) -> float:
    memory["v"] = CONSTANTS.momentum * memory.get("v", 0.0) + g
    return eta * (g + CONSTANTS.momentum * memory["v"])


def one_rmsprop(g: float, eta: float, t: int, memory: dict[str, float]) -> float:
    memory["s"] = CONSTANTS.beta2 * memory.get("s", 0.0) + (1 - CONSTANTS.beta2) * g * g
    return eta * g / (sqrt(memory["s"]) + CONSTANTS.epsilon)


def one_adam(g: float, eta: float, t: int, memory: dict[str, float]) -> float:
    b1, b2 = CONSTANTS.beta1, CONSTANTS.beta2
    memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
    memory["s"] = b2 * memory.get("s", 0.0) + (1 - b2) * g * g
    m_hat, s_hat = memory["m"] / (1 - b1**t), memory["s"] / (1 - b2**t)
    return eta * m_hat / (sqrt(s_hat) + CONSTANTS.epsilon)


Rule = Callable[[float, float, int, dict[str, float]], float]
SECOND: dict[str, Rule] = {
    "sgd": one_sgd,
    "momentum": one_momentum,
    "nesterov": one_nesterov,
    "rmsprop": one_rmsprop,
    "adam": one_adam,
    "adamw": one_adam,
}


def second(
    theta: Vector,
    given: list[Vector],
    weight_count: int,
    rule: str,
    *,
    weight_decay: float,
    decay_biases: bool,
    decoupled: bool,
    clip_norm: float,
) -> Vector:
    numbers = [float(each) for each in theta]
    memories: list[dict[str, float]] = [{} for _ in numbers]
    for t, gradient in enumerate(given, start=1):
        norm = hypot(*gradient)
        shorter = clip_norm / norm if clip_norm and norm > clip_norm else 1.0
        for i, g in enumerate(gradient):
            decay = weight_decay if i < weight_count or decay_biases else 0.0
            g = float(g) * shorter  # noqa: PLW2901 (the formula's own letter)
            if decoupled or rule == "adamw":
                numbers[i] -= RATE * decay * numbers[i]
            else:
                g += decay * numbers[i]  # noqa: PLW2901
            numbers[i] -= SECOND[rule](g, RATE, t, memories[i])
    return np.array(numbers)


def test_every_rule_has_a_second_writing_and_can_be_configured():
    from typing import get_args

    from handstitch.config.schema import DEFAULT_LEARNING_RATES
    from handstitch.config.settings import OptimizerName

    assert (
        set(SECOND)
        == set(OPTIMIZERS)
        == set(get_args(OptimizerName))
        == set(DEFAULT_LEARNING_RATES)
    )


DECAYS = [(0.0, False, False), *product([0.1], [False, True], [False, True])]


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
@pytest.mark.parametrize(("weight_decay", "decay_biases", "decoupled"), DECAYS)
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_sixty_steps_of_each_rule(
    rule: str, weight_decay: float, decay_biases: bool, decoupled: bool, clip_norm: float
):
    parameters = start()
    options: dict[str, Any] = {
        "weight_decay": weight_decay,
        "decay_biases": decay_biases,
        "decoupled": decoupled,
        "clip_norm": clip_norm,
    }
    given = gradients(parameters.vector.size)
    lengths = [np.linalg.norm(each) for each in given]
    assert min(lengths) < 1 < max(lengths)
    wanted = second(parameters.vector, given, parameters.weight_count, rule, **options)
    optimizer = Optimizer(parameters, rule, constants=CONSTANTS, **options)
    run(optimizer, given)
    error = np.linalg.norm(parameters.vector - wanted) / np.linalg.norm(wanted)
    assert error <= 1e-13
    assert optimizer.steps == STEPS


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_summed_and_mean_differ_by_the_scale_alone(rule: str):
    one, other = start(), start()
    given = gradients(one.vector.size)
    run(Optimizer(one, rule, constants=CONSTANTS), given, scale=0.25)
    run(Optimizer(other, rule, constants=CONSTANTS), [each * 0.25 for each in given])
    np.testing.assert_allclose(one.vector, other.vector, rtol=1e-12)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_the_rate_of_each_step_is_the_one_it_is_given(rule: str):
    """A schedule changes it; a rate of 0 leaves θ where it is, whatever the slots hold."""
    parameters = start()
    optimizer = Optimizer(parameters, rule, weight_decay=0.1)
    run(optimizer, gradients(parameters.vector.size)[:5])
    before = parameters.vector.copy()
    run(optimizer, gradients(parameters.vector.size)[5:6], rate=0.0)
    np.testing.assert_array_equal(parameters.vector, before)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_blocks_hide_nothing(rule: str):
    """θ of more than two blocks, whose last is short: as if the rule saw all of it at once."""
    sizes = (300, 230, 10)
    parameters = start(sizes)
    assert parameters.vector.size > 2 * BLOCK
    assert parameters.vector.size % BLOCK
    given = gradients(parameters.vector.size, steps=3)
    options: dict[str, Any] = {"weight_decay": 0.1, "decay_biases": False, "clip_norm": 0.5}
    options["decoupled"] = False
    wanted = second(parameters.vector, given, parameters.weight_count, rule, **options)
    run(Optimizer(parameters, rule, constants=CONSTANTS, **options), given)
    np.testing.assert_allclose(parameters.vector, wanted, rtol=1e-10, atol=1e-13)


def test_blocks_cover_each_number_once_and_none_beyond():
    for size in (1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK):
        seen = np.zeros(size + BLOCK)  # as the weights in θ: there is more behind them
        for part in blocks(size):
            seen[part] += 1
        assert (seen[:size] == 1).all()
        assert not seen[size:].any()


def test_slots_are_named_and_start_at_zero():
    wanted = {"sgd": [], "momentum": ["velocity"], "nesterov": ["velocity"], "rmsprop": ["square"]}
    wanted |= {"adam": ["mean", "square"], "adamw": ["mean", "square"]}
    for rule, names in wanted.items():
        optimizer = Optimizer(start(), rule)
        assert list(optimizer.slots) == names
        assert not any(slot.vector.any() for slot in optimizer.slots.values())


# ── Where a gradient goes ──────────────────────────────────────────────────────────────────────


def batch(n: int = 12, dropout: float = 0.0) -> tuple[Network, Workspace]:
    network = Network(start(), ("tanh", "relu"), dropout)
    work = Workspace(network, n)
    rng = np.random.default_rng(5)
    work.X[:] = rng.standard_normal(work.X.shape)
    return network, work


def labels(n: int = 12) -> Any:
    return (np.arange(n) % SIZES[-1]).astype(np.uint8)


def send(network: Network, work: Workspace, into: Into, part: slice = slice(None)) -> None:
    X = work.X[part].copy()
    small = work.for_batch(len(X))
    network.forward(X, small)
    network.loss(labels()[part], small)
    network.backward(small, into)


def stored(network: Network, work: Workspace) -> Vector:
    G = network.parameters.zeros_like()
    G.vector[:] = np.nan
    send(network, work, Into(G, 1, 0, 0))
    assert np.isfinite(G.vector).all()
    return G.vector


def test_into_a_gradient_with_beta_0_stores_and_does_not_read():
    network, work = batch()
    np.testing.assert_array_equal(stored(network, work), stored(network, work))


def test_into_a_gradient_with_beta_1_adds_up_small_batches():
    network, work = batch()
    whole, X = stored(network, work), work.X.copy()
    G = network.parameters.zeros_like()
    for part in (slice(0, 5), slice(5, 6), slice(6, 12)):
        work.X[:] = X  # narrowed workspaces lie in the same memory
        send(network, work, Into(G, 1, 1, 1), part)
    np.testing.assert_allclose(G.vector, whole, rtol=1e-11, atol=1e-14)


def test_into_a_velocity_with_beta_mu_is_momentum():
    network, work = batch()
    g = stored(network, work)
    V = network.parameters.copy()
    wanted = 0.9 * V.vector + g / 12
    send(network, work, Into(V, 1 / 12, 0.9, 0.9))
    np.testing.assert_allclose(V.vector, wanted, rtol=1e-12, atol=1e-15)


def test_biases_have_a_beta_of_their_own():
    network, work = batch()
    g, V = stored(network, work), network.parameters.copy()
    wanted = 2 * g + 0.5 * V.vector
    wanted[V.weight_count :] += -0.75 * V.vector[V.weight_count :]
    send(network, work, Into(V, 2, 0.5, -0.25))
    np.testing.assert_allclose(V.vector, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("decay_biases", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("scale", [1, 1 / 12])
def test_the_fused_step_is_the_stored_one(weight_decay: float, decay_biases: bool, scale: float):
    """θ ← −η Aᵀ dZ + (1 − ηλ) θ during backward, against gradient first and step after."""
    options: dict[str, Any] = {"weight_decay": weight_decay, "decay_biases": decay_biases}
    finals = []
    for clip_norm in (0.0, 1e9):  # a bound that never binds makes the gradient be stored
        network, work = batch()
        X = work.X.copy()
        optimizer = Optimizer(network.parameters, "sgd", clip_norm=clip_norm, **options)
        into = optimizer.into(RATE, scale)
        assert (into.parameters is network.parameters) == (clip_norm == 0)
        for _ in range(50):
            work.X[:] = X
            send(network, work, optimizer.into(RATE, scale))
            optimizer.step(RATE)
        finals.append(network.parameters.vector)
    assert np.linalg.norm(finals[0] - start().vector) > 0.1
    np.testing.assert_allclose(finals[0], finals[1], rtol=1e-10, atol=1e-13)


def test_only_plain_sgd_keeps_no_gradient():
    for rule in OPTIMIZERS:
        into = Optimizer(parameters := start(), rule).into(0.1, 1)
        assert (into.parameters is parameters) == (rule == "sgd")


def test_clipping_keeps_the_direction_and_bounds_the_length():
    for length, wanted in [(10.0, 2.0), (2.0, 2.0), (0.5, 0.5), (0.0, 0.0)]:
        parameters = start()
        before = parameters.vector.copy()
        direction = np.ones(before.size) / sqrt(before.size)
        run(Optimizer(parameters, "sgd", clip_norm=2.0), [length * direction], rate=1.0)
        np.testing.assert_allclose(before - parameters.vector, wanted * direction, atol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clipping_does_not_hide_a_gradient_that_is_none(bad: float):
    parameters = start()
    gradient = np.ones(parameters.vector.size)
    gradient[7] = bad
    with np.errstate(invalid="ignore"):
        run(Optimizer(parameters, "sgd", clip_norm=1.0), [gradient])
    assert not np.isfinite(parameters.vector).all()


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_float32_stays_float32_and_close_to_float64(rule: str):
    single, double = start(dtype=np.float32), start()
    given = gradients(single.vector.size)
    options: dict[str, Any] = {"weight_decay": 0.1, "clip_norm": 1.0, "constants": CONSTANTS}
    first = Optimizer(single, rule, **options)
    run(first, [each.astype("f") for each in given])
    run(Optimizer(double, rule, **options), given)
    assert single.vector.dtype == np.float32
    assert all(slot.vector.dtype == np.float32 for slot in first.slots.values())
    np.testing.assert_allclose(single.vector, double.vector, rtol=1e-3, atol=1e-4)
