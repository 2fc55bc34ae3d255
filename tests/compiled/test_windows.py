"""Local receptive fields in the numba backend, against the numpy backend and the dense products."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numba
import numpy as np
import pytest

from handstitch import machine
from handstitch.compiled import layout, window_tiles, windows
from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.layout import Compaction, layout_of
from handstitch.compiled.simd import LANES
from handstitch.compiled.step import NumbaBackend
from handstitch.compiled.window_tiles import SHARING
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator
from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training.backend import NumpyBackend

CLASSES, STEPS = 4, 6
BASE: dict[str, Any] = {
    "shape": (12, 9),
    "hidden": (40, 21),
    "sides": (2, 5),
    "group": 1,
    "is_dense": False,
    "batch": 33,
    "rule": "adamw",
    "options": {},
    "dropout": 0.0,
    "input_dropout": 0.0,
    "scaling": Scaling(0.0, 1 / 256),
    "threads": 2,
}
CHOICES: list[dict[str, Any]] = [
    *({"rule": rule} for rule in OPTIMIZERS),
    *({"rule": rule, "options": {"weight_decay": 0.02}} for rule in OPTIMIZERS),
    {"rule": "sgd", "options": {"weight_decay": 0.02, "decay_biases": True}},
    {"rule": "sgd", "options": {"clip_norm": 0.05}},
    {"rule": "adam", "options": {"clip_norm": 0.05, "weight_decay": 0.02, "decay_biases": True}},
    {"dropout": 0.3},
    {"input_dropout": 0.2},
    {"dropout": 0.5, "input_dropout": 0.3, "rule": "sgd"},
    {"scaling": Scaling(73.2, 1 / 90.0)},
    {"scaling": Scaling(73.2, 1 / 90.0), "rule": "sgd", "dropout": 0.1},
    {"sides": (1, 1)},
    {"sides": (9, 9), "shape": (9, 9)},  # the whole image
    {"shape": (7, 8, 3)},
    {"shape": (7, 8, 3), "sides": (7, 7), "hidden": (17,)},
    {"shape": (28, 28), "sides": (5, 13), "hidden": (100, 30), "batch": 256},
    {"hidden": (1, 1)},
    {"hidden": (15, 5)},
    {"hidden": (64, 16)},
    {"hidden": (131, 20, 7)},
    {"batch": 1},
    {"batch": 7},
    {"batch": 64},
    {"batch": 256},
    {"batch": 161, "rule": "sgd", "options": {"weight_decay": 0.02}},
    {"threads": 1},
    {"threads": 5},
    *({"group": group} for group in (2, 3, 4, 16)),
    {"group": 16, "hidden": (131, 20), "batch": 161, "scaling": Scaling(73.2, 1 / 90.0)},
    {"group": 16, "shape": (28, 28), "sides": (5, 13), "hidden": (100, 30), "batch": 256},
    *({"group": 16, "batch": batch} for batch in (1, 64, 96)),
]


def make_run(backend: Any = NumbaBackend, **choice: Any) -> dict[str, Any]:
    """A backend, and what it trains, before the first step."""
    chosen = BASE | choice
    shape, rng = chosen["shape"], np.random.Generator(np.random.Philox(4))
    sizes = (int(np.prod(shape)), *chosen["hidden"], CLASSES)
    images = rng.integers(0, 256, (300, *shape)).astype(np.uint8)
    images[rng.random(images.shape) < 0.4] = 0
    fields = None
    if not chosen["is_dense"]:
        fields = ReceptiveFields.draw(shape, sizes[1], chosen["sides"], rng, chosen["group"])
    parameters = Parameters.random(sizes, rng, mask=fields.mask if fields else None)
    network = Network(
        parameters,
        ("relu",) * len(chosen["hidden"]),
        chosen["dropout"],
        chosen["input_dropout"],
        fields,
    )
    optimizer = Optimizer(
        parameters, chosen["rule"], **chosen["options"], constants=Hyperparameters(epsilon=1e-4)
    )
    labels = rng.integers(0, CLASSES, len(images)).astype(np.uint8)
    batches = Batches(
        images.reshape(len(images), -1), labels, np.arange(300), chosen["scaling"], chosen["batch"]
    )
    more = (chosen["threads"],) if backend is NumbaBackend else ()
    return {
        "network": network,
        "optimizer": optimizer,
        "images": images,
        "labels": labels,
        "backend": backend(network, optimizer, batches, *more),
        "batch": chosen["batch"],
        "scaling": chosen["scaling"],
    }


def train(run: dict[str, Any], first: int = 0, stop: int = STEPS) -> list[tuple[float, int]]:
    """These steps, the last of them on an incomplete batch: losses and correct samples."""
    outcomes = []
    with machine.blas_threads(1), run["backend"].threads():
        for step in range(first, stop):
            rng = np.random.Generator(np.random.Philox(step))
            count = max(1, run["batch"] - 5) if step == STEPS - 1 else run["batch"]
            indices = rng.permutation(300)[:count].astype(np.intp)
            dropout = generator(0, Purpose.DROPOUT, step)
            outcomes.append(run["backend"].train_batch(indices, 0.002, 1 / count, np.inf, dropout))
    return outcomes


def vectors(run: dict[str, Any]) -> dict[str, Any]:
    slots = {name: slot.vector for name, slot in run["optimizer"].slots.items()}
    return {"theta": run["network"].parameters.vector, **slots}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_steps_are_those_of_the_numpy_backend(choice: dict[str, Any]):
    run, wanted = make_run(**choice), make_run(NumpyBackend, **choice)
    before = run["network"].parameters.copy().vector
    for (loss, correct), (wanted_loss, right) in zip(train(run), train(wanted), strict=True):
        assert loss == pytest.approx(wanted_loss, rel=2e-4, abs=1e-4)
        assert abs(correct - right) <= 1
    found, expected = vectors(run), vectors(wanted)
    moved = np.abs(expected["theta"] - before).max()
    assert moved > 0
    assert np.abs(found["theta"] - expected["theta"]).max() <= 2e-3 * moved + 1e-7
    for name in found.keys() - {"theta"}:
        largest = np.abs(expected[name]).max()
        assert np.abs(found[name] - expected[name]).max() <= 2e-3 * largest + 1e-9
    outside = run["network"].receptive_fields.mask == 0
    for vector in found.values():
        first_layer = vector[: outside.size].reshape(outside.shape)
        assert not first_layer[outside].any()


@pytest.mark.parametrize("is_dense", [False, True])
@pytest.mark.parametrize(
    "rule", sorted(OPTIMIZERS.keys() - {"sgd"})
)  # that takes its step in the product
def test_an_update_in_parts_has_the_bits_of_one_after_the_other(rule: str, is_dense: bool):
    """A bound that never binds stores the whole gradient first; the widest layer does so anyway."""
    bits = []
    for clip_norm in (0.0, 1e30):
        options = {"weight_decay": 0.02, "decay_biases": is_dense, "clip_norm": clip_norm}
        sizes = {"hidden": (33, 600, 20), "batch": 290}
        run = make_run(rule=rule, options=options, is_dense=is_dense, **sizes)
        train(run)
        bits.append({name: vector.tobytes() for name, vector in vectors(run).items()})
        assert run["optimizer"].steps == STEPS
    assert bits[0] == bits[1]


@pytest.mark.parametrize("choice", [{"hidden": (131, 20)}, {"batch": 161, "rule": "sgd"}], ids=str)
def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch, choice: dict[str, Any]):
    def bits(threads: int) -> tuple[Any, ...]:
        run = make_run(threads=threads, dropout=0.2, input_dropout=0.1, **choice)
        outcomes = train(run)
        return outcomes, {name: vector.tobytes() for name, vector in vectors(run).items()}

    both = bits(2)
    assert bits(1) == both
    assert bits(5) == both
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert bits(2) == both


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_a_run_that_was_resumed_has_the_same_bits(rule: str):
    whole, first, second = (make_run(rule=rule) for _ in range(3))
    train(whole)
    train(first, 0, 2)
    for name, vector in vectors(first).items():
        vectors(second)[name][:] = vector
    second["optimizer"].steps = first["optimizer"].steps
    train(second, 2)
    for name, vector in vectors(whole).items():
        np.testing.assert_array_equal(vectors(second)[name], vector)


@pytest.mark.parametrize("batch", [1, 33, 64, 96, 161, 256])
@pytest.mark.parametrize("group", [2, 3, 4, 16])
def test_units_that_share_a_window_have_the_bits_of_units_on_their_own(
    monkeypatch: pytest.MonkeyPatch, group: int, batch: int
):
    """Units that share, and the others, side by side: batch and image sizes of every tile."""

    def bits() -> tuple[Any, ...]:
        run = make_run(group=group, batch=batch, hidden=(40, 5), scaling=Scaling(73.2, 1 / 90.0))
        shared = layout_of(run["network"]).window_shared.any()
        outcomes = train(run)
        return shared, outcomes, {name: each.tobytes() for name, each in vectors(run).items()}

    together, *found = bits()
    assert together == (group >= SHARING and window_tiles.TILES[0] == 8)
    monkeypatch.setattr(layout, "windows_of", windows_on_their_own)
    on_their_own, *wanted = bits()
    assert not on_their_own
    assert found == wanted


def windows_on_their_own(fields: ReceptiveFields | None) -> Any:
    pixels, starts, shared = windows.windows_of(fields)
    return pixels, starts, np.zeros_like(shared)


def test_units_share_where_four_rectangles_are_the_same():
    rectangles = np.tile([0, 0, 2, 3], (15, 1))
    rectangles[6] = 1, 1, 2, 3
    shared = windows.windows_of(ReceptiveFields(rectangles, (4, 5)))[2]
    assert shared.tolist() == [window_tiles.TILES[0] == 8, False, window_tiles.TILES[0] == 8, False]


def test_within_an_epoch_store_brings_theta_and_slots_up_to_date():
    run, wanted = make_run(), make_run()
    train(wanted, 0, 2)
    before = {name: vector.copy() for name, vector in vectors(run).items()}
    with run["backend"].threads():
        for step in range(2):
            rng = np.random.Generator(np.random.Philox(step))
            indices = rng.permutation(300)[:33].astype(np.intp)
            run["backend"].train_batch(indices, 0.002, 1 / 33, np.inf, None)
        for name, vector in vectors(run).items():
            np.testing.assert_array_equal(vector, before[name])
        run["backend"].store()
        for name, vector in vectors(run).items():
            np.testing.assert_array_equal(vector, vectors(wanted)[name])
        # What is changed from outside, as by resuming, is not overwritten by an earlier step.
        run["network"].parameters.vector[:] = 0
    assert not run["network"].parameters.vector.any()


def test_validation_sees_the_last_step():
    run, wanted = make_run(), make_run(NumpyBackend)
    for each in (run, wanted):
        train(each)
    images, labels = run["images"], run["labels"]
    with run["backend"].threads():
        found = run["backend"].validate(images, labels)
    assert found == pytest.approx(wanted["backend"].validate(images, labels), rel=1e-4)


@pytest.mark.parametrize("scaling", [Scaling(0.0, 1 / 256), Scaling(73.2, 1 / 90.0)], ids=str)
@pytest.mark.parametrize("choice", [{}, {"shape": (7, 8, 3)}, {"hidden": (300, 200)}], ids=str)
def test_classifier(scaling: Scaling, choice: dict[str, Any]):
    run = make_run(scaling=scaling, **choice)
    run["network"].parameters.vector[:] += np.float32(0.01)  # biases, too
    fields = run["network"].receptive_fields
    run["network"].parameters.weights[0][:] *= fields.mask
    images = run["images"]
    for threads in (1, 2):
        classify = CompiledClassifier(run["network"], scaling, threads, axes=images.ndim - 1)
        wanted = Evaluator(run["network"], images, scaling).probabilities()
        np.testing.assert_allclose(classify(images), wanted, atol=2e-6)
        for image, P in zip(images[:5], wanted, strict=False):
            np.testing.assert_allclose(classify(image), P, atol=2e-6)


def test_dropped_pixels_with_an_offset_are_refused():
    with pytest.raises(ValueError, match="offset"):
        make_run(scaling=Scaling(73.2, 1 / 90.0), input_dropout=0.2)


def test_the_compact_vector_holds_the_windows_and_the_rest():
    network = make_run(hidden=(5, 3))["network"]
    places = layout_of(network)
    compaction, theta = Compaction(places), network.parameters.vector
    compact = compaction.zeros(theta)
    compaction.compact(theta, compact)
    mask = network.receptive_fields.mask
    for unit, (begin, end) in enumerate(pairwise(places.window_starts)):
        kept = network.parameters.weights[0][:, unit][mask[:, unit] == 1]
        np.testing.assert_array_equal(compact[begin:end], kept)
    for W, begin in zip(network.parameters.weights[1:], places.W[1:], strict=True):
        np.testing.assert_array_equal(compact[begin : begin + W.size], W.ravel())
    assert places.W[1] % LANES == 0  # W₁ begins with a cache line
    back = np.zeros_like(theta)
    compaction.expand(compact, back)
    np.testing.assert_array_equal(back, theta)
