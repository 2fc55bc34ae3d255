"""Safetensors in PyTorch's layout: what is written is read, and what others wrote, or refused."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from handstitch.data.dataset import GARMENTS
from handstitch.errors import ModelFileError
from handstitch.evaluation import probabilities
from handstitch.model import Model, load_model, save_model
from handstitch.model.torch_file import encode
from tests.model.test_layouts import COLOURS, weights
from tests.sample_models import GARMENT_SIZES, assert_same, sample


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.safetensors"


def theirs(**metadata: str) -> bytes:
    """What safetensors.torch.save_file writes of a state_dict."""
    return safetensors.numpy.save(
        {name: np.ascontiguousarray(array) for name, array in weights("fc1.weight").items()},
        metadata or None,
    )


def test_what_is_written_is_read(path):
    model = sample((12, 9, 9, 3), **COLOURS)
    path.write_bytes(encode(model))
    assert_same(load_model(path), model)
    assert encode(model) == path.read_bytes()


def test_layout_is_that_of_linear_layers(path):
    model = sample(GARMENT_SIZES, image_shape=(28, 28), temperature=1.5)
    path.write_bytes(encode(model))
    with safetensors.safe_open(path, "np") as file:
        note = json.loads(file.metadata()["note"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    x = np.random.default_rng(0).integers(0, 256, (5, 784)).astype(np.float32)
    a = (x - note["offset"]) * np.float32(note["scale"])
    for layer in (1, 2, 3):
        a = a @ state[f"fc{layer}.weight"].T + state[f"fc{layer}.bias"]
        a = np.maximum(a, 0) if layer < 3 else a
    from handstitch.model.classifier import Classifier

    P = Classifier.load(path).predict_proba(x.reshape(5, 28, 28).astype(np.uint8))
    np.testing.assert_allclose(probabilities(a, note["temperature"]), P, atol=1e-6)


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}], ids=["plain", "pt"])
def test_a_file_of_another_program_is_read(path, metadata):
    path.write_bytes(theirs(**metadata))
    model = load_model(path)
    assert (model.class_names, model.scale, model.origin) == (GARMENTS, 1 / 256, "course npz")
    for layer, W in enumerate(model.parameters.weights, 1):
        given = weights("fc1.weight")[f"fc{layer}.weight"]
        np.testing.assert_array_equal(W, given.T.astype(np.float32))


def test_our_own_model_files_are_others(path):
    model = sample()
    save_model(path, model)
    assert_same(load_model(path), model)


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    return str(caught.value)


BAD: dict[str, tuple[bytes, str]] = {
    "half": (
        safetensors.numpy.save(
            {"fc1.weight": np.ones((10, 784), "f2"), "fc1.bias": np.ones(10, "f2")}
        ),
        "tensors of F16",
    ),
    "surplus": (
        safetensors.numpy.save({"fc1.weight": np.ones((10, 784)), "fc2.bias": np.ones(10)}),
        "missing or too many: fc1.bias, fc2.bias",
    ),
    "turned": (
        safetensors.numpy.save({"fc1.weight": np.ones((784, 10)), "fc1.bias": np.ones(10)}),
        "fc1.bias of shape (10,)",
    ),
    "nan": (
        safetensors.numpy.save({"fc1.weight": np.full((10, 784), np.nan), "fc1.bias": np.ones(10)}),
        "not finite",
    ),
    "cut": (theirs()[:-8], "damaged"),
    "longer": (theirs() + b"12345678", "damaged"),
    "note is no JSON": (theirs(note="{"), "damaged"),
    "note is a list": (theirs(note="[]"), "damaged"),
    "ragged shape": (theirs(note='{"image_shape": [[1], [1, 2]]}'), "image_shape"),
    "shape of words": (theirs(note='{"image_shape": {"a": 1}, "class_names": 3}'), "metadata"),
    "deep note": (theirs(note="[" * 100_000), "damaged"),
    "hidden name": (theirs(note=json.dumps({"class_names": ["\u202e"] * 10})), "invisible"),
    "not a number": (theirs(note='{"scale": NaN}'), "damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(path, case):
    content, words = BAD[case]
    path.write_bytes(content)
    assert words in refused(path)


@pytest.mark.parametrize("entry", [[], 3, None, {"dtype": 3}, {"dtype": "F32", "shape": "x"}])
def test_entries_that_are_none_are_refused(path, entry):
    header = json.dumps({"fc1.weight": entry, "fc1.bias": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    refused(path)


@pytest.mark.oracle
def test_torch_loads_it_and_answers_alike(path):
    import torch
    from safetensors.torch import load_file, save_file

    model: Model = sample(GARMENT_SIZES, image_shape=(28, 28))
    path.write_bytes(encode(model))
    net = torch.nn.Sequential()
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(GARMENT_SIZES), 1):
        net.add_module(f"fc{layer}", torch.nn.Linear(inputs, outputs))
        if layer < 3:
            net.add_module(f"relu{layer}", torch.nn.ReLU())
    net.load_state_dict(load_file(path))
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    with torch.no_grad():
        Z = net(torch.from_numpy(images.reshape(20, 784) / np.float32(256)))
    from handstitch.model.classifier import Classifier

    wanted: Any = Classifier.load(path).predict_proba(images)
    np.testing.assert_allclose(torch.softmax(Z, 1).numpy(), wanted, atol=1e-5)
    save_file(net.state_dict(), path, {"format": "pt"})
    np.testing.assert_array_equal(load_model(path).parameters.vector, model.parameters.vector)
