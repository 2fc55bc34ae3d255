"""IDX files under the names that they have in the wild."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from handstitch.data import loading
from handstitch.data.readers import idx_pairs
from handstitch.records import ReadingOptions
from tests.data.idx_files import header, images, labels, packed, zipped
from tests.data.readers.refusals import refused


def write(folder: Path, *names: str, n: int = 20, squeeze: bool = False) -> Path:
    """Images 3 × 2 and labels under these names; those of `test` are half as many."""
    for name in names:
        is_test = "test" in name or "t10k" in name
        array = (images if "images" in name else labels)(n // 2 if is_test else n)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zipped(packed(array)) if squeeze else packed(array))
    return folder


MNIST = ("train-images", "train-labels", "t10k-images", "t10k-labels")
SPELLINGS: dict[str, tuple[str, ...]] = {
    "published": tuple(f"{name}-idx{1 + 2 * ('im' in name)}-ubyte.gz" for name in MNIST),
    "plain": tuple(f"{name}-idx{1 + 2 * ('im' in name)}-ubyte" for name in MNIST),
    "dotted": tuple(f"{name}.idx{1 + 2 * ('im' in name)}-ubyte" for name in MNIST),
    "test": tuple(f"{name.replace('t10k', 'test')}.idx" for name in MNIST),
    "capitals": tuple(f"{name.upper()}.IDX" for name in MNIST),
    "torchvision": tuple(f"FashionMNIST/raw/{name}-idx-ubyte" for name in MNIST),
    "Kaggle": tuple(f"{name}-idx3-ubyte/{name}-idx3-ubyte" for name in MNIST),
    "EMNIST's names": tuple(
        f"own-letters-{name.replace('t10k', 'test')}-idx3-ubyte.gz" for name in MNIST
    ),
    "by content": tuple(f"{name}.bin" for name in MNIST),
    "by content, gzip": tuple(f"{name}.gz" for name in MNIST),
    "underscores": tuple(f"{name.replace('-', '_')}_ubyte" for name in MNIST),
}


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(tmp_path: Path, spelling: str, squeeze: bool) -> None:
    names = [name.replace("IMAGES", "images") for name in SPELLINGS[spelling]]
    names = [name.replace("T10K", "t10k") for name in names]
    write(tmp_path, *names, squeeze=squeeze)
    (tmp_path / "README.txt").write_text("images and labels")
    for path in (tmp_path, tmp_path / names[0]):
        if spelling == "Kaggle" and path != tmp_path:
            continue  # each file is alone in its folder
        parts = idx_pairs.read(path, ReadingOptions())
        np.testing.assert_array_equal(parts.train.images, images(20), strict=True)
        np.testing.assert_array_equal(parts.train.labels, labels(20))
        assert parts.test is not None
        np.testing.assert_array_equal(parts.test.images, images(10), strict=True)
        assert parts.validation is None
        assert parts.class_names == ()


def test_a_pair_without_part_and_a_validation_part(tmp_path: Path) -> None:
    folder = write(tmp_path, "images.idx3-ubyte", "labels.idx1-ubyte")
    write(tmp_path, "val-images.idx3-ubyte", "val-labels.idx1-ubyte", n=6)
    parts = idx_pairs.read(folder, ReadingOptions())
    assert len(parts.train.images) == 20
    assert parts.validation is not None
    assert len(parts.validation.images) == 6
    assert parts.test is None


def test_of_two_forms_the_uncompressed_one_is_read(tmp_path: Path) -> None:
    write(tmp_path, *SPELLINGS["plain"])
    for name in SPELLINGS["published"]:
        (tmp_path / name).write_bytes(b"not looked at")
    assert len(idx_pairs.read(tmp_path, ReadingOptions()).train.images) == 20


@pytest.mark.parametrize(
    ("kind", "element"),
    [(9, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_other_types_that_hold_bytes_become_bytes(tmp_path: Path, kind: int, element: str) -> None:
    write(tmp_path, *MNIST)
    pixels = images(20) // 2
    wide = header(20, 3, 2, kind=kind) + pixels.astype(element).tobytes()
    (tmp_path / "train-images").write_bytes(wide)
    (tmp_path / "train-labels").write_bytes(
        header(20, kind=kind) + (labels(20) * 12 + 1).astype(element).tobytes()
    )
    train = idx_pairs.read(tmp_path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, pixels, strict=True)
    np.testing.assert_array_equal(train.labels, labels(20).astype(np.int64) * 12 + 1, strict=True)
    assert train.images.flags.c_contiguous


def test_colour(tmp_path: Path) -> None:
    write(tmp_path, "train-images-idx4-ubyte", "train-labels-idx1-ubyte")
    colours = np.random.default_rng(3).integers(0, 256, (20, 3, 2, 3), np.uint8)
    (tmp_path / "train-images-idx4-ubyte").write_bytes(packed(colours))
    train = idx_pairs.read(tmp_path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, colours, strict=True)


# ── EMNIST, KMNIST, QMNIST ─────────────────────────────────────────────────────────────────────

LETTERS = [f"emnist-letters-{part}-{kind}" for part in ("train", "test") for kind in
           ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")]  # fmt: skip


def write_letters(folder: Path) -> Path:
    write(folder, *LETTERS, squeeze=True)
    for name in LETTERS[1::2]:
        n = 10 if "test" in name else 20
        (folder / name).write_bytes(zipped(packed(labels(n) + np.uint8(1))))
    return folder


def test_emnist_is_put_right(tmp_path: Path) -> None:
    parts = idx_pairs.read(write_letters(tmp_path), ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, images(20).swapaxes(1, 2), strict=True)
    assert parts.train.images.flags.c_contiguous
    np.testing.assert_array_equal(parts.train.labels, labels(20) + np.int64(1))
    assert parts.class_names == ()


def test_emnist_mapping_names_the_classes(tmp_path: Path) -> None:
    write_letters(tmp_path)
    lines = "\n".join(f"{number} {64 + number} {96 + number}" for number in range(1, 11))
    (tmp_path / "emnist-letters-mapping.txt").write_text(lines)
    parts = idx_pairs.read(tmp_path, ReadingOptions())
    assert parts.class_names == tuple(f"{a}/{b}" for a, b in zip("ABCDEFGHIJ", "abcdefghij"))  # noqa: B905
    np.testing.assert_array_equal(parts.train.labels, labels(20).astype(np.int64), strict=True)
    (tmp_path / "emnist-letters-mapping.txt").write_text("0 48\n1 49\n")
    error = refused(lambda: idx_pairs.read(tmp_path, ReadingOptions()))
    assert error.found == "2, 3, 4, 5, 6 and 4 more"
    for text in ("", "1\n", "1 x\n", "1 99999999999\n"):
        (tmp_path / "emnist-letters-mapping.txt").write_text(text)
        refused(lambda: idx_pairs.read(tmp_path, ReadingOptions()))


def test_several_sets_in_one_folder(tmp_path: Path) -> None:
    write_letters(tmp_path)
    balanced = write(tmp_path, *(name.replace("letters", "balanced") for name in LETTERS))
    error = refused(lambda: idx_pairs.read(balanced, ReadingOptions()))
    assert error.found == "emnist-balanced, emnist-letters"
    assert "emnist-balanced-train-images-idx3-ubyte.gz" in str(error.fix)
    parts = idx_pairs.read(tmp_path / LETTERS[0], ReadingOptions())
    assert parts.train.labels.max() == 10


def test_qmnist_labels_are_the_first_column(tmp_path: Path) -> None:
    names = ("qmnist-train-images-idx3-ubyte.gz", "qmnist-train-labels-idx2-int.gz")
    write(tmp_path, *names, squeeze=True)
    table = np.zeros((20, 8), ">i4")
    table[:, 0], table[:, 1:] = labels(20), 77
    (tmp_path / names[1]).write_bytes(zipped(header(20, 8, kind=0x0C) + table.tobytes()))
    np.testing.assert_array_equal(
        idx_pairs.read(tmp_path, ReadingOptions()).train.labels, labels(20)
    )


# ── The real files ─────────────────────────────────────────────────────────────────────────────


def test_real_fashion_mnist_is_that_of_its_name(fashion_mnist: Path) -> None:
    parts = idx_pairs.read(fashion_mnist, ReadingOptions())
    for part, own in (("train", parts.train), ("test", parts.test)):
        official = loading.load("fashion-mnist", part, fashion_mnist)  # type: ignore[arg-type]
        assert own is not None
        np.testing.assert_array_equal(own.images, official.images, strict=True)
        np.testing.assert_array_equal(own.labels, official.labels)


# ── Bad input ──────────────────────────────────────────────────────────────────────────────────


def replace(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


NEGATIVE = header(20, 3, 2, kind=9) + np.full(120, -1, "i1").tobytes()
FRACTIONS = header(20, 3, 2, kind=0x0D) + np.full(120, 1.5, ">f4").tobytes()
NOTHING = header(20, 3, 2, kind=0x0D) + np.full(120, np.nan, ">f4").tobytes()
LARGE = header(20, 3, 2, kind=0x0B) + np.full(120, 256, ">i2").tobytes()
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (shutil.rmtree, "neither images nor labels"),
    "no images": (
        lambda folder: (folder / MNIST[0]).unlink(),
        "test images, test labels, train labels",
    ),
    "no labels": (
        lambda folder: (folder / MNIST[1]).unlink(),
        "test images, test labels, train images",
    ),
    "web page": (replace(MNIST[0], b"<html>404</html>"), "test images, test labels, train labels"),
    "cut": (replace(MNIST[0], packed(images(20))[:-1]), "cut short"),
    "gzip cut": (replace(MNIST[0], zipped(packed(images(20)))[:-9]), "cut short"),
    "fewer labels": (replace(MNIST[1], packed(labels(19))), "20 images, 19 labels"),
    "negative": (replace(MNIST[0], NEGATIVE), "int8 numbers from -1 to -1"),
    "fractions": (replace(MNIST[0], FRACTIONS), "numbers from 1.5 to 1.5"),
    "NaN": (replace(MNIST[0], NOTHING), "NaN in image 0"),
    "256": (replace(MNIST[0], LARGE), "numbers from 256 to 256"),
    "labels as images": (replace(MNIST[0], packed(labels(20))), "uint8 (20,)"),
    "images as labels": (replace(MNIST[1], packed(images(20))), "uint8 (20, 3, 2)"),
    "4 channels": (replace(MNIST[0], packed(np.zeros((20, 5, 5, 4), np.uint8))), "neither 1 nor 3"),
    "two": (replace("train-images.idx", packed(images(20))), "train-images.idx"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_input(tmp_path: Path, row: str) -> None:
    folder = write(tmp_path / "own", *MNIST)
    harm, found = BAD[row]
    harm(folder)
    error = refused(lambda: idx_pairs.read(folder, ReadingOptions()))
    assert found in str(error.found)


def test_a_test_part_without_labels_is_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, *MNIST[:3])
    assert idx_pairs.read(tmp_path, ReadingOptions()).test is None
    assert "the test part has no labels" in caplog.text


def test_more_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handstitch.machine import memory

    write(tmp_path, *MNIST)
    (tmp_path / MNIST[0]).write_bytes(zipped(header(2**20, 28, 28)))
    monkeypatch.setattr(memory, "available", lambda: 2**29)
    error = refused(lambda: idx_pairs.read(tmp_path, ReadingOptions()), exit_code=5)
    assert error.wanted == "0.8 GiB"
