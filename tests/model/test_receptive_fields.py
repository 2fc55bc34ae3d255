"""Receptive fields in a model file: back as they were; hostile ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch import storage
from handstitch.errors import ModelFileError
from handstitch.model import Model, load_model, load_state, safetensors_file, save_model, save_state
from handstitch.model.files import arrays_of
from handstitch.model.info import to_metadata
from handstitch.receptive_fields import ReceptiveFields
from tests.sample_models import assert_same, sample

RECTANGLES = np.array([[0, 0, 2, 2], [1, 1, 3, 2], [2, 0, 2, 3]], np.uint16)


def make_model() -> Model:
    model = sample((20, 3, 2), image_shape=(4, 5))
    fields = ReceptiveFields(RECTANGLES, (4, 5))
    model.parameters.weights[0][:] *= fields.mask
    return msgspec.structs.replace(model, receptive_fields=fields)


def write(path: Path, model: Model, **arrays: Any) -> None:
    """A file with a valid digest and whatever arrays."""
    tensors = arrays_of(model) | arrays
    storage.write(path, safetensors_file.encode(path, tensors, to_metadata(path, model)))


def test_they_come_back(tmp_path):
    save_model(tmp_path / "model", make_model())
    assert_same(load_model(tmp_path / "model"), make_model())
    save_state(tmp_path / "state", make_model(), {"optimizer.v": np.ones(3)}, {"loss": 0.1})
    state = load_state(tmp_path / "state")
    assert_same(state.model, make_model())
    assert set(state.slots) == {"optimizer.v"}


def change(row: int, column: int, value: int) -> Any:
    rectangles = RECTANGLES.copy()
    rectangles[row, column] = value
    return rectangles


@pytest.mark.parametrize(
    ("rectangles", "words"),
    [
        pytest.param(change(2, 2, 3), "rectangle [2, 0, 3, 3]", id="below the image"),
        pytest.param(change(0, 1, 4), "rectangle [0, 4, 2, 2]", id="beside the image"),
        pytest.param(change(0, 0, 65535), "rectangle [65535", id="a sum that overflows"),
        pytest.param(change(1, 3, 0), "rectangle [1, 1, 3, 0]", id="empty"),
        pytest.param(change(1, 2, 2), "a weight outside", id="a weight outside"),
        pytest.param(RECTANGLES[:2], "another architecture", id="too few"),
        pytest.param(np.vstack([RECTANGLES, RECTANGLES]), "another architecture", id="too many"),
        pytest.param(RECTANGLES.reshape(4, 3), "another architecture", id="another shape"),
        pytest.param(RECTANGLES.astype(np.int64), "of type int64", id="wide"),
        pytest.param(RECTANGLES.astype(np.float32), "of type float32", id="floats"),
        pytest.param(np.full((3, 4), np.nan), "of type", id="not a number"),
    ],
)
def test_hostile_ones_are_refused(tmp_path, rectangles, words):
    for path, position in ((tmp_path / "model", None), (tmp_path / "state", {"loss": 0.1})):
        model = make_model()
        metadata = to_metadata(path, model) | ({"position": position} if position else {})
        tensors = arrays_of(model) | {"receptive_fields": rectangles}
        storage.write(path, safetensors_file.encode(path, tensors, metadata))
        with pytest.raises(ModelFileError) as refused:
            load_model(path)
        assert refused.value.exit_code == 4
        assert words in str(refused.value)


def test_features_and_a_network_without_a_hidden_layer_have_none(tmp_path):
    features = sample((20, 3, 2), image_shape=(20,))
    write(tmp_path / "features", features, receptive_fields=RECTANGLES)
    linear = sample((20, 3), image_shape=(4, 5))
    write(tmp_path / "linear", linear, receptive_fields=RECTANGLES)
    for name in ("features", "linear"):
        with pytest.raises(ModelFileError):
            load_model(tmp_path / name)
