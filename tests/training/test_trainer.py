"""Trainer: the meaning of its records, its end, and that it always gives the same bits."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest

from handstitch import machine
from handstitch.compiled.step import NumbaBackend
from handstitch.config import Config
from handstitch.config.schema import DEFAULT_LEARNING_RATES
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset
from handstitch.errors import DivergedError
from handstitch.evaluation import Evaluator
from handstitch.randomness import Purpose, generator
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import State, Trainer, backend, schedules, start


def make_dataset(n: int, seed: int = 0) -> Dataset:
    images, labels = sketch.draw(n, seed)
    return Dataset("sketch", "train", images, labels, GARMENTS, "drawn from a seed")


@pytest.fixture(scope="module")
def pictures() -> Dataset:
    return make_dataset(500)


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def backend_name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds for both backends."""
    name = request.param
    monkeypatch.setattr(backend, "resolve", lambda config: name if config.hidden_sizes else "numpy")


SMALL = Config.preset(
    "plain", hidden_sizes=(24, 12), epochs=3, batch_size=64, learning_rate=0.1, scaling="255"
)


def run_training(pictures: Dataset, config: Config) -> State:
    trainer = Trainer(config, pictures)
    trainer.fit()
    return trainer.state


def figures(records: list[EpochRecord]) -> list[tuple[Any, ...]]:
    """All of the records but the seconds."""
    timeless = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
    return [tuple(getattr(record, name) for name in (*timeless, "is_best")) for record in records]


# ── What the records mean ──────────────────────────────────────────────────────────────────────


def forward(theta: Parameters, X: Any) -> list[Any]:
    outputs = [X]
    for layer, (W, b) in enumerate(zip(theta.weights, theta.biases, strict=True)):
        Z = outputs[-1] @ W + b
        outputs.append(np.maximum(Z, 0) if layer < len(theta.weights) - 1 else Z)
    return outputs


def losses_and_correct(Z: Any, y: Any) -> tuple[Any, Any]:
    shifted = Z - Z.max(axis=1, keepdims=True)
    return (
        np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y],
        Z.argmax(axis=1) == y,
    )


def train_slowly(trainer: Trainer) -> list[tuple[float, ...]]:
    """Plain SGD in float64, one loop: losses and accuracies of each epoch, and Σ W²."""
    config, pictures, data = trainer.config, trainer.dataset, trainer
    theta = trainer.state.network.parameters
    theta = Parameters(theta.sizes, theta.vector.astype(np.float64))
    images = pictures.images.reshape(len(pictures), -1) / 255
    val_indices = np.setdiff1d(np.arange(len(pictures)), data.batches.train_indices)
    epochs: list[tuple[float, ...]] = []
    for epoch in range(config.epochs):
        order = data.batches.epoch_order(config.seed, epoch)
        losses, correct = [], []
        for first in range(0, len(order), config.batch_size):
            indices = order[first : first + config.batch_size]
            y, outputs = pictures.labels[indices], forward(theta, images[indices])
            batch_losses, is_correct = losses_and_correct(outputs[-1], y)
            losses.extend(batch_losses)
            correct.extend(is_correct)
            P = np.exp(outputs[-1]) / np.exp(outputs[-1]).sum(axis=1, keepdims=True)
            dZ = P - np.eye(10)[y]
            dZ = dZ / len(y) if config.reduction == "mean" else dZ
            new = []
            for W, A in zip(theta.weights[::-1], outputs[-2::-1], strict=True):
                new.append((A.T @ dZ, dZ.sum(axis=0)))
                dZ = (dZ @ W.T) * (A > 0)
            for layer, (dW, db) in enumerate(new[::-1]):
                decay = config.weight_decay * theta.weights[layer]
                theta.weights[layer][:] -= config.learning_rate * (dW + decay)
                theta.biases[layer][:] -= config.learning_rate * db
        val, val_correct = losses_and_correct(
            forward(theta, images[val_indices])[-1], pictures.labels[val_indices]
        )
        norm = sum(float(np.sum(W**2)) for W in theta.weights)
        epochs.append((np.mean(losses), np.mean(correct), np.mean(val), np.mean(val_correct), norm))
    return epochs


@pytest.mark.parametrize("schedule", ["exponential", "linear", "cosine", "one-cycle"])
def test_the_rate_of_a_record_is_that_of_the_epochs_last_step(pictures: Dataset, schedule: Any):
    config = replace(SMALL, schedule=schedule, warmup=0.5)
    trainer = Trainer(config, pictures)
    steps = len(trainer.batches)
    assert [record.learning_rate for record in trainer] == [
        schedules.learning_rate(config, epoch * steps - 1, steps, []) for epoch in (1, 2, 3)
    ]


def test_dropout_is_a_function_of_the_seed_and_the_step(pictures: Dataset):
    config = replace(SMALL, dropout=0.3, input_dropout=0.2, epochs=2, seed=5)
    trainer, other = Trainer(config, pictures), Trainer(config, pictures)
    batches = other.batches
    plain = backend.NumpyBackend(other.state.network, other.state.optimizer, batches)
    for step in range(2 * len(batches)):
        epoch, batch = divmod(step, len(batches))
        indices = batches.batch(batches.epoch_order(5, epoch), batch)
        scale = 1 / len(indices) if config.reduction == "mean" else 1.0
        rng = generator(5, Purpose.DROPOUT, step)
        plain.train_batch(indices, config.learning_rate, scale, np.inf, rng)
    trainer.fit()
    np.testing.assert_allclose(
        trainer.state.network.parameters.vector, other.state.network.parameters.vector,
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize(("reduction", "rate"), [("mean", 0.1), ("sum", 0.1 / 64)])
def test_records_are_those_of_a_slow_loop(pictures: Dataset, reduction: Any, rate: float):
    """Training figures before each update, without the penalty; every sample counts alike,
    those of the short last batch too."""
    config = replace(SMALL, reduction=reduction, learning_rate=rate, weight_decay=0.01)
    trainer = Trainer(config, pictures)
    wanted = train_slowly(trainer)
    assert len(trainer.batches.train_indices) % config.batch_size
    for record, (loss, accuracy, val_loss, val_accuracy, norm) in zip(
        trainer.fit(), wanted, strict=True
    ):
        assert record.train_loss == pytest.approx(loss, rel=1e-4)
        assert record.train_accuracy == pytest.approx(accuracy, abs=0.005)
        assert record.val_loss == pytest.approx(val_loss, rel=1e-4)
        assert record.val_accuracy == pytest.approx(val_accuracy, abs=0.021)
        per_sample = 64 if reduction == "sum" else 1
        assert record.l2_penalty == pytest.approx(0.01 / 2 * norm / per_sample, rel=1e-4)
        assert record.l2_penalty > 0.01 or reduction == "sum"
        assert record.learning_rate == rate
        assert record.seconds >= record.train_seconds > 0
    assert [record.epoch for record in trainer.state.history] == [1, 2, 3]


def test_the_first_loss_is_before_any_update(pictures: Dataset):
    """One batch an epoch: the loss of epoch 1 is that of the network as it was drawn."""
    config = replace(SMALL, batch_size=1000, epochs=1)
    trainer = Trainer(config, pictures)
    indices = trainer.batches.train_indices
    X = pictures.images[indices].reshape(450, -1) / 255
    losses, _ = losses_and_correct(
        forward(trainer.state.network.parameters, X)[-1], pictures.labels[indices]
    )
    assert trainer.fit()[0].train_loss == pytest.approx(losses.mean(), rel=1e-5)


def test_scaling_is_fitted_to_the_training_part(pictures: Dataset):
    config = replace(SMALL, scaling="standard")
    data = Trainer(config, pictures)
    part = pictures.images[data.batches.train_indices]
    assert data.scaling.offset == pytest.approx(part.mean())
    assert data.scaling.scale == pytest.approx(1 / part.std())
    assert len(data.validation_labels) == 50


# ── The same bits ──────────────────────────────────────────────────────────────────────────────

WITH_ALL = replace(
    SMALL, dropout=0.2, input_dropout=0.1, weight_decay=0.001, schedule="cosine", warmup=0.5
)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_run_is_a_function_of_its_configuration(pictures: Dataset, rule: Any):
    config = replace(WITH_ALL, optimizer=rule, learning_rate=DEFAULT_LEARNING_RATES[rule])
    one, other = run_training(pictures, config), run_training(pictures, config)
    assert one.network.parameters.vector.tobytes() == other.network.parameters.vector.tobytes()
    assert figures(one.history) == figures(other.history)
    different = run_training(pictures, replace(config, seed=1))
    assert not np.array_equal(one.network.parameters.vector, different.network.parameters.vector)


class Stop(Exception):  # noqa: N818 (no error)
    pass


@pytest.mark.parametrize("stop_after", [1, 5, 8, 11, 16])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_resuming_in_the_middle_of_an_epoch_gives_the_same_bits(
    pictures: Dataset, rule: Any, stop_after: int
):
    """Eight batches an epoch; everything the second half gets is what State holds."""
    config = replace(WITH_ALL, optimizer=rule, learning_rate=DEFAULT_LEARNING_RATES[rule])
    whole = run_training(pictures, config)
    trainer = Trainer(config, pictures)
    state = trainer.state

    def stop(now: State) -> None:
        if now.optimizer.steps == stop_after:
            raise Stop

    with pytest.raises(Stop):
        trainer.fit(stop)
    assert (state.epoch * 8 + state.batch) == stop_after
    other = Trainer(config, pictures)
    later = other.state
    np.copyto(later.network.parameters.vector, state.network.parameters.vector)
    for name, slot in later.optimizer.slots.items():
        np.copyto(slot.vector, state.optimizer.slots[name].vector)
    later.optimizer.steps = state.optimizer.steps
    np.copyto(later.best.vector, state.best.vector)
    for name in ("epoch", "batch", "loss", "correct", "samples", "history"):
        setattr(later, name, getattr(state, name))
    other.fit()
    assert later.network.parameters.vector.tobytes() == whole.network.parameters.vector.tobytes()
    assert later.best.vector.tobytes() == whole.best.vector.tobytes()
    assert figures(later.history) == figures(whole.history)


def test_training_leaves_global_random_state_alone(pictures: Dataset):
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    run_training(pictures, WITH_ALL)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


# ── A loop of one's own ────────────────────────────────────────────────────────────────────────


def test_a_loop_that_is_left_can_be_entered_again(pictures: Dataset):
    whole = run_training(pictures, WITH_ALL)
    trainer = Trainer(WITH_ALL, pictures)
    for first in trainer:
        assert first.epoch == 1
        break
    assert [record.epoch for record in trainer] == [2, 3]
    assert trainer.is_over
    assert list(trainer) == []
    assert trainer.fit() == trainer.state.history
    theta = trainer.state.network.parameters.vector
    assert theta.tobytes() == whole.network.parameters.vector.tobytes()
    assert figures(trainer.state.history) == figures(whole.history)


def test_a_loop_that_an_error_left_in_the_middle_of_an_epoch_can_be_entered_again(
    pictures: Dataset,
):
    whole = run_training(pictures, WITH_ALL)
    trainer = Trainer(WITH_ALL, pictures)

    def stop(now: State) -> None:
        if now.optimizer.steps == 11:
            raise Stop

    with pytest.raises(Stop):
        trainer.fit(stop)
    assert [record.epoch for record in trainer] == [2, 3]
    theta = trainer.state.network.parameters.vector
    assert theta.tobytes() == whole.network.parameters.vector.tobytes()
    assert figures(trainer.state.history) == figures(whole.history)


def test_two_trainers_at_once_do_not_disturb_each_other(pictures: Dataset):
    one, other = WITH_ALL, replace(WITH_ALL, seed=1, optimizer="adam", learning_rate=0.001)
    alone = [run_training(pictures, config) for config in (one, other)]
    together = [Trainer(config, pictures) for config in (one, other)]
    pairs = list(zip(*together, strict=True))
    assert len(pairs) == 3
    for state, trainer in zip(alone, together, strict=True):
        theta = trainer.state.network.parameters.vector
        assert theta.tobytes() == state.network.parameters.vector.tobytes()
        assert figures(trainer.state.history) == figures(state.history)


def blas_counts() -> list[int]:
    return [pool["num_threads"] for pool in machine.blas_pools()]


def test_the_blas_has_the_threads_of_the_run_within_an_epoch_only(pictures: Dataset):
    """A caller's own threads are as they were whenever the loop is the caller's."""
    within: list[list[int]] = []
    with machine.blas_threads(2):
        before = blas_counts()
        trainer = Trainer(replace(SMALL, threads=1), pictures)
        for _ in trainer.epochs(lambda state: within.append(blas_counts())):
            assert blas_counts() == before
        assert blas_counts() == before

        def stop(now: State) -> None:
            raise Stop

        with pytest.raises(Stop):
            Trainer(replace(SMALL, threads=1), pictures).fit(stop)
        assert blas_counts() == before
    assert set(map(tuple, within)) == {(1,) * len(before)}
    assert 2 in before


# ── Best, early, plateau ───────────────────────────────────────────────────────────────────────


def pretend(monkeypatch: pytest.MonkeyPatch, pairs: list[tuple[float, float]]) -> None:
    """Validation gives these losses and accuracies, one pair an epoch."""
    remaining = iter(pairs)
    for step in (backend.NumpyBackend, NumbaBackend):
        monkeypatch.setattr(step, "validate", lambda self, images, labels: next(remaining))


COURSE = [(1.0, 0.5), (0.8, 0.7), (0.9, 0.8), (0.7, 0.8), (0.75, 0.6)]


@pytest.mark.parametrize(
    ("monitor", "bests"),
    [("accuracy", [True, True, True, False, False]), ("loss", [True, True, False, True, False])],
)
def test_best_is_the_first_with_the_best_figure_and_its_weights_are_kept(
    monkeypatch: pytest.MonkeyPatch, pictures: Dataset, monitor: Any, bests: list[bool]
):
    config = replace(SMALL, epochs=5, monitor=monitor)
    pretend(monkeypatch, COURSE)
    trainer = Trainer(config, pictures)
    state = trainer.state
    weights = []
    for record in trainer:
        weights.append(state.network.parameters.vector.copy())
        last_best = max(k for k in range(record.epoch) if bests[k])
        np.testing.assert_array_equal(state.best.vector, weights[last_best])
    assert [record.is_best for record in state.history] == bests
    assert best_epoch(state.history) is state.history[max(k for k in range(5) if bests[k])]


@pytest.mark.parametrize(("patience", "epochs"), [(0, 9), (1, 4), (2, 7), (3, 8)])
def test_early_stopping_after_so_many_epochs_that_were_not_the_best(
    monkeypatch: pytest.MonkeyPatch, pictures: Dataset, patience: int, epochs: int
):
    accuracies = [0.1, 0.2, 0.3, 0.3, 0.4, 0.3, 0.3, 0.3, 0.3]
    pretend(monkeypatch, [(1.0, accuracy) for accuracy in accuracies])
    config = replace(SMALL, epochs=9, patience=patience)
    assert len(run_training(pictures, config).history) == epochs


def test_a_plateau_lowers_the_rate(monkeypatch: pytest.MonkeyPatch, pictures: Dataset):
    config = replace(SMALL, epochs=6, schedule="plateau", plateau_patience=2, decay_factor=0.5)
    pretend(monkeypatch, [(loss, 0.5) for loss in (1, 1, 1, 0.9, 0.9, 0.9)])
    rates = [record.learning_rate for record in run_training(pictures, config).history]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.05])


# ── Divergence ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_an_absurd_rate_is_tried_and_stops_within_a_batch(
    pictures: Dataset, rule: Any, rate: float
):
    config = replace(SMALL, optimizer=rule, learning_rate=rate)
    trainer = Trainer(config, pictures)
    state = trainer.state
    before = state.best.vector.copy()
    with pytest.raises(DivergedError) as caught:
        trainer.fit()
    assert caught.value.exit_code == 6
    assert 1 <= state.optimizer.steps <= 2  # tried, and noticed
    assert "learning_rate" in str(caught.value.fix)
    proposed = float(str(caught.value.fix).split("learning_rate=")[1].split()[0])
    assert 0 < proposed <= DEFAULT_LEARNING_RATES[rule]
    np.testing.assert_array_equal(state.best.vector, before)
    run_training(pictures, replace(config, learning_rate=proposed))


def test_the_rate_proposed_for_summed_gradients_is_for_summed_gradients(pictures: Dataset):
    config = replace(SMALL, reduction="sum", learning_rate=50)
    with pytest.raises(DivergedError) as caught:
        run_training(pictures, config)
    proposed = float(str(caught.value.fix).split("learning_rate=")[1].split()[0])
    assert proposed == pytest.approx(0.1 / 64, rel=0.05)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_weights_that_go_bad_later_leave_the_best_intact(pictures: Dataset, bad: float):
    trainer = Trainer(SMALL, pictures)
    state = trainer.state
    kept: list[Any] = []

    def spoil(now: State) -> None:
        if now.epoch == 1 and now.batch == 3:
            kept.append(now.best.vector.copy())
            now.network.parameters.vector[::7] = bad

    with pytest.raises(DivergedError, match="diverged"):
        trainer.fit(spoil)
    assert (state.epoch, state.batch) == (1, 3)  # the very next batch
    np.testing.assert_array_equal(state.best.vector, kept[0])
    assert np.isfinite(state.best.vector).all()
    assert len(state.history) == 1


@pytest.mark.parametrize("bad", [np.nan, 1e30, 1e4])  # the last gives a finite loss
def test_weights_that_go_bad_with_the_last_batch_of_an_epoch_are_caught(
    pictures: Dataset, bad: float
):
    """No next batch would see them: the validation does, and they are not taken for the best."""
    trainer = Trainer(replace(SMALL, epochs=1), pictures)
    state = trainer.state
    drawn_first = state.best.vector.copy()

    def spoil(now: State) -> None:
        if now.batch == len(trainer.batches):
            now.network.parameters.vector[::7] = bad

    with pytest.raises(DivergedError):
        trainer.fit(spoil)
    np.testing.assert_array_equal(state.best.vector, drawn_first)
    assert state.history == []


def test_a_network_whose_units_have_all_died_is_caught_although_its_numbers_are_finite(
    pictures: Dataset,
):
    """Only the last biases speak, the same for every image, and far too loudly."""
    trainer = Trainer(SMALL, pictures)
    state = trainer.state
    theta = state.network.parameters
    theta.biases[0][:] = -1e6
    theta.biases[-1][:] = np.linspace(0, 1e4, 10)
    with pytest.raises(DivergedError) as caught:
        trainer.fit()
    assert state.optimizer.steps == 0
    assert "epoch 1, batch 1" in str(caught.value.found)


def test_a_bad_start_that_has_not_diverged_may_train(pictures: Dataset):
    trainer = Trainer(replace(SMALL, learning_rate=1e-3), pictures)
    trainer.state.network.parameters.biases[-1][:] = np.linspace(0, 500 * log(10), 10)
    next(iter(trainer))


# ── The built-in data ──────────────────────────────────────────────────────────────────────────


def test_the_default_network_beats_softmax_regression_on_sketch_by_five_points():
    pictures, test = make_dataset(10_000), make_dataset(2000, seed=1)
    shared: dict[str, Any] = {"scaling": "standard", "batch_size": 128, "optimizer": "adam"}
    accuracies = {}
    for hidden, epochs in [((512, 256), 8), ((), 20)]:
        config = Config.preset(
            "plain",
            hidden_sizes=hidden,
            epochs=epochs,
            learning_rate=0.001,
            schedule="cosine",
            **shared,
        )
        trainer = Trainer(config, pictures)
        trainer.fit()
        evaluator = Evaluator(trainer.state.network, test.images, trainer.scaling)
        accuracies[len(hidden)] = evaluator.loss_and_accuracy(test.labels)[1]
    assert 0.85 <= accuracies[2] <= 0.97, accuracies
    assert accuracies[0] <= accuracies[2] - 0.05, accuracies
    assert accuracies[0] > 0.5, accuracies


def test_the_start_depends_on_the_seed_alone():
    """Not on data, batch size or what else may be drawn: the stream of its purpose is its own."""
    one = start(SMALL, (784, 24, 12, 10))
    other = start(replace(SMALL, batch_size=7, dropout=0.3), (784, 24, 12, 10))
    np.testing.assert_array_equal(one.network.parameters.vector, other.network.parameters.vector)
    rng = generator(0, Purpose.INITIALIZATION)
    np.testing.assert_array_equal(
        one.network.parameters.weights[0],
        (np.sqrt(2 / 784) * rng.standard_normal((784, 24))).astype(np.float32),
    )
