from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handstitch.data import loading
from handstitch.errors import ModelFileError
from handstitch.model import load_model, save_model
from handstitch.model.classifier import Classifier
from tests.sample_models import GARMENT_SIZES, report_arrays, sample

NAMES = tuple(f"class {n}" for n in range(10))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """Random weights that are for images of 28 × 28."""
    path = tmp_path / "model.safetensors"
    save_model(path, sample(GARMENT_SIZES, image_shape=(28, 28), class_names=NAMES))
    return path


@pytest.fixture
def small_sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_SKETCH", {"train": (20, 1), "test": (40, 2)})


def images(n: int, rows: int = 28, columns: int = 28) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (n, rows, columns), np.uint8)


def by_hand(path: Path, X: np.ndarray) -> np.ndarray:
    """P of the network in a file, in float64, by the plain formulas."""
    model = load_model(path)
    A = (X.reshape(len(X), -1).astype(float) - model.offset) * model.scale
    layers = list(zip(model.parameters.weights, model.parameters.biases, strict=True))
    for number, (W, b) in enumerate(layers):
        A = A @ W.astype(float) + b
        if number < len(layers) - 1:
            A = np.maximum(A, 0)
    P = np.exp(A - A.max(axis=1, keepdims=True))
    return np.asarray(P / P.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("n", [1, 7, 1003])
def test_probabilities_are_those_of_the_formulas(model_file: Path, n: int) -> None:
    X = images(n)
    classifier = Classifier(model_file)
    P = classifier.probabilities(X)
    assert P.shape == (n, 10)
    np.testing.assert_allclose(P, by_hand(model_file, X), rtol=2e-3, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(X), P.argmax(axis=1))


def test_pixels_are_prepared_as_the_file_says(tmp_path: Path) -> None:
    X = images(5)
    for number, (offset, scale) in enumerate([(0.0, 1 / 256), (72.9, 1 / 90.0)]):
        path = tmp_path / f"{number}.safetensors"
        model = sample(
            GARMENT_SIZES, image_shape=(28, 28), class_names=NAMES, offset=offset, scale=scale
        )
        save_model(path, model)
        P = Classifier(path).probabilities(X)
        np.testing.assert_allclose(P, by_hand(path, X), rtol=2e-3, atol=1e-6)


def test_images_are_left_as_they_are(model_file: Path) -> None:
    X = images(3)
    before = X.copy()
    X.flags.writeable = False
    Classifier(model_file).predict(X)
    np.testing.assert_array_equal(X, before)


def test_no_images_have_no_classes(model_file: Path) -> None:
    classifier = Classifier(model_file)
    assert classifier.probabilities(images(0)).shape == (0, 10)
    assert classifier.predict(images(0)).shape == (0,)


@pytest.mark.parametrize(
    "wrong", [images(2).astype(np.float32), images(2).reshape(2, -1), images(2)[0]]
)
def test_what_is_no_stack_of_grey_images_is_refused(
    model_file: Path,
    wrong: np.ndarray,
) -> None:
    with pytest.raises(TypeError, match="uint8"):
        Classifier(model_file).predict(wrong)


def test_images_of_another_size_are_refused(model_file: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        Classifier(model_file).predict(images(2, 28, 14))
    assert caught.value.found == "images of 28 × 14 pixels"
    assert caught.value.wanted == "28 × 28"


@pytest.mark.usefixtures("small_sketch")
def test_it_is_tested_on_the_data_it_was_trained_on(model_file: Path) -> None:
    found = Classifier(model_file, "best").test()
    assert (found.dataset, found.part, found.n, found.weights) == ("sketch", "test", 40, "best")
    data = loading.load("sketch", "test")
    right = int(np.sum(Classifier(model_file).predict(data.images) == data.labels))
    assert found.correct == right
    assert found.accuracy == right / 40


@pytest.mark.usefixtures("small_sketch")
def test_a_network_for_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "three.safetensors"
    save_model(path, sample((784, 4, 3), image_shape=(28, 28)))
    with pytest.raises(ModelFileError) as caught:
        Classifier(path).test()
    assert (caught.value.found, caught.value.wanted) == (
        "3 classes",
        "10, as sketch has",
    )


@pytest.mark.usefixtures("small_sketch")
def test_the_reports_own_file_is_for_fashion_mnist(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, **report_arrays())  # type: ignore[arg-type]  # its own overload is for others
    classifier = Classifier(path)
    assert classifier.class_names[0] == "T-shirt/top"
    assert classifier.model.dataset == "fashion-mnist"
    assert classifier.weights == "weights.npz"
    assert (classifier.scaling.offset, classifier.scaling.scale) == (0.0, 1 / 256)
    assert classifier.test("sketch").n == 40


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such model file"):
        Classifier(tmp_path / "nothing.safetensors")


def test_compiled_as_not(model_file: Path) -> None:
    X = images(4)
    classifier = Classifier(model_file)
    classify = classifier.compiled()
    P = np.array([classify(image) for image in X])
    np.testing.assert_allclose(P, classifier.probabilities(X), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(classify(X), classifier.probabilities(X), rtol=1e-4, atol=1e-7)
    with pytest.raises(ModelFileError, match="another size"):
        classify(images(1, 20, 20)[0])
    with pytest.raises(ModelFileError, match="another size"):
        classify(images(3, 20, 20))
    with pytest.raises(TypeError, match="uint8"):
        classify(X[0].astype(float))
