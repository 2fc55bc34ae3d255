"""Weights under the names of other programs, read and written."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from handstitch.data.dataset import GARMENTS
from handstitch.errors import ModelFileError
from handstitch.model import load_model
from handstitch.model.layouts import FACTS, LAYOUTS, encode_npz
from tests.sample_models import GARMENT_SIZES, assert_same, sample

COLOURS: dict[str, Any] = {
    "image_shape": (2, 2, 3),
    "class_names": ("say 'no'", "裤子", "7"),
    "activations": ("tanh", "elu"),
    "offset": 71.25,
    "scale": 1 / 80,
    "temperature": 1.5,
    "dataset": "mine",
    "config": {},
    "history": (),
    "versions": {},
    "origin": "import",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.npz"


def weights(layout: str, sizes: tuple[int, ...] = GARMENT_SIZES) -> dict[str, Any]:
    """Arrays as the programs save them, written here without the table of layouts."""
    rng = np.random.default_rng(3)
    arrays: dict[str, Any] = {}
    for n, (inputs, outputs) in enumerate(pairwise(sizes)):
        W, b = rng.standard_normal((inputs, outputs)), rng.standard_normal(outputs)
        arrays |= {
            "weights_0": {f"weights_{2 * n}": W, f"bias_{2 * n}": b[None]},
            "weights_0, all": {f"weights_{n}": W, f"bias_{n}": b[None]},
            "weights_1": {f"weights_{n + 1}": W, f"bias_{n + 1}": b[None]},
            "W0": {f"W{n}": W, f"b{n}": b},
            "W1": {f"W{n + 1}": W, f"b{n + 1}": b[None]},
            "coefs_0": {f"coefs_{n}": W, f"intercepts_{n}": b},
            "fc1.weight": {f"fc{n + 1}.weight": W.T, f"fc{n + 1}.bias": b},
            "fc0.weight": {f"fc{n}.weight": W.T, f"fc{n}.bias": b},
        }[layout]
    return arrays


@pytest.mark.parametrize(
    "layout", ["weights_0, all", "weights_1", "W0", "W1", "coefs_0", "fc1.weight", "fc0.weight"]
)
def test_every_layout_is_the_same_network(path, layout):
    np.savez(path, **weights("weights_0"))
    wanted = load_model(path)
    np.savez(path, **weights(layout))
    assert_same(load_model(path), wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("facts", [COLOURS, {}])
def test_what_is_written_is_read(path, layout, facts):
    nothing = {"origin": "import", "config": {}, "history": (), "versions": {}}
    model = sample((12, 9, 9, 3), **({"image_shape": (3, 4)} | nothing | facts))
    path.write_bytes(encode_npz(model, layout))
    assert_same(load_model(path), model)
    with np.load(path, allow_pickle=False) as arrays:
        assert layout in arrays.files
        W = arrays[layout]
        assert W.shape == ((9, 12) if layout == "fc1.weight" else (12, 9))
    assert encode_npz(model, layout) == path.read_bytes()


def test_features_are_written_with_their_scaling(path):
    offset, scale = (0.5, 1.0, -2.0), (1.0, 0.5, 2.0)
    model = sample((3, 4, 2), image_shape=(3,), offset=offset, scale=scale, labels="position")
    path.write_bytes(encode_npz(model))
    found = load_model(path)
    assert (found.offset, found.scale) == (offset, scale)


def test_facts_may_be_some(path, caplog):
    caplog.set_level(logging.INFO, "handstitch")
    np.savez(path, **weights("W0"), activations=["tanh", "tanh"], scale=1 / 255)
    model = load_model(path)
    assert model.activations == ("tanh", "tanh")
    assert (model.scale, model.class_names, model.dataset) == (1 / 255, GARMENTS, "fashion-mnist")
    said = "weights.npz does not say, and is taken to have: offset 0.0, class_names those of"
    assert said in caplog.text


def test_what_is_taken_for_granted_is_said(path, caplog):
    caplog.set_level(logging.INFO, "handstitch")
    np.savez(path, **weights("coefs_0"))
    load_model(path)
    said = "activations relu, offset 0.0, scale 0.00390625, class_names those of Fashion-MNIST"
    assert said in caplog.text
    caplog.clear()
    path.write_bytes(encode_npz(sample()))
    load_model(path)
    assert not caplog.records


def test_other_networks_must_say_what_they_are(path):
    arrays = weights("coefs_0", (4, 3, 2))
    np.savez(path, **arrays)
    with pytest.raises(ModelFileError, match=r"weights for 4 inputs and 2 classes"):
        load_model(path)
    np.savez(path, **arrays, image_shape=(4,), class_names=["no", "yes"])
    model = load_model(path)
    assert (model.image_shape, model.class_names, model.dataset) == ((4,), ("no", "yes"), "arrays")
    assert (model.offset, model.scale) == (0, 1)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"activations": "relu"}, "activations"),
        ({"activations": ["relu"]}, "1 activations"),
        ({"activations": ["swish", "relu"]}, "swish"),
        ({"scale": np.nan}, "not finite"),
        ({"scale": [1.0, 2.0]}, "a scaling of shape"),
        ({"scale": np.ones((2, 2))}, "scale, an array (2, 2) of float64"),
        ({"scale": 1j}, "complex128"),
        ({"image_shape": 784}, "image_shape"),
        ({"image_shape": (28.0, 28.0)}, "image_shape"),
        ({"image_shape": (-28, -28)}, "image_shape"),
        ({"class_names": ["a"]}, "1 class names"),
        ({"class_names": ["\u202e"] * 10}, "invisible"),
        ({"temperature": 0.0}, "temperature"),
        ({"background": "red"}, "background"),
        ({"dataset": np.array([None])}, "Object arrays cannot be loaded"),
        ({"mean": 1.0}, "missing or too many: mean"),
    ],
)
def test_facts_that_cannot_be_are_refused(path, facts, words):
    np.savez(path, **weights("W0"), **facts)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fc2.weight": np.ones((16, 8))}, ["fc2.weight of shape (16, 8)", "(outputs, 16)"]),
        ({"fc2.bias": np.ones(7)}, ["fc2.bias of shape (7,)", "(8,)"]),
        ({"fc5.bias": np.ones(7)}, ["missing or too many: fc5.bias", "fc1.weight, fc1.bias, fc2"]),
        ({"W0": np.ones((7, 7))}, ["missing or too many: W0"]),
    ],
)
def test_what_does_not_fit_is_named_in_the_layout(path, changes, words):
    np.savez(path, **(weights("fc1.weight") | changes))
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_facts_are_fields_of_a_model():
    assert set(FACTS) <= {field.name for field in structs.fields(type(sample()))}
