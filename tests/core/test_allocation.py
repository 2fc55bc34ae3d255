"""A training step allocates nothing that grows with the batch.

Activations, and NumPy itself, broadcasting one column or making numbers of truth values, work in
pieces of a fixed number of elements; those pieces are made small here, so that they are full at any
batch and what grows is seen.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from handstitch import arrays
from handstitch.arrays import Indices, Matrix
from handstitch.core import network
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.randomness import Purpose, generator

SIZES = (784, 64, 48, 10)
SMALL, LARGE = 32, 1024
ALLOWANCE = 400
"""Bytes by which two measurements of the same thing may differ: fewer than LARGE truth values."""
PIECE = 64
"""Numbers that may be worked on at once."""
IMAGES = np.random.default_rng(0).integers(0, 256, (2 * LARGE, 28, 28), np.uint8)
LABELS = (np.arange(len(IMAGES)) % 10).astype(np.uint8)

Phases = dict[str, Callable[[], object]]


def training_step(
    batch_size: int, activation: str = "relu", rule: str = "sgd", dropout: float = 0.0, cut: int = 0
) -> Phases:
    """What the training loop does with one batch, or with one that is `cut` samples short."""
    batches = Batches(IMAGES, LABELS, np.arange(len(IMAGES)), Scaling(72.9, 1 / 90), batch_size)
    theta = Parameters.random(SIZES, np.random.default_rng(0))
    net = Network(theta, (activation,) * 2, dropout, dropout / 2)
    optimizer = Optimizer(theta, rule, weight_decay=1e-4, clip_norm=0.0 if rule == "sgd" else 1.0)
    workspace = Workspace(net, batch_size)
    indices = batches.batch(batches.epoch_order(0, 0), 0)[cut:]
    work = workspace.for_batch(len(indices))
    y = batches.gather(indices, work.X)
    return {
        "for_batch": lambda: workspace.for_batch(len(indices)),
        "gather": lambda: batches.gather(indices, work.X),
        "forward": lambda: net.forward(
            work.X, work, generator(0, Purpose.DROPOUT) if dropout else None
        ),
        "count_correct": lambda: net.count_correct(y, work),
        "loss": lambda: net.loss(y, work),
        "backward": lambda: net.backward(work, optimizer.into(0.01, 1 / len(indices))),
        "step": lambda: optimizer.step(0.01),
    }


def peaks(step: Phases, piece: int = PIECE, block: int = PIECE) -> dict[str, int]:
    """Most bytes held at once in each phase of a step, above what was held before it.

    Each phase is measured by itself: an optimizer's fixed needs must not hide what grows
    elsewhere. Of three steps the least counts.
    """
    least = dict.fromkeys(step, 2**62)
    with np.errstate(), pytest.MonkeyPatch.context() as patch:  # restore the size of the pieces
        np.setbufsize(piece)
        patch.setattr(arrays, "BLOCK", block)
        for phase in 2 * list(step.values()):  # caches fill, lazy imports happen
            phase()
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(3):
                for name, phase in step.items():
                    tracemalloc.reset_peak()
                    before, _ = tracemalloc.get_traced_memory()
                    phase()
                    _, most = tracemalloc.get_traced_memory()
                    least[name] = min(least[name], most - before)
        finally:
            tracemalloc.stop()
    return least


def growing(small: dict[str, int], large: dict[str, int]) -> dict[str, tuple[int, int]]:
    """The phases that need more with the larger batch, with their peaks in bytes."""
    return {
        name: (small[name], large[name]) for name in small if large[name] > small[name] + ALLOWANCE
    }


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nothing_grows_with_the_batch_whatever_the_activation(activation: str, dropout: float):
    small, large = (peaks(training_step(n, activation, dropout=dropout)) for n in (SMALL, LARGE))
    assert not growing(small, large)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_nothing_grows_with_the_batch_whatever_the_rule(rule: str):
    small, large = (peaks(training_step(n, rule=rule)) for n in (SMALL, LARGE))
    assert not growing(small, large)


def test_nothing_grows_with_a_short_last_batch():
    small, large = (peaks(training_step(n, dropout=0.3, cut=n // 4)) for n in (SMALL, LARGE))
    assert not growing(small, large)


def test_with_pieces_of_the_usual_size_a_step_of_any_batch_fits_in_50_kB_and_its_blocks():
    """Blocks of float32: what a formula gives, and what it compares."""
    step = training_step(LARGE, dropout=0.3)
    at_most = peaks(step, piece=8192, block=arrays.BLOCK)
    assert max(at_most.values()) < 50_000 + 2 * 4 * arrays.BLOCK
    larger = training_step(2 * LARGE, dropout=0.3)
    assert not growing(at_most, peaks(larger, piece=8192, block=arrays.BLOCK))


# ── Planted: what a careless hand would write ──────────────────────────────────────────────────


def test_an_activation_of_all_numbers_at_once_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def whole(formula: Callable[..., Matrix], out: Matrix, *inputs: Matrix) -> None:
        out[:] = formula(out, *inputs)

    monkeypatch.setattr(network, "apply", whole)
    small, large = (peaks(training_step(n)) for n in (SMALL, LARGE))
    assert list(growing(small, large)) == ["forward", "backward"]


def test_a_copy_made_for_a_product_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def copying(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
        C[:] = alpha * (A @ B) + (beta * C if beta else 0)

    monkeypatch.setattr(network, "gemm", copying)
    # So many samples that dA is larger than what is copied at any batch, the weights' gradient.
    small, large = (peaks(training_step(n)) for n in (SMALL, 2 * LARGE))
    assert {"forward", "backward"} <= set(growing(small, large))


def test_gathering_into_a_buffer_of_numpys_own_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def indexing(self: Batches, indices: Indices, X: Matrix) -> object:
        self.scaling.apply(self.images[indices], X)
        return self.labels[indices]

    monkeypatch.setattr(Batches, "gather", indexing)
    small, large = (peaks(training_step(n)) for n in (SMALL, LARGE))
    assert list(growing(small, large)) == ["gather"]


def test_labels_that_must_be_converted_are_noticed():
    """Eight bytes a sample is the least that anything here could cost."""
    found = []
    for n in (SMALL, LARGE):
        net = Network(Parameters.random(SIZES, np.random.default_rng(0)), ("relu",) * 2)
        work = Workspace(net, n)
        work.X[:] = 0
        found.append(
            peaks(
                {
                    "forward": partial(net.forward, work.X, work),
                    "loss": partial(net.loss, LABELS[:n], work),
                }
            )
        )
    assert list(growing(*found)) == ["loss"]
