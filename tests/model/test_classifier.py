from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.config import Config
from handstitch.data import loading
from handstitch.errors import (
    ConfigError,
    DataError,
    HandstitchError,
    ModelFileError,
    UsageError,
)
from handstitch.model import load_model, save_model
from handstitch.model.classifier import Classifier
from handstitch.records import ReadingOptions
from handstitch.runs import load
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
    classifier = Classifier.load(model_file)
    P = classifier.predict_proba(X)
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
        P = Classifier.load(path).predict_proba(X)
        np.testing.assert_allclose(P, by_hand(path, X), rtol=2e-3, atol=1e-6)


def test_images_are_left_as_they_are(model_file: Path) -> None:
    X = images(3)
    before = X.copy()
    X.flags.writeable = False
    Classifier.load(model_file).predict(X)
    np.testing.assert_array_equal(X, before)


def test_no_images_have_no_classes(model_file: Path) -> None:
    classifier = Classifier.load(model_file)
    assert classifier.predict_proba(images(0)).shape == (0, 10)
    assert classifier.predict(images(0)).shape == (0,)


def test_lists_and_pictures_are_taken_as_arrays_are(model_file: Path) -> None:
    X = images(3)
    classifier = Classifier.load(model_file)
    wanted = classifier.predict_proba(X)
    pictures = [Image.fromarray(image) for image in X]
    for same in (list(X), X.tolist(), pictures, np.asfortranarray(X), X.astype(np.int64)):
        np.testing.assert_array_equal(classifier.predict_proba(same), wanted)


@pytest.mark.parametrize(
    ("wrong", "error", "found"),
    [
        (images(2) / 255, DataError, "float64 (2, 28, 28) from 0 to 1"),
        (images(2).reshape(2, -1), ModelFileError, "samples of 784 features"),
        (images(2, 28, 14), ModelFileError, "images of 28 × 14 pixels"),
        (np.zeros((2, 28, 28, 3), np.uint8), ModelFileError, "colour images of 28 × 28 pixels"),
        (images(2)[0], ModelFileError, "a single array (28, 28)"),
        (Image.fromarray(images(2)[0]), ModelFileError, "a single array (28, 28)"),
        ("photo.jpg", DataError, "<U9 ()"),
        ([], DataError, "float64 (0,)"),
    ],
    ids=["fractions", "flat", "size", "colour", "one image", "picture", "text", "nothing"],
)
def test_what_is_no_stack_of_such_images_is_refused(
    model_file: Path, wrong: Any, error: type[HandstitchError], found: str
) -> None:
    with pytest.raises(error) as caught:
        Classifier.load(model_file).predict(wrong)
    assert caught.value.found == found
    assert caught.value.wanted != found
    assert caught.value.fix


@pytest.mark.usefixtures("small_sketch")
def test_it_is_tested_on_the_data_it_was_trained_on(model_file: Path) -> None:
    found = Classifier.load(model_file, "best").evaluate()
    assert (found.dataset, found.part, found.n, found.weights) == ("sketch", "test", 40, "best")
    data = loading.load("sketch", "test")
    right = int(np.sum(Classifier.load(model_file).predict(data.images) == data.labels))
    assert found.correct == right
    assert found.accuracy == right / 40


@pytest.mark.usefixtures("small_sketch")
def test_a_network_for_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "three.safetensors"
    save_model(path, sample((784, 4, 3), image_shape=(28, 28)))
    with pytest.raises(ModelFileError) as caught:
        Classifier.load(path).evaluate()
    assert (caught.value.found, caught.value.wanted) == (
        "3 classes",
        "10, as sketch has",
    )


@pytest.mark.usefixtures("small_sketch")
def test_the_reports_own_file_is_for_fashion_mnist(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, **report_arrays())  # type: ignore[arg-type]  # its own overload is for others
    classifier = Classifier.load(path)
    assert classifier.class_names[0] == "T-shirt/top"
    assert classifier.model.dataset == "fashion-mnist"
    assert classifier.weights == "weights.npz"
    assert (classifier.scaling.offset, classifier.scaling.scale) == (0.0, 1 / 256)
    assert classifier.evaluate(dataset="sketch").n == 40


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such model file"):
        Classifier.load(tmp_path / "nothing.safetensors")


def test_compiled_as_not(model_file: Path) -> None:
    X = images(4)
    classifier = Classifier.load(model_file)
    classify = classifier.compiled()
    P = np.array([classify(image) for image in X])
    np.testing.assert_allclose(P, classifier.predict_proba(X), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(classify(X), classifier.predict_proba(X), rtol=1e-4, atol=1e-7)
    with pytest.raises(ModelFileError, match="another size"):
        classify(images(1, 20, 20)[0])
    with pytest.raises(ModelFileError, match="another size"):
        classify(images(3, 20, 20))
    with pytest.raises(DataError, match="neither images nor features"):
        classify(X[0].astype(float))


# ── Learning from arrays ───────────────────────────────────────────────────────────────────────

SETTINGS: dict[str, Any] = {
    "hidden_sizes": (16, 8), "epochs": 2, "batch_size": 20, "threads": 1, "backend": "numpy",
}  # fmt: skip
SHOWN = "hidden_sizes=(16, 8), epochs=2, batch_size=20, threads=1, backend='numpy'"


def make_stripes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of horizontal (0) and vertical (1) stripes."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 50, (n, 6, 6), np.uint8), rng.integers(0, 2, n)
    for image, label in zip(X, y, strict=True):
        (image.T if label else image)[rng.integers(2) :: 2] += 150
    return X, y


def test_the_signature_is_that_of_the_settings() -> None:
    parameters = inspect.signature(Classifier).parameters.values()
    of_reading = {"dataset", *ReadingOptions.__struct_fields__}
    assert {p.name: p.default for p in parameters} == {
        field.name: field.default for field in fields(Config) if field.name not in of_reading
    }
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 0.1}, "unknown setting"),
        ({"epochs": 0}, "invalid value for epochs"),
        ({"hidden_sizes": "many"}, "invalid value for hidden_sizes"),
    ],
)
def test_an_invalid_setting_is_refused_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Classifier(**settings)


def test_a_name_of_a_data_set_is_no_setting_of_it() -> None:
    with pytest.raises(TypeError, match="dataset"):
        Classifier(dataset="mnist")


@pytest.mark.parametrize(
    "use",
    [
        lambda untrained, X, y: untrained.predict(X),
        lambda untrained, X, y: untrained.predict_proba(X),
        lambda untrained, X, y: untrained.score(X, y),
        lambda untrained, X, y: untrained.evaluate(),
        lambda untrained, X, y: untrained.compiled(),
        lambda untrained, X, y: untrained.save("model.safetensors"),
        lambda untrained, X, y: untrained.class_names,
    ],
    ids=["predict", "predict_proba", "score", "evaluate", "compiled", "save", "class_names"],
)
def test_an_untrained_one_says_so(use: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not trained"):
        use(Classifier(), *make_stripes(5))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_it_learns_predicts_and_is_saved(tmp_path: Path, backend: str) -> None:
    X, y = make_stripes(400)
    others, truth = make_stripes(100, seed=1)
    settings = SETTINGS | {"backend": backend, "epochs": 20, "learning_rate": 0.05}
    classifier = Classifier(**settings)
    assert classifier.fit(X, y, ["horizontal", "vertical"]) is classifier
    P, predicted = classifier.predict_proba(others), classifier.predict(others)
    assert P.shape == (100, 2)
    np.testing.assert_array_equal(predicted, P.argmax(axis=1))
    assert classifier.score(others, truth) == np.mean(predicted == truth) > 0.9
    evaluation = classifier.evaluate(others, truth)
    assert (evaluation.dataset, evaluation.part, evaluation.n) == ("arrays", "test", 100)
    assert evaluation.accuracy == classifier.score(others, truth)
    assert [score.name for score in evaluation.class_scores] == ["horizontal", "vertical"]
    classifier.save(tmp_path / "stripes.safetensors")
    loaded = load(tmp_path / "stripes.safetensors")
    assert loaded.predict_proba(others).tobytes() == P.tobytes()
    assert loaded.class_names == ("horizontal", "vertical")
    np.testing.assert_array_equal(loaded.fit(X, y).predict(others), predicted)


def test_it_is_trained_anew_for_another_number_of_classes() -> None:
    X, y = make_stripes(200)
    classifier = Classifier(**SETTINGS).fit(X, y)
    assert classifier.predict_proba(X).shape == (200, 2)
    classifier.fit(X[:, :4, :4], np.arange(200) % 5)
    assert classifier.predict_proba(X[:, :4, :4]).shape == (200, 5)
    assert classifier.class_names == ("0", "1", "2", "3", "4")
    again = Classifier(**SETTINGS).fit(X[:, :4, :4], np.arange(200) % 5)
    assert again.model.parameters.vector.tobytes() == classifier.model.parameters.vector.tobytes()


def test_a_fit_that_fails_leaves_the_network_as_it_was() -> None:
    X, y = make_stripes(200)
    classifier = Classifier(**SETTINGS).fit(X, y)
    before = classifier.predict_proba(X)
    with pytest.raises(DataError):
        classifier.fit(X / 255, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_images_without_labels_are_not_taken_for_the_test_set() -> None:
    X, y = make_stripes(100)
    classifier = Classifier(**SETTINGS).fit(X, y)
    with pytest.raises(DataError, match="labels must be whole numbers"):
        classifier.evaluate(X)
    with pytest.raises(DataError, match="passed from Python"):
        classifier.evaluate()
    with pytest.raises(DataError, match="no class name"):
        classifier.score(X, y + 1)


# ── repr ───────────────────────────────────────────────────────────────────────────────────────


def test_repr_is_the_call_that_makes_it(tmp_path: Path) -> None:
    assert repr(Classifier()) == "Classifier()"
    classifier = Classifier(**SETTINGS)
    assert repr(classifier) == f"Classifier({SHOWN})"
    assert repr(classifier.fit(*make_stripes(100))) == f"Classifier({SHOWN})"
    classifier.save(tmp_path / "model.safetensors")
    loaded = Classifier.load(tmp_path / "model.safetensors")
    # A model file has what `auto` meant on these small images.
    resolved = SHOWN.replace("epochs", "receptive_field=(), epochs")
    assert repr(loaded) == f"Classifier(shift=0, {resolved})"
    assert eval(repr(loaded)).config == loaded.config


def test_repr_of_an_imported_file_has_its_architecture(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", **report_arrays())  # type: ignore[arg-type]
    loaded = Classifier.load(tmp_path / "weights.npz")
    assert repr(loaded) == "Classifier(hidden_sizes=(16, 8), activation=('relu', 'relu'))"


@pytest.mark.parametrize(
    "config",
    [
        {"epochs": -1},
        {"seed": "x", "hidden_sizes": "\x1b[2J"},
        {"import os": 1},
        {"activation": ["relu"] * 7},
        {"learning_rate": [[[]]]},
    ],
)
def test_settings_in_a_file_that_are_of_no_use_concern_nobody_but_fit(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, sample((36, 7, 2), image_shape=(6, 6), config=config))
    X, y = make_stripes(30)
    loaded = Classifier.load(path)
    assert loaded.predict_proba(X).shape == (30, 2)
    assert repr(loaded) == "Classifier(hidden_sizes=(7,))"
    assert loaded.fit(X, y).network.parameters.sizes == (36, 7, 2)


def test_a_network_without_a_hidden_layer_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, sample((36, 2), image_shape=(6, 6), config={}))
    assert repr(Classifier.load(path)) == "Classifier(hidden_sizes=())"


# ── Any labels, colour and features ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["down", "across"], ("across", "down")),
        ([7, -2], ("-2", "7")),
        (np.array([300, 7], np.uint16), ("7", "300")),
        ([1.0, 0.0], ("0", "1")),
        (np.array(["10", "9"], object), ("9", "10")),
    ],
    ids=["words", "gaps", "uint16", "floats", "objects"],
)
def test_labels_come_back_as_they_were_given(tmp_path: Path, given: Any, names: Any) -> None:
    X, y = make_stripes(400)
    labels = np.asarray(given)[y]
    classifier = Classifier(**SETTINGS | {"epochs": 20}).fit(X, labels)
    predicted = classifier.predict(X)
    assert classifier.class_names == names
    assert set(predicted.tolist()) <= set(labels.tolist())
    assert np.mean(predicted == labels) > 0.9
    assert classifier.score(X, labels) == np.mean(predicted == labels)
    classifier.save(tmp_path / "model.safetensors")
    loaded = Classifier.load(tmp_path / "model.safetensors")
    assert loaded.predict(X).tolist() == predicted.tolist()
    assert loaded.score(X, labels) == classifier.score(X, labels)
    with pytest.raises(DataError, match=r"unknown class|no class name"):
        classifier.score(X[:2], [given[0], type(given[0])("5")])


def test_with_names_labels_stay_what_they_were() -> None:
    X, y = make_stripes(60)
    names = ["down", "across"]
    assert set(Classifier(**SETTINGS).fit(X, y, names).predict(X).tolist()) <= {0, 1}
    words = Classifier(**SETTINGS).fit(X, np.array(names)[y], names)
    assert words.class_names == ("down", "across")
    assert set(words.predict(X).tolist()) <= set(names)


def make_input(kind: str, n: int) -> tuple[Any, Any]:
    X, y = make_stripes(n)
    if kind == "colour":
        return np.stack([X, X // 2, 255 - X], axis=-1), y
    return X.reshape(n, -1) * np.linspace(0.001, 1000, 36) + 3e4, y


@pytest.mark.parametrize("kind", ["colour", "features"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_colour_and_features_are_learned_saved_and_loaded(
    tmp_path: Path, kind: str, backend: str
) -> None:
    X, y = make_input(kind, 400)
    classifier = Classifier(**SETTINGS | {"backend": backend, "epochs": 15}).fit(X, y)
    assert classifier.score(X, y) > 0.9
    assert classifier.model.image_shape == X.shape[1:]
    classifier.save(tmp_path / "model.safetensors")
    loaded = Classifier.load(tmp_path / "model.safetensors")
    P = classifier.predict_proba(X)
    assert loaded.predict_proba(X).tobytes() == P.tobytes()
    classify = loaded.compiled()
    np.testing.assert_allclose(classify(X), P, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose([classify(x) for x in X[:9]], P[:9], rtol=1e-3, atol=1e-6)
    with pytest.raises(HandstitchError):
        loaded.predict(X[..., :2])


def test_features_that_are_no_numbers_are_refused_in_prediction() -> None:
    X, y = make_input("features", 40)
    classifier = Classifier(**SETTINGS).fit(X, y)
    X[3, 4] = np.nan
    with pytest.raises(DataError, match="not a finite number"):
        classifier.predict(X)
    with pytest.raises(DataError, match="neither images nor features"):
        classifier.predict(X[0])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_sample_weights_decide_between_two_labels_of_the_same_images(backend: str) -> None:
    X, y = make_stripes(200)
    both, labels = np.concatenate([X, X]), np.concatenate([y, 1 - y])
    weights = np.repeat([1.0, 0.1], len(X))
    settings = SETTINGS | {"backend": backend, "epochs": 15}
    classifier = Classifier(**settings).fit(both, labels, sample_weight=weights)
    assert classifier.score(X, y) > 0.7
    other = Classifier(**settings).fit(both, labels, sample_weight=weights[::-1])
    assert other.score(X, y) < 0.3
    with pytest.raises(DataError, match="weights of samples"):
        classifier.fit(X, y, sample_weight=weights)


def test_class_weights_are_kept_in_the_file(tmp_path: Path) -> None:
    X, y = make_stripes(60)
    classifier = Classifier(**SETTINGS, class_weight={"0": 1, "1": 2.5}, label_smoothing=0.1)
    classifier.fit(X, y).save(tmp_path / "model.safetensors")
    loaded = Classifier.load(tmp_path / "model.safetensors")
    assert loaded.config.class_weight == ("0=1", "1=2.5")
    assert loaded.config.label_smoothing == 0.1
    assert "class_weight=('0=1', '1=2.5')" in repr(loaded)
