"""CIFAR's binary batches."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from handstitch.data.readers import cifar
from handstitch.records import ReadingOptions
from tests.data.readers.refusals import refused

TEN = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
HUNDRED = ["train.bin", "test.bin"]
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write(
    folder: Path, names: list[str], classes: int, n: int = 7
) -> dict[str, tuple[object, ...]]:
    """Batches made pixel by pixel; returns the images and labels of each."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, tuple[object, ...]] = {}
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (n, 32, 32, 3), np.uint8)
        labels = rng.integers(0, classes, n)
        content = b""
        for image, label in zip(images, labels, strict=True):
            content += bytes([77] * (classes == 100) + [label])
            content += b"".join(image[:, :, channel].tobytes() for channel in range(3))
        (folder / name).write_bytes(content)
        made[name] = images, labels
    return made


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_cifar_10(tmp_path: Path, inner: str) -> None:
    made = write(tmp_path / inner, TEN, 10)
    (tmp_path / inner / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    parts = cifar.read(tmp_path, ReadingOptions())
    images, labels = (np.concatenate([made[name][i] for name in TEN[:5]]) for i in range(2))
    np.testing.assert_array_equal(parts.train.images, images, strict=True)
    np.testing.assert_array_equal(parts.train.labels, labels, strict=True)
    assert parts.train.images.flags.c_contiguous
    assert parts.test is not None
    np.testing.assert_array_equal(parts.test.images, made[TEN[5]][0])
    assert parts.class_names == tuple(NAMES)


def test_cifar_100_has_fine_labels(tmp_path: Path) -> None:
    made = write(tmp_path, HUNDRED, 100)
    names = [f"thing_{number}" for number in range(100)]
    (tmp_path / "fine_label_names.txt").write_text("\n".join(names))
    parts = cifar.read(tmp_path, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, made["train.bin"][0])
    np.testing.assert_array_equal(parts.train.labels, made["train.bin"][1])
    assert parts.class_names == tuple(names)


def test_names_and_test_images_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, TEN[:5], 10)
    parts = cifar.read(tmp_path, ReadingOptions())
    assert parts.test is None
    assert parts.class_names == ()


def change(name: str, content: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content((folder / name).read_bytes()))


def without(*names: str) -> Callable[[Path], object]:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


def a_folder(folder: Path) -> None:
    (folder / TEN[1]).unlink()
    (folder / TEN[1]).mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (without(TEN[2]), "no data_batch_3.bin"),
    "nothing": (without(*TEN), "neither"),
    "cut": (change(TEN[1], lambda content: content[:-1]), "21,510 bytes"),
    "empty": (change(TEN[1], lambda content: b""), "0 bytes"),
    "label": (change(TEN[0], lambda content: b"\x0a" + content[1:]), "label 10 in record 0"),
    "no names": (lambda folder: (folder / "batches.meta.txt").write_text("cat\n"), "1 names"),
    "bad names": (
        lambda folder: (folder / "batches.meta.txt").write_bytes(b"\xff"),
        "can't decode",
    ),
    "a folder": (a_folder, "a folder"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_input(tmp_path: Path, row: str) -> None:
    write(tmp_path, TEN, 10)
    harm, found = BAD[row]
    harm(tmp_path)
    error = refused(lambda: cifar.read(tmp_path, ReadingOptions()))
    assert found in str(error.found)


@pytest.mark.parametrize("name", ["data_batch_1", "cifar-100-python/train"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_pickles_are_refused_with_the_way_to_the_binary(
    tmp_path: Path, name: str, protocol: int
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({b"data": [1, 2]}, protocol))
    error = refused(lambda: cifar.read(tmp_path, ReadingOptions()))
    assert "binary.tar.gz" in str(error.fix)
    assert str(error.file) == str(path)
