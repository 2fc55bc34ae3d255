"""The network in the package: half precision, without what the receptive fields leave out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from handstitch import Config, Dataset, Trainer, storage
from handstitch.data import sketch
from handstitch.model import pretrained
from handstitch.model.info import Model
from handstitch.model.trained import calibrated_model


@pytest.fixture(scope="module")
def model() -> Model:
    images, labels = sketch.draw(1_500, 1)
    config = Config(hidden_sizes=(64, 16), epochs=2, threads=1, backend="numpy", validation=0.2)
    trainer = Trainer(config, Dataset.from_arrays(images, labels))
    trainer.fit()
    return calibrated_model(trainer).model


def pack(model: Model, folder: Path) -> Path:
    path = folder / "packed.safetensors"
    storage.write(path, pretrained.pack(model, path))
    return path


def test_weights_come_back_rounded_to_half_precision(model: Model, tmp_path: Path) -> None:
    found = pretrained.unpack(pack(model, tmp_path))
    for ours, theirs in (
        (model.parameters.weights, found.parameters.weights),
        (model.parameters.biases, found.parameters.biases),
    ):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(other, one.astype(np.float16).astype(np.float32))
    assert model.receptive_fields is not None
    assert found.receptive_fields is not None
    np.testing.assert_array_equal(
        found.receptive_fields.rectangles, model.receptive_fields.rectangles
    )
    assert model.outliers is not None
    assert found.outliers is not None
    for one, other in zip(model.outliers, found.outliers, strict=True):
        np.testing.assert_array_equal(one, other)
    for field in ("class_names", "temperature", "offset", "scale", "config", "history"):
        assert getattr(found, field) == getattr(model, field)


def test_what_the_mask_leaves_out_is_not_stored(model: Model, tmp_path: Path) -> None:
    assert model.receptive_fields is not None
    inside = int(model.receptive_fields.mask.sum())
    sparse = pack(model, tmp_path).stat().st_size
    dense = pack(structs.replace(model, receptive_fields=None), tmp_path).stat().st_size
    left_out = 2 * (model.receptive_fields.mask.size - inside)
    assert dense - sparse == pytest.approx(left_out, rel=0.01)


def test_a_changed_bit_is_refused(model: Model, tmp_path: Path) -> None:
    path = pack(model, tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(Exception, match="damaged"):
        pretrained.unpack(path)
