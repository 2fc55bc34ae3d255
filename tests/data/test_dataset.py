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
