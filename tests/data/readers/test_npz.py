"""Arrays that NumPy saved, under the names and in the layouts that people use."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.data import loading
from handstitch.data.readers import npz
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.data.idx_files import images, labels
from tests.data.readers.refusals import refused

NAMES = {
    "Keras": "x_train y_train x_test y_test",
    "reverse": "train_x train_y test_x test_y",
    "capitals": "X_train y_train X_test y_test",
    "joined": "xtrain ytrain xtest ytest",
    "images": "train_images train_labels test_images test_labels",
    "images first": "images_train labels_train images_test labels_test",
    "plain": "images labels",
    "scikit-learn": "X y",
    "its bunch": "data target",
    "features": "features targets",
}


def save(path: Path, arrays: dict[str, Any], form: str) -> Path:
    if form == "npz":
        np.savez(path / "own.npz", **arrays)
        return path / "own.npz"
    if form == "compressed":
        np.savez_compressed(path / "own.npz", **arrays)
        return path / "own.npz"
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)
    return path if form == "folder" else path / f"{next(iter(arrays))}.npy"


@pytest.mark.parametrize("form", ["npz", "compressed", "folder", "npy"])
@pytest.mark.parametrize("names", NAMES)
def test_names(tmp_path: Path, names: str, form: str) -> None:
    values = (images(20), labels(20), images(10), labels(10))
    path = save(tmp_path, dict(zip(NAMES[names].split(), values, strict=False)), form)
    parts = npz.read(path, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20), strict=True)
    np.testing.assert_array_equal(parts.train.labels, labels(20).astype(np.int64), strict=True)
    assert (parts.test is None) == (len(NAMES[names].split()) == 2)
    if parts.test is not None:
        np.testing.assert_array_equal(parts.test.images, images(10), strict=True)
    assert parts.validation is None
    assert isinstance(parts.train.images, np.memmap) == (form in {"folder", "npy"})


def test_medmnist(tmp_path: Path) -> None:
    arrays = {
        f"{part}_{kind}": array
        for part, n in (("train", 20), ("val", 6), ("test", 10))
        for kind, array in (("images", images(n)), ("labels", labels(n)[:, None]))
    }
    parts = npz.read(save(tmp_path, arrays, "npz"), ReadingOptions())
    assert parts.validation is not None
    np.testing.assert_array_equal(parts.validation.images, images(6))
    np.testing.assert_array_equal(parts.validation.labels, labels(6))


@pytest.mark.parametrize("form", ["npz", "folder"])
def test_options_name_the_arrays(tmp_path: Path, form: str) -> None:
    arrays = {"arr_0": images(20), "arr_1": labels(20), "x_test": images(9), "y_test": labels(9)}
    path = save(tmp_path, arrays, form)
    parts = npz.read(path, ReadingOptions(images_key="arr_0", labels_key="arr_1"))
    np.testing.assert_array_equal(parts.train.images, images(20))
    assert parts.test is not None
    error = refused(lambda: npz.read(path, ReadingOptions()))
    assert error.found == "arrays arr_0, arr_1, x_test, y_test"
    for wrong in (
        ReadingOptions(images_key="arr_2"),
        ReadingOptions(images_key="arr_0", labels_key="../x"),
    ):
        refused(partial(npz.read, path, wrong), exit_code=2)


def test_the_plain_name_goes_before_a_longer_one(tmp_path: Path) -> None:
    arrays = {"x_train_noisy": images(20, 9), "x_train": images(20), "y_train": labels(20)}
    path = save(tmp_path, arrays, "npz")
    np.testing.assert_array_equal(npz.read(path, ReadingOptions()).train.images, images(20))
    parts = npz.read(path, ReadingOptions(images_key="x_train_noisy"))
    np.testing.assert_array_equal(parts.train.images, images(20, 9))
    error = refused(
        lambda: npz.read(
            save(tmp_path, {"x_a": images(20), "x_b": images(20), "y": labels(20)}, "npz"),
            ReadingOptions(),
        )
    )
    assert error.found == "x_a, x_b"


def test_a_npy_brings_the_labels_of_its_own_name(tmp_path: Path) -> None:
    for name, seed in (("cats", 1), ("dogs", 2)):
        np.save(tmp_path / f"{name}_images.npy", images(20, seed))
        np.save(tmp_path / f"{name}_labels.npy", labels(20, seed))
        np.save(tmp_path / f"{name}.npy", images(20, seed + 5))
    parts = npz.read(tmp_path / "dogs_images.npy", ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20, 2))
    np.testing.assert_array_equal(parts.train.labels, labels(20, 2))
    parts = npz.read(tmp_path / "cats.npy", ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20, 6))


@pytest.mark.parametrize("given", ["", "kmnist-train-imgs.npz", "kmnist-test-labels.npz"])
def test_kmnist_has_an_npz_for_each_array(tmp_path: Path, given: str) -> None:
    for part, n in (("train", 20), ("test", 10)):
        np.savez_compressed(tmp_path / f"kmnist-{part}-imgs.npz", images(n))
        np.savez_compressed(tmp_path / f"kmnist-{part}-labels.npz", labels(n))
    parts = npz.read(tmp_path / given, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20))
    assert parts.test is not None
    np.testing.assert_array_equal(parts.test.labels, labels(10))


def test_folders_with_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=images(20), labels=labels(20))
    parts = npz.read(tmp_path, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20))
    np.savez(tmp_path / "test.npz", images=images(10), labels=labels(10))
    parts = npz.read(tmp_path, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20))
    assert parts.test is not None
    np.testing.assert_array_equal(parts.test.images, images(10))
    parts = npz.read(tmp_path, ReadingOptions(images_key="test/images", labels_key="test/labels"))
    assert len(parts.train.images) == 10


# ── Layouts ────────────────────────────────────────────────────────────────────────────────────

COLOURS = np.random.default_rng(3).integers(0, 256, (20, 5, 4, 3), np.uint8)
LAYOUTS: dict[str, tuple[Any, Any]] = {
    "channel first": (images(20)[:, None], images(20)),
    "channel last": (images(20)[..., None], images(20)),
    "colour": (COLOURS, COLOURS),
    "colour first": (np.moveaxis(COLOURS, 3, 1), COLOURS),
    "Fortran": (np.asfortranarray(images(20)), images(20)),
    "0 to 1": (images(20).astype(np.float32) / 255, images(20)),
    "0 to 1, double": (images(20) / 255, images(20)),
    "0 to 1, half": ((images(20) // 255).astype(np.float16), images(20) // 255 * 255),
    "bool": (images(20) > 99, (images(20) > 99) * np.uint8(255)),
    "int64": (images(20).astype(np.int64), images(20)),
    "big-endian": (images(20).astype(">f4"), images(20)),
    "whole floats": (images(20).astype(np.float64), images(20)),
    "int 0 and 1": (images(20) // 255 * np.int32(1), images(20) // 255),
}


@pytest.mark.parametrize("form", ["npz", "folder"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_images(tmp_path: Path, layout: str, form: str) -> None:
    array, wanted = LAYOUTS[layout]
    path = save(tmp_path, {"images": array, "labels": labels(20)}, form)
    train = npz.read(path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, wanted, strict=True)
    assert train.images.flags.c_contiguous


FEATURES: dict[str, tuple[Any, tuple[int, int]]] = {
    "fractions": (images(20) / 100, (20, 6)),
    "negative": (images(20).astype(np.int16) - 9, (20, 6)),
    "flat": (np.linspace(-1, 1, 60).reshape(20, 3), (20, 3)),
    "flat bytes": (images(20).reshape(20, 6), (20, 6)),
}


@pytest.mark.parametrize("form", ["npz", "folder"])
@pytest.mark.parametrize("kind", FEATURES)
def test_what_is_no_pixel_becomes_features(
    tmp_path: Path, kind: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    array, shape = FEATURES[kind]
    path = save(tmp_path, {"X": array, "y": labels(20)}, form)
    train = npz.read(path, ReadingOptions()).train
    np.testing.assert_array_equal(
        train.images, array.reshape(shape).astype(np.float32), strict=True
    )
    assert not isinstance(train.images, np.memmap)
    assert not isinstance(train.labels, np.memmap)
    assert ("are no pixels" in caplog.text) == (array.ndim == 3)


ONE_HOT = np.eye(10, dtype=np.float32)[labels(20)]
LABELS: dict[str, tuple[Any, Any]] = {
    "column": (labels(20)[:, None], labels(20).astype(np.int64)),
    "one-hot": (ONE_HOT, labels(20).astype(np.int64)),
    "one-hot bool": (ONE_HOT > 0, labels(20).astype(np.int64)),
    "floats": (labels(20).astype(np.float64), labels(20).astype(np.int64)),
    "gaps": (labels(20) * np.int32(1000) - 7, labels(20) * np.int64(1000) - 7),
    "bool": (labels(20) > 4, (labels(20) > 4).astype(np.int64)),
    "words": (np.array(["cat", "dög"] * 10), np.array(["cat", "dög"] * 10)),
    "bytes": (np.array([b"cat", "dög".encode()] * 10), np.array(["cat", "dög"] * 10)),
}


@pytest.mark.parametrize("form", ["npz", "folder"])
@pytest.mark.parametrize("kind", LABELS)
def test_layouts_of_labels(tmp_path: Path, kind: str, form: str) -> None:
    given, wanted = LABELS[kind]
    path = save(tmp_path, {"images": images(20), "labels": given}, form)
    np.testing.assert_array_equal(
        npz.read(path, ReadingOptions()).train.labels, wanted, strict=True
    )


# ── The real images ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_fashion_mnist_is_that_of_its_name(fashion_mnist: Path, tmp_path: Path, kind: Any) -> None:
    official = loading.load("fashion-mnist", "train", fashion_mnist)
    pixels = official.images[:2000] / kind(255) if kind is np.float32 else official.images[:2000]
    path = save(tmp_path, {"x_train": pixels, "y_train": official.labels[:2000]}, "compressed")
    train = npz.read(path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, official.images[:2000], strict=True)
    np.testing.assert_array_equal(train.labels, official.labels[:2000])


# ── Bad input ──────────────────────────────────────────────────────────────────────────────────


def spoiled(change: Callable[[bytes], bytes], form: str = "npz") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = save(folder, {"images": images(20), "labels": labels(20)}, form)
        file = path if form != "folder" else path / "images.npy"
        file.write_bytes(change(file.read_bytes()))
        return path

    return write


def saved(**arrays: Any) -> Callable[[Path], Path]:
    return lambda folder: save(folder, arrays, "npz")


def alone(folder: Path) -> Path:
    np.save(folder / "images.npy", images(20))
    return folder / "images.npy"


def objects(folder: Path) -> Path:
    np.save(folder / "images.npy", np.array([images(1), "word"], object), allow_pickle=True)
    np.save(folder / "labels.npy", labels(2))
    return folder


def method(folder: Path) -> Path:
    memory_file = io.BytesIO()
    np.save(memory_file, images(20))
    with zipfile.ZipFile(folder / "own.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", memory_file.getvalue())
        archive.writestr("labels.npy", memory_file.getvalue())
    return folder / "own.npz"


def pickled(folder: Path) -> Path:
    (folder / "own.npz").write_bytes(pickle.dumps({"images": images(2)}))
    return folder / "own.npz"


def nan() -> Any:
    array = images(20) / 255
    array[3, 1, 1] = np.nan
    return array


def record() -> Any:
    return np.zeros(20, [("a", "u1"), ("b", "f4")])


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "gone.npz", "no file"),
    "empty folder": (lambda folder: folder, "no arrays"),
    "empty": (spoiled(lambda content: b""), "no zip archive"),
    "cut": (spoiled(lambda content: content[:-9]), "cut short"),
    "start lost": (spoiled(lambda content: content[99:]), "start is missing"),
    "bit": (spoiled(lambda content: content[:300] + b"\0\1\2" + content[303:]), "damaged"),
    "pickle": (pickled, "no zip archive"),
    "objects": (objects, "a pickle, which can run any program"),
    "objects, npz": (saved(images=np.array([1, "x"], object), labels=labels(2)), "a pickle, which"),
    "alone": (alone, "images"),
    "alone, npz": (saved(images=images(20)), "images"),
    "no images": (saved(labels=labels(20)), "labels"),
    "no test words": (saved(x_test=images(20), y_test=labels(20)), "x_test, y_test"),
    "fewer labels": (saved(images=images(20), labels=labels(19)), "20 images, 19 labels"),
    "NaN": (saved(images=nan(), labels=labels(20)), "NaN in image 3"),
    "NaN, flat": (saved(X=nan().reshape(20, 6), y=labels(20)), "nan in row 3, column 3"),
    "infinite": (saved(X=nan()[:2] * 1e300 + 1e300, y=labels(2)), "inf in row 0"),
    "4 channels": (saved(images=np.zeros((20, 5, 5, 4)), labels=labels(20)), "neither 1 nor 3"),
    "five axes": (saved(images=np.zeros((2, 1, 1, 5, 4)), labels=labels(2)), "(2, 1, 1, 5, 4)"),
    "one axis": (saved(images=np.zeros(20), labels=labels(20)), "float64 (20,)"),
    "no images at all": (saved(images=images(20)[:0], labels=labels(20)), "(0, 3, 2)"),
    "complex": (saved(images=images(20) * 1j, labels=labels(20)), "complex128"),
    "records": (saved(images=record(), labels=labels(20)), "(20,)"),
    "fractions": (saved(images=images(20), labels=np.linspace(0, 1, 20)), "not all whole"),
    "NaN label": (saved(images=images(2), labels=np.array([1, np.nan])), "not all whole"),
    "two-hot": (saved(images=images(20), labels=ONE_HOT + ONE_HOT[::-1]), "not one-hot"),
    "LZMA": (method, "compressed by method 14"),
    "npy cut": (
        spoiled(lambda content: content[:-1], "folder"),
        "images.npy: cut short: uint8 (20, 3, 2)",
    ),
    "npy long": (spoiled(lambda content: content + b"\0", "folder"), "more bytes than uint8"),
    "npy header": (spoiled(lambda content: content[:20], "folder"), "images.npy: EOF"),
    "npy no header": (spoiled(lambda content: b"x" * 99, "folder"), "the magic string"),
    "npy version": (spoiled(lambda content: content[:6] + b"\3" + content[7:], "folder"), "vers"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_input(tmp_path: Path, row: str) -> None:
    make, found = BAD[row]
    path = make(tmp_path)
    error = refused(lambda: npz.read(path, ReadingOptions()))
    assert found in str(error.found)


def test_more_than_memory_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = np.zeros((1000, 100, 100), np.uint8)
    path = save(tmp_path, {"images": zeros, "labels": labels(1000)}, "compressed")
    monkeypatch.setattr(memory, "available", lambda: 9_000_000)
    monkeypatch.setattr(zlib, "decompressobj", None)  # to call it would be an error
    error = refused(lambda: npz.read(path, ReadingOptions()), exit_code=5)
    assert ".npy" in str(error.fix)
    save(tmp_path, {"images": zeros, "labels": labels(1000)}, "folder")
    assert npz.read(tmp_path / "images.npy", ReadingOptions()).train.images.shape == zeros.shape


def test_a_directory_without_end_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}.npy", b"")
    error = refused(lambda: npz.read(tmp_path / "own.npz", ReadingOptions()))
    assert "a directory of" in str(error.found)


def test_no_truncation_is_read(tmp_path: Path) -> None:
    path = save(tmp_path, {"images": images(2), "labels": labels(2)}, "npz")
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(Exception, match=r"arrays that cannot be read|no training"):
            npz.read(path, ReadingOptions())
