"""The course report's weights: read as they are, from any zip that NumPy writes, or refused."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.core.parameters import Parameters
from handstitch.data.dataset import GARMENTS
from handstitch.errors import ModelFileError
from handstitch.model import course_npz, load_model, save_model
from tests.sample_models import GARMENT_SIZES, assert_same, report_arrays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best_weights.npz"


def read(path: Path) -> Parameters:
    with path.open("rb") as file:
        return course_npz.read(path, file, path.stat().st_size)[0]


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def assert_holds(parameters: Parameters, arrays: dict[str, Any]) -> None:
    for layer, (W, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        np.testing.assert_array_equal(W, arrays[f"weights_{2 * layer}"].astype(np.float32))
        np.testing.assert_array_equal(b, arrays[f"bias_{2 * layer}"][0].astype(np.float32))


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4"])
def test_numbers_are_read_exactly(path, write, dtype):
    arrays = report_arrays(dtype=dtype)
    write(path, **arrays)
    parameters = read(path)
    assert parameters.sizes == GARMENT_SIZES
    assert parameters.vector.dtype == np.float32
    assert_holds(parameters, arrays)


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (5, 4, 3, 2, 6, 7)])
def test_any_depth(path, sizes):
    save(path, report_arrays(sizes))
    assert read(path).sizes == sizes


def test_matrices_stored_by_columns(path):
    arrays = {name: np.asfortranarray(array) for name, array in report_arrays().items()}
    save(path, arrays)
    assert b"'fortran_order': True" in path.read_bytes()
    assert_holds(read(path), arrays)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_array_format(path, version):
    arrays = report_arrays()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version)
            archive.writestr(f"{name}.npy", member.getvalue())
    assert_holds(read(path), arrays)


def test_the_whole_model(path):
    save(path, report_arrays())
    model = load_model(path)
    assert model.activations == ("relu", "relu")
    assert (model.offset, model.scale) == (0, 1 / 256)
    assert model.class_names == GARMENTS
    assert model.class_names[9] == "Ankle boot"
    assert model.image_shape == (28, 28)
    assert model.dataset == "fashion-mnist"
    assert model.origin == "course npz"
    assert (model.config, model.history, model.versions) == ({}, (), {})


def test_the_name_does_not_matter(path, tmp_path):
    save(path, report_arrays())
    path.rename(tmp_path / "weights.safetensors")
    assert load_model(tmp_path / "weights.safetensors").origin == "course npz"


def test_an_imported_model_can_be_saved(path, tmp_path):
    save(path, report_arrays())
    save_model(tmp_path / "a.safetensors", load_model(path))
    assert_same(load_model(tmp_path / "a.safetensors"), load_model(path))


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert message.count("\n") <= 5
    assert str(path) in message
    return message


ARRAY = np.ones((2, 2))
NAMED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "missing bias": (
        {"bias_2.npy": None},
        ["missing or too many: bias_2", "weights_0, bias_0, weights_2"],
    ),
    "missing weights": (
        {"weights_2.npy": None},
        ["missing or too many: bias_4, weights_2, weights_4"],
    ),
    "surplus": ({"mean": ARRAY}, ["missing or too many: mean"]),
    "odd number": ({"weights_1": np.ones((16, 8))}, ["bias_6, weights_1, weights_6"]),
    "does not chain": ({"weights_2": np.ones((15, 8))}, ["weights_2", "(15, 8)", "(16, outputs)"]),
    "flat weights": ({"weights_0": np.ones(784)}, ["weights_0", "(784,)"]),
    "empty weights": ({"weights_0": np.ones((784, 0))}, ["weights_0", "(784, 0)"]),
    "flat bias": ({"bias_0": np.ones(16)}, ["bias_0", "(16,)", "(1, 16)"]),
    "long bias": ({"bias_0": np.ones((1, 17))}, ["bias_0", "(1, 17)", "(1, 16)"]),
    "integers": ({"bias_0": np.ones((1, 16), int)}, ["bias_0", "int64", "float64 or float32"]),
    "half": ({"bias_0": np.ones((1, 16), "f2")}, ["bias_0", "float16", "float64 or float32"]),
    "complex": ({"bias_0": np.ones((1, 16), complex)}, ["bias_0", "complex128"]),
    "text": ({"bias_0": np.full((1, 16), "a")}, ["bias_0", "<U1"]),
    "records": ({"bias_0": np.ones((1, 16), [("a", "f8")])}, ["bias_0", "[('a', '<f8')]"]),
    "pickled": ({"bias_0": np.array([[None] * 16])}, ["bias_0", "Object arrays cannot be loaded"]),
    "pickled record": (
        {"bias_0": np.array([[(None,)] * 16], [("a", "O")])},
        ["bias_0", "Object arrays cannot be loaded"],
    ),
    "not a number": ({"bias_0": np.full((1, 16), np.nan)}, ["not finite"]),
    "infinite": ({"weights_2": np.full((16, 8), np.inf)}, ["not finite"]),
    "too large": ({"bias_0": np.full((1, 16), 1e300)}, ["not finite in float32"]),
    "other inputs": ({"weights_0": np.ones((100, 16))}, ["100 inputs", "784 inputs"]),
    "other classes": (
        {"weights_4": np.ones((8, 3)), "bias_4": np.ones((1, 3))},
        ["3 classes", "10 classes"],
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_what_does_not_fit_is_named(path, case):
    changes, words = NAMED[case]
    arrays = report_arrays() | {name: a for name, a in changes.items() if a is not None}
    save(path, {name: a for name, a in arrays.items() if f"{name}.npy" not in changes})
    message = refused(path)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("surplus", [b"x", b"12345678", b"\0" * 1_000])
def test_bytes_behind_an_array_are_refused(path, surplus):
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in report_arrays().items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(f"{name}.npy", member.getvalue() + surplus)
    assert "more bytes than its header says" in refused(path)


def with_lzma_dictionary(content: bytes, size: int) -> bytes:
    """The first member's LZMA header asks for a dictionary of `size` bytes."""
    at = content.index(b"weights_0.npy") + len(b"weights_0.npy") + 5
    return content[:at] + struct.pack("<L", size) + content[at + 4 :]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_a_compression_that_numpy_does_not_write_is_refused(path, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for key, array in report_arrays().items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array)
            archive.writestr(f"{key}.npy", member.getvalue())
    sound = file.getvalue()
    at = sound.index(b"weights_0.npy") + 40
    damaged = sound[:at] + b"\xff" * 40 + sound[at + 40 :]
    for content in (sound, damaged, with_lzma_dictionary(sound, 0xF0000000)):
        path.write_bytes(content)
        message = refused(path)
        assert f"weights_0.npy, compressed by method {method}" in message
        assert "stored or deflated" in message


def test_other_arrays_are_named(path):
    np.savez(path, x=ARRAY, y=ARRAY)
    message = refused(path)
    assert "missing or too many: x, y" in message
    assert "weights_0, bias_0, weights_2" in message


def test_pickles_are_never_opened(path, tmp_path):
    class Program:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "was run",)

    save(path, report_arrays() | {"bias_0": np.array([[Program()] * 16])})
    refused(path)
    assert not (tmp_path / "was run").exists()


def test_a_file_that_is_no_zip_is_no_report(path):
    for content in (b"", b"PK", b"PK\x03\x04", b"x" * 100):
        path.write_bytes(content)
        with path.open("rb") as file:
            assert not course_npz.is_archive(file)


def test_a_flipped_bit_never_changes_a_weight(path):
    save(path, report_arrays((2, 2)))
    parameters = read(path)
    content = bytearray(path.read_bytes())
    seen = set()
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        try:
            found, _ = course_npz.read(path, io.BytesIO(content), len(content))
        except ModelFileError:
            seen.add("refused")
        else:  # a date, or another field that says nothing of the numbers
            seen.add("the same")
            assert found.sizes == parameters.sizes
            assert found.vector.tobytes() == parameters.vector.tobytes()
        content[bit // 8] ^= 1 << bit % 8
    assert seen == {"refused", "the same"}
