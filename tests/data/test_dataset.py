"""What a Dataset promises to whoever holds one."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from handstitch.data.dataset import DIGITS, GARMENTS, Dataset, digest_of
from handstitch.data.sketch import CLASS_NAMES as SKETCH_NAMES
from handstitch.errors import DataError
from tests.data.idx_files import images, labels


def made(**changes: Any) -> Dataset:
    fields: dict[str, Any] = {
        "name": "mnist",
        "part": "test",
        "images": images(30),
        "labels": labels(30),
        "class_names": DIGITS,
        "digest": "",
        "location": "here",
    }
    return Dataset(**fields | changes)


def test_size_shape_and_counts() -> None:
    dataset = made(labels=np.array([3] * 29 + [9], np.uint8))
    assert len(dataset) == 30
    assert dataset.image_shape == (3, 2)
    assert dataset.inputs == 6
    assert dataset.counts() == [0, 0, 0, 29, 0, 0, 0, 0, 0, 1]


def test_digest_is_that_of_the_pixels_followed_by_the_labels() -> None:
    pixels, classes = images(30), labels(30)
    assert digest_of(pixels, classes) == hashlib.sha256(bytes(pixels) + bytes(classes)).hexdigest()
    pixels[7, 1, 1] ^= 1
    assert digest_of(pixels, classes) != digest_of(images(30), classes)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": images(29)},
        {"images": images(30).astype(np.float32)},
        {"images": images(30).reshape(30, 6)},
        {"images": np.asfortranarray(images(30))},
        {"images": images(0), "labels": labels(0)},
        {"labels": labels(30).astype(np.int64)},
        {"labels": np.full(30, 10, np.uint8)},
    ],
    ids=["counts", "type", "rank", "order", "empty", "label type", "label range"],
)
def test_what_does_not_belong_together_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        made(**changes)
    assert caught.value.found
    assert caught.value.wanted
    assert caught.value.fix


def test_drawn_garments_carry_the_names_of_the_real_ones() -> None:
    assert SKETCH_NAMES == GARMENTS


# ── from_arrays ────────────────────────────────────────────────────────────────────────────────

PIXELS = images(30)
CLASSES = labels(30)


@pytest.mark.parametrize(
    ("pixels", "classes"),
    [
        (PIXELS, CLASSES),
        (list(PIXELS), CLASSES.tolist()),
        (PIXELS, CLASSES.astype(np.int64)),
        (PIXELS, CLASSES.astype(">u4")),
        (np.asfortranarray(PIXELS), CLASSES),
        (PIXELS.transpose(2, 1, 0).copy().transpose(2, 1, 0), CLASSES),
        (np.repeat(PIXELS, 2, axis=0)[::2], np.repeat(CLASSES, 3)[1::3]),
    ],
    ids=["arrays", "lists", "int64", "big endian", "F order", "transposed", "views"],
)
def test_every_layout_of_the_same_arrays_is_the_same_data_set(pixels: Any, classes: Any) -> None:
    dataset = Dataset.from_arrays(pixels, classes)
    np.testing.assert_array_equal(dataset.images, PIXELS)
    np.testing.assert_array_equal(dataset.labels, CLASSES)
    assert dataset.images.flags.c_contiguous
    assert dataset.digest == digest_of(PIXELS, CLASSES)
    assert (dataset.name, dataset.part) == ("arrays", "train")
    assert dataset.class_names == tuple(str(n) for n in range(CLASSES.max() + 1))


def test_images_in_c_order_are_not_copied() -> None:
    assert np.shares_memory(Dataset.from_arrays(PIXELS, CLASSES).images, PIXELS)


def test_classes_may_have_no_image_but_no_label_may_lack_a_name() -> None:
    names = np.array(["bag", "coat", "shirt"])
    dataset = Dataset.from_arrays(PIXELS, [0, 1] * 15, names)
    assert dataset.class_names == ("bag", "coat", "shirt")
    assert dataset.counts() == [15, 15, 0]
    with pytest.raises(DataError, match="a label has no class name"):
        Dataset.from_arrays(PIXELS, [0, 3] * 15, names)


def test_there_may_be_256_classes() -> None:
    dataset = Dataset.from_arrays(PIXELS, [255, *range(29)])
    assert len(dataset.class_names) == 256


@pytest.mark.parametrize(
    ("pixels", "classes", "found"),
    [
        (PIXELS / 255, CLASSES, "images float64 (30, 3, 2)"),
        (PIXELS.tolist(), CLASSES, "images int64 (30, 3, 2)"),
        (PIXELS[0], CLASSES, "images uint8 (3, 2)"),
        (np.zeros((30, 3, 2, 3), np.uint8), CLASSES, "images uint8 (30, 3, 2, 3)"),
        (PIXELS[:0], CLASSES[:0], "labels uint8 (0,)"),
        (PIXELS[:0], [1], "images uint8 (0, 3, 2)"),
        (PIXELS, CLASSES[:29], "labels uint8 (29,)"),
        (PIXELS, np.eye(10, dtype=int)[CLASSES], "labels uint8 (30, 10)"),
        (PIXELS, CLASSES.astype(int) - 1, "labels from -1 to"),
        (PIXELS, [256, *range(29)], "labels from 0 to 256"),
        (PIXELS, CLASSES.astype(float), "labels float64 (30,)"),
        (PIXELS, CLASSES.astype(str), "labels <U3 (30,)"),
        (PIXELS, CLASSES > 2, "labels bool (30,)"),
        (PIXELS, None, "labels object"),
        ([PIXELS[0], PIXELS[1].T], [0, 1], "inhomogeneous"),
    ],
    ids=[
        "floats",
        "nested lists",
        "one image",
        "colour",
        "empty",
        "no images",
        "too few labels",
        "one-hot",
        "negative",
        "too many classes",
        "float labels",
        "strings",
        "booleans",
        "no labels",
        "sizes",
    ],
)
def test_arrays_of_another_kind_are_refused(pixels: Any, classes: Any, found: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(pixels, classes)
    assert found in str(caught.value)
    assert caught.value.exit_code == 3
