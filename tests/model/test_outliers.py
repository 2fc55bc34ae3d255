"""Outlier detector: distances against plain formulas, and what a model file keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from scipy.spatial.distance import mahalanobis

from handstitch.config import Config
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data import sketch
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.errors import ModelFileError
from handstitch.evaluation import Evaluator
from handstitch.model import load_model, save_model
from handstitch.model.classifier import Classifier
from handstitch.model.outliers import FEWEST, OutlierDetector, is_possible
from handstitch.model.trained import best_model, calibrated_model
from handstitch.training import Trainer
from tests.sample_models import assert_same, report_arrays, sample

SCALING = Scaling(100.0, 1 / 80)
FILE = Path("model.safetensors")


def make_evaluator(n: int, seed: int, activation: str = "relu") -> Evaluator:
    """A network 12-9-6-4 of one set of weights, on images drawn from `seed`."""
    parameters = Parameters.random((12, 9, 6, 4), np.random.default_rng(0))
    images = np.random.default_rng(seed).integers(0, 256, (n, 3, 4), np.uint8)
    return Evaluator(Network(parameters, ("relu", activation)), images, SCALING)


def roots_of(evaluator: Evaluator) -> np.ndarray[Any, Any]:
    outputs = [work.outputs[-2].astype(float) for _, work in evaluator.batches()]
    return np.concatenate([np.sign(A) * np.abs(A) ** 0.5 for A in outputs])


def make_detector(seed: int = 5) -> OutlierDetector:
    """One for a network 4-3-2."""
    rng = np.random.default_rng(seed)
    return OutlierDetector(*(rng.normal(size=(n, 3)).astype(np.float32) for n in (2, 3)))


def make_trainer(n: int = 1000, **settings: Any) -> Trainer:
    images, labels = sketch.draw(n, 3)
    data = Dataset("sketch", "train", images, labels, sketch.CLASS_NAMES, "drawn")
    config = Config(hidden_sizes=(32, 16), epochs=4, validation=0.2, threads=1, **settings)
    trainer = Trainer(config, data)
    trainer.fit()
    return trainer


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_distances_are_those_of_scipy(activation: str):
    training = make_evaluator(2500, 1, activation)
    labels = np.random.default_rng(2).integers(0, 3, 2500).astype(np.uint8)  # none of class 3
    validation, others = (make_evaluator(40, seed, activation) for seed in (3, 4))
    found = OutlierDetector.fit(training, labels, validation)
    assert found is not None
    a = roots_of(training)
    means = [a[labels == k].mean(axis=0) for k in range(3)] + [a.mean(axis=0)]
    spread = np.cov((a - np.take(means, labels, axis=0)).T, bias=True)
    spread += 0.1 * np.mean(np.diag(spread)) * np.eye(6)
    precision = np.linalg.inv(spread)

    def slow(evaluator: Evaluator) -> list[float]:
        rows = roots_of(evaluator)
        return [min(mahalanobis(row, mean, precision) for mean in means) for row in rows]

    unit = np.quantile(slow(validation), 0.95)
    np.testing.assert_allclose(found.distances(others), np.array(slow(others)) / unit, rtol=1e-4)
    assert (found.distances(validation) > 1).sum() == 2  # of 40


def test_constant_outputs_have_no_distance():
    training, validation = make_evaluator(50, 1), make_evaluator(40, 2)
    labels = np.zeros(50, np.uint8)
    for evaluator in (training, validation):
        evaluator.network.parameters.biases[1][:] = -1e6
    assert OutlierDetector.fit(training, labels, validation) is None


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ((784, 512, 256, 10), True),
        ((784, 10), False),  # no hidden layer
        ((784, 774, 10), True),  # 774 (774 + 10) numbers, and 774 (784 + 10) weights
        ((784, 785, 10), False),
    ],
)
def test_a_detector_is_no_larger_than_the_network(sizes: tuple[int, ...], wanted: bool):
    assert is_possible(sizes) is wanted


# ── Of a training ──────────────────────────────────────────────────────────────────────────────


def test_a_trained_classifier_knows_noise_from_garments(tmp_path: Path):
    images, labels = sketch.draw(1500, 3)
    classifier = Classifier(hidden_sizes=(64, 32), epochs=8, validation=0.2, threads=1)
    classifier.fit(images, labels)
    garments, _ = sketch.draw(200, 4)
    noise = np.random.default_rng(0).integers(0, 256, garments.shape, np.uint8)
    assert classifier.is_outlier(garments).mean() < 0.15
    assert classifier.is_outlier(noise).mean() > 0.9
    np.testing.assert_array_equal(
        classifier.is_outlier(noise), classifier.score_samples(noise) < -1
    )
    classifier.save(tmp_path / FILE)
    loaded = Classifier.load(tmp_path / FILE)
    assert loaded.model.temperature == classifier.model.temperature != 1
    for name in ("score_samples", "predict_proba"):
        ours, theirs = (getattr(each, name)(garments) for each in (loaded, classifier))
        np.testing.assert_array_equal(ours, theirs)
    # The temperature moves no prediction, and both functions have it.
    plain = Evaluator(loaded.network, garments, loaded.model.scaling).probabilities()
    P = loaded.predict_proba(garments)
    np.testing.assert_array_equal(P.argmax(axis=1), plain.argmax(axis=1))
    assert np.abs(P - plain).max() > 1e-3
    np.testing.assert_allclose(loaded.compiled()(garments), P, atol=1e-5)
    np.testing.assert_allclose(loaded.compiled()(garments[0]), P[0], atol=1e-5)


def test_a_finished_training_is_calibrated_to_the_same_bits():
    trainer = make_trainer()
    one, other = calibrated_model(trainer), calibrated_model(trainer)
    assert_same(one.model, other.model)
    assert one.model.outliers is not None
    assert (one.error, one.uncalibrated_error) == (other.error, other.uncalibrated_error)
    validation = Evaluator(
        Network(one.model.parameters, one.model.activations),
        trainer.validation_images,
        trainer.scaling,
    )
    accepted = (one.model.outliers.distances(validation) <= 1).mean()
    assert accepted == pytest.approx(0.95, abs=1 / 200)


def test_few_validation_images_calibrate_nothing():
    trainer = make_trainer(5 * FEWEST - 5)
    assert len(trainer.validation_labels) == FEWEST - 1
    assert_same(calibrated_model(trainer).model, best_model(trainer))


def test_a_network_without_hidden_layer_has_a_temperature_only():
    trainer = make_trainer()
    config = Config(hidden_sizes=(), epochs=2, validation=0.2, threads=1)
    trainer = Trainer(config, trainer.dataset)
    trainer.fit()
    model = calibrated_model(trainer).model
    assert model.temperature != 1
    assert model.outliers is None


# ── In a model file ────────────────────────────────────────────────────────────────────────────


def test_detector_and_temperature_come_back(tmp_path: Path):
    model = sample(temperature=1.625, outliers=make_detector())
    save_model(tmp_path / FILE, model)
    found = load_model(tmp_path / FILE)
    assert_same(found, model)
    assert found.outliers is not None


@pytest.mark.parametrize(
    ("means", "whitening", "problem"),
    [
        (np.zeros((2, 4), np.float32), np.zeros((3, 3), np.float32), "another architecture"),
        (np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), "another architecture"),
        (np.full((2, 3), np.nan, np.float32), np.zeros((3, 3), np.float32), "damaged"),
        (np.zeros((2, 3)), np.zeros((3, 3)), "damaged"),
    ],
)
def test_another_detector_is_refused(tmp_path: Path, means: Any, whitening: Any, problem: str):
    save_model(tmp_path / FILE, sample(outliers=OutlierDetector(means, whitening)))
    with pytest.raises(ModelFileError, match=problem):
        load_model(tmp_path / FILE)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e9])
def test_an_impossible_temperature_is_refused(tmp_path: Path, temperature: float):
    with pytest.raises(ModelFileError, match="metadata"):
        save_model(tmp_path / FILE, sample(temperature=temperature))


def test_an_imported_file_has_neither(tmp_path: Path):
    path = tmp_path / "weights.npz"
    arrays: dict[str, Any] = report_arrays()
    np.savez(path, **arrays)
    classifier = Classifier.load(path)
    assert classifier.model.temperature == 1
    with pytest.raises(ModelFileError) as caught:
        classifier.score_samples(np.zeros((1, 28, 28), np.uint8))
    assert caught.value.found == "no outlier detector"


def test_a_detector_without_half_of_it_is_refused(tmp_path: Path):
    model = sample()
    half = structs.replace(model, outliers=make_detector()[:1])
    save_model(tmp_path / FILE, half)
    with pytest.raises(ModelFileError, match="another architecture"):
        load_model(tmp_path / FILE)
