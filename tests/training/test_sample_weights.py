"""Weights of samples and classes, and label smoothing, through the training loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.errors import ConfigError, DataError
from handstitch.evaluation import Evaluator
from handstitch.training import Trainer
from handstitch.training.sample_weights import class_weights

BACKENDS = ["numpy", "numba"]
RNG = np.random.default_rng(0)
LABELS = np.repeat(["common", "rare"], [190, 10])
FEATURES = RNG.standard_normal((200, 4)) + 1.5 * (LABELS == "rare")[:, None]


def make_config(backend: str = "numpy", **settings: Any) -> Config:
    values: dict[str, Any] = {"hidden_sizes": (8,), "epochs": 1, "batch_size": 1000, "threads": 1}
    values |= {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "dropout": 0.0}
    return Config(dataset="arrays", backend=backend, **values | settings)  # type: ignore[arg-type]


def make_data(weights: Any = None, chosen: Any = slice(None)) -> Dataset:
    return Dataset.from_arrays(
        FEATURES[chosen], LABELS[chosen], ["common", "rare"], weights=weights
    )


def run_training(config: Config, data: Dataset) -> Trainer:
    """Train on all samples, with those of another part as validation."""
    trainer = Trainer(config, data, make_data())
    trainer.scaling = trainer.batches.scaling = Trainer(config, make_data(), make_data()).scaling
    trainer.fit()
    return trainer


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_weight_of_0_leaves_a_sample_out_and_one_of_2_counts_it_twice(
    backend: str, reduction: str
):
    weights = RNG.integers(0, 3, 200)
    config = make_config(backend, reduction=reduction, learning_rate=0.01, epochs=3)
    weighted = run_training(config, make_data(weights))
    repeated = run_training(config, make_data(chosen=np.repeat(np.arange(200), weights)))
    np.testing.assert_allclose(
        weighted.state.network.parameters.vector,
        repeated.state.network.parameters.vector,
        rtol=1e-4,
        atol=1e-5,
    )
    for one, other in zip(weighted.state.history, repeated.state.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-5)  # where all count the same


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_1_change_nothing_but_the_last_digits(backend: str):
    plain, ones = (
        run_training(make_config(backend, epochs=3, batch_size=32), make_data(weights))
        for weights in (None, np.ones(200))
    )
    np.testing.assert_allclose(
        plain.state.network.parameters.vector, ones.state.network.parameters.vector, atol=1e-6
    )
    assert ones.batches.mean_weight == plain.batches.mean_weight == 1


def test_balanced_weights_are_those_of_scikit_learn():
    """n / (classes · count), of the part that is trained on."""
    config = make_config(class_weight="balanced")
    data = make_data()
    found = class_weights(config, data, data.labels)
    np.testing.assert_allclose(found, [200 / (2 * 190), 200 / (2 * 10)])
    trainer = Trainer(config, data)
    trained = trainer.batches.train_indices
    counts = np.bincount(data.labels[trained])
    assert trainer.batches.weights is not None
    np.testing.assert_allclose(
        trainer.batches.weights, (len(trained) / (2 * counts))[data.labels], rtol=1e-6
    )
    assert trainer.batches.mean_weight == pytest.approx(1)
    recorded = dict(zip(("common", "rare"), len(trained) / (2 * counts), strict=True))
    assert trainer.class_weights == recorded
    of_three = replace(data, class_names=("common", "rare", "never"))
    np.testing.assert_allclose(class_weights(config, of_three, data.labels)[:2], found)


def test_weights_of_classes_and_samples_are_multiplied():
    own = RNG.exponential(1, 200).astype(np.float32)
    config = make_config(class_weight={"rare": 3, "common": 0.5})
    weights = Trainer(config, make_data(own)).batches.weights
    assert weights is not None
    np.testing.assert_allclose(weights, own * np.where(LABELS == "rare", 3, 0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"rare": 2}, "no weight of common"),
        ({"rare": 2, "common": 1, "odd": 1}, "a weight of odd, which is no class"),
    ],
)
def test_weights_of_other_classes_are_refused(given: dict[str, float], found: str):
    with pytest.raises(ConfigError, match="not those of the classes") as caught:
        Trainer(make_config(class_weight=given), make_data())
    assert caught.value.found == found
    assert caught.value.wanted == "one weight for each of common, rare"


def test_no_weight_at_all_is_refused():
    with pytest.raises(DataError, match="no sample has a weight"):
        Trainer(make_config(), make_data(np.zeros(200)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_without_any_weight_teaches_nothing(backend: str):
    weights = np.zeros(200)
    weights[:3] = 1
    trainer = Trainer(make_config(backend, batch_size=10, epochs=2), make_data(weights))
    records = trainer.fit()
    assert all(np.isfinite(record.train_loss) for record in records)
    assert np.isfinite(trainer.state.network.parameters.vector).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_stopped_within_an_epoch_ends_with_the_same_bits(backend: str):
    def make_trainer() -> Trainer:
        config = make_config(
            backend, batch_size=16, epochs=2, class_weight="balanced", label_smoothing=0.1
        )
        return Trainer(config, make_data(np.arange(200) / 100))

    class StopError(Exception):
        pass

    def stop(state: Any) -> None:
        if state.batch == 5:
            raise StopError

    whole, first, second = make_trainer(), make_trainer(), make_trainer()
    whole.fit()
    with pytest.raises(StopError):
        list(first.epochs(stop))
    second.state.restore(
        first.state.arrays(), first.state.position(), first.state.history, second.batches
    )
    second.fit()
    assert second.state.network.parameters.vector.tobytes() == (
        whole.state.network.parameters.vector.tobytes()
    )
    assert [r.train_loss for r in second.state.history] == [
        r.train_loss for r in whole.state.history
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_training_loss_is_smoothed_and_the_validation_loss_is_not(backend: str):
    """The best that a smoothed loss can be is the entropy of its targets."""
    trainer = Trainer(
        make_config(backend, epochs=200, label_smoothing=0.4), make_data(), make_data()
    )
    record = trainer.fit()[-1]
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2))
    assert record.train_loss >= entropy
    assert record.val_loss is not None
    assert record.val_loss < record.train_loss - 0.1


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_rare_class_is_recalled_more_often_with_balanced_weights(backend: str):
    recalls = []
    for class_weight in ((), "balanced"):
        config = make_config(backend, epochs=60, batch_size=32, class_weight=class_weight)
        trainer = run_training(config, make_data())
        recalls.append(rare_recall(trainer))
    assert recalls[1] > recalls[0]


def rare_recall(trainer: Trainer) -> float:
    data = make_data()
    P = Evaluator(trainer.state.network, data.images, trainer.scaling).probabilities()
    return float(np.mean(np.argmax(P[data.labels == 1], axis=1) == 1))
