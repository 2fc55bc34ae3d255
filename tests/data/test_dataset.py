"""What a Dataset promises to whoever holds one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.data.batches import is_memory_mapped
from handstitch.data.dataset import DIGITS, GARMENTS, Dataset, digest_of
from handstitch.data.sketch import CLASS_NAMES as SKETCH_NAMES
from handstitch.errors import DataError, MachineError
from handstitch.machine import memory
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
        {"images": np.zeros((30, 3, 2, 4), np.uint8)},
        {"images": np.zeros((30, 6))},
        {"class_names": (*DIGITS, "")},
        {"class_names": (*DIGITS, "9")},
        {"class_names": (*DIGITS, "\u202e")},
        {"class_names": (*DIGITS, "x" * 201)},
    ],
    ids=[
        "counts", "type", "rank", "order", "empty", "label type", "label range", "four channels",
        "float64", "no name", "same name", "invisible name", "long name",
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        made(**changes)
    assert caught.value.found
    assert caught.value.found != caught.value.wanted
    assert caught.value.fix


@pytest.mark.parametrize(
    ("samples", "shape", "inputs"),
    [
        (images(30), (3, 2), 6),
        (np.zeros((30, 4, 5, 3), np.uint8), (4, 5, 3), 60),
        (np.zeros((30, 7), np.float32), (7,), 7),
    ],
    ids=["grey", "colour", "features"],
)
def test_three_kinds_of_samples(samples: Any, shape: tuple[int, ...], inputs: int) -> None:
    dataset = made(images=samples)
    assert (dataset.image_shape, dataset.inputs) == (shape, inputs)
    assert dataset.images is samples
    whole = bytes(samples) + bytes(labels(30))
    assert dataset.digest == hashlib.sha256(whole).hexdigest()


def test_a_feature_that_is_no_number_is_named_by_its_position() -> None:
    for odd in (np.nan, np.inf, -np.inf):
        features = np.zeros((30, 7), np.float32)
        features[17, 3] = odd
        with pytest.raises(DataError, match="not a finite number") as caught:
            made(images=features)
        assert "sample 17, feature 3" in str(caught.value.found)


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
        (PIXELS.tolist(), CLASSES.astype(float)),
        (PIXELS.astype(np.int64), CLASSES.astype(np.int64)),
        (PIXELS.astype(">i2"), CLASSES.astype(">u4")),
        (np.asfortranarray(PIXELS), CLASSES),
        (PIXELS.transpose(2, 1, 0).copy().transpose(2, 1, 0), CLASSES),
        (np.repeat(PIXELS, 2, axis=0)[::2], np.repeat(CLASSES, 3)[1::3]),
        (PIXELS[..., None], CLASSES.astype(object)),
        ([Image.fromarray(image) for image in PIXELS], CLASSES.tolist()),
    ],
    ids=[
        "arrays", "lists", "nested lists", "int64", "big endian", "F order", "transposed", "views",
        "one channel", "pillow",
    ],
)  # fmt: skip
def test_every_layout_of_the_same_arrays_is_the_same_data_set(pixels: Any, classes: Any) -> None:
    dataset = Dataset.from_arrays(pixels, classes)
    np.testing.assert_array_equal(dataset.images, PIXELS)
    np.testing.assert_array_equal(dataset.labels, CLASSES)
    assert dataset.images.flags.c_contiguous
    assert dataset.digest == digest_of(PIXELS, CLASSES)
    assert (dataset.name, dataset.part) == ("arrays", "train")
    assert dataset.class_names == tuple(str(n) for n in range(CLASSES.max() + 1))


def test_images_in_c_order_are_not_copied_even_if_read_only() -> None:
    pixels = images(30)
    pixels.flags.writeable = False
    assert np.shares_memory(Dataset.from_arrays(pixels, CLASSES).images, pixels)
    features = np.zeros((30, 4), np.float32)
    assert np.shares_memory(Dataset.from_arrays(features, CLASSES).images, features)


def test_a_memory_map_is_used_in_place(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", PIXELS)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    dataset = Dataset.from_arrays(mapped, CLASSES)
    assert is_memory_mapped(dataset.images)
    assert dataset.digest == digest_of(PIXELS, CLASSES)
    assert not is_memory_mapped(Dataset.from_arrays(mapped[:, ::-1], CLASSES).images)
    assert not is_memory_mapped(Dataset.from_arrays(PIXELS, CLASSES).images)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, list])
def test_colours_are_on_the_last_axis(layout: Any) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (30, 4, 5, 3), np.uint8)
    dataset = Dataset.from_arrays(layout(colours), CLASSES)
    np.testing.assert_array_equal(dataset.images, colours)
    assert dataset.image_shape == (4, 5, 3)


def test_pictures_have_the_colours_of_their_palette() -> None:
    pictures = [Image.new("RGB", (5, 4), (n, 2 * n, 3 * n)) for n in range(1, 31)]
    dataset = Dataset.from_arrays([picture.quantize(4) for picture in pictures], CLASSES)
    np.testing.assert_array_equal(dataset.images, np.array([np.asarray(p) for p in pictures]))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint8, bool])
def test_two_axes_are_features_of_any_type_of_number(dtype: Any) -> None:
    numbers = np.random.default_rng(0).integers(0, 9, (30, 7)).astype(dtype)
    dataset = Dataset.from_arrays(numbers, CLASSES)
    assert dataset.images.dtype == np.float32
    np.testing.assert_array_equal(dataset.images, numbers.astype(np.float32))
    assert dataset.image_shape == (7,)


@pytest.mark.parametrize("position", [(0, 0), (17, 3)])
def test_a_feature_too_large_for_float32_is_named_by_its_position(position: Any) -> None:
    numbers = np.zeros((30, 7))
    numbers[position] = -1e39
    with pytest.raises(DataError, match="too large for float32") as caught:
        Dataset.from_arrays(numbers, CLASSES)
    sample, feature = position
    assert f"-1e+39 in sample {sample}, feature {feature}" in str(caught.value.found)


def test_classes_may_have_no_image_but_no_label_may_lack_a_name() -> None:
    names = np.array(["bag", "coat", "shirt"])
    dataset = Dataset.from_arrays(PIXELS, [0, 1] * 15, names)
    assert dataset.class_names == ("bag", "coat", "shirt")
    assert dataset.counts() == [15, 15, 0]
    with pytest.raises(DataError, match="a label has no class name"):
        Dataset.from_arrays(PIXELS, [0, 3] * 15, names)


@pytest.mark.parametrize(
    ("pixels", "classes", "found"),
    [
        (PIXELS / 255, CLASSES, "float64 (30, 3, 2) from 0 to 0."),
        (PIXELS / 1, CLASSES, "float64 (30, 3, 2) from "),
        (PIXELS > 9, CLASSES, "bool (30, 3, 2)"),
        (PIXELS.astype(int) * 256, CLASSES, "int64 (30, 3, 2) from "),
        (PIXELS.astype(int) - 1, CLASSES, "int64 (30, 3, 2) from -1 to "),
        (PIXELS.astype(str), CLASSES, "<U3 (30, 3, 2)"),
        (PIXELS[0, 0], CLASSES, "uint8 (2,)"),
        (None, CLASSES, "object ()"),
        (np.zeros((30, 3, 2, 4), np.uint8), CLASSES, "uint8 (30, 3, 2, 4)"),
        (np.zeros((30, 3, 4, 5), np.uint8), CLASSES, "uint8 (30, 3, 4, 5)"),
        (np.zeros((30, 2, 3, 2, 3), np.uint8), CLASSES, "uint8 (30, 2, 3, 2, 3)"),
        (PIXELS[:0], CLASSES[:0], "labels uint8 (0,)"),
        (PIXELS[:0], [1], "images uint8 (0, 3, 2)"),
        (np.zeros((30, 0)), CLASSES, "images float32 (30, 0)"),
        (PIXELS, CLASSES[:29], "labels uint8 (29,)"),
        ([PIXELS[0], PIXELS[1].T], [0, 1], "inhomogeneous"),
    ],
    ids=[
        "fractions", "floats", "masks", "16 bits", "negative", "text", "one axis", "nothing",
        "four channels", "channels first", "video", "empty", "no images", "no features",
        "too few labels", "sizes",
    ],
)  # fmt: skip
def test_arrays_of_another_kind_are_refused(pixels: Any, classes: Any, found: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(pixels, classes)
    assert found in str(caught.value.found)
    assert caught.value.found != caught.value.wanted
    assert caught.value.fix
    assert caught.value.exit_code == 3


def test_a_copy_that_would_not_fit_in_memory_is_refused_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100)
    Dataset.from_arrays(PIXELS, CLASSES)
    with pytest.raises(MachineError, match="a copy of the samples") as caught:
        Dataset.from_arrays(np.asfortranarray(PIXELS), CLASSES)
    assert "mmap_mode" in str(caught.value.fix)


# ── Weights of samples ─────────────────────────────────────────────────────────────────────────


def test_weights_are_kept_as_float32_and_are_part_of_the_digest() -> None:
    given = np.linspace(0, 3, 30)
    dataset = Dataset.from_arrays(images(30), labels(30), weights=given)
    assert dataset.weights is not None
    assert dataset.weights.dtype == np.float32
    np.testing.assert_allclose(dataset.weights, given, rtol=1e-6)
    plain = Dataset.from_arrays(images(30), labels(30))
    assert plain.weights is None
    assert (
        dataset.digest
        == hashlib.sha256(
            bytes(images(30)) + bytes(plain.labels) + bytes(dataset.weights)
        ).hexdigest()
    )
    assert plain.digest == digest_of(images(30), plain.labels)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        (np.ones(29), "(29,) of 30 samples"),
        (np.ones((30, 1)), "(30, 1) of 30 samples"),
        (2.0, "() of 30 samples"),
        (["much"] * 30, "could not convert string"),
        ([*[1] * 7, -0.1, *[1] * 22], "-0.1 at position 7"),
        ([*[1] * 29, np.nan], "nan at position 29"),
        ([np.inf, *[1] * 29], "inf at position 0"),
        ([2e6, *[1] * 29], "2e+06 at position 0"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_a_weight_is_refused(weights: Any, found: str) -> None:
    with pytest.raises(DataError, match="cannot be the weights") as caught:
        Dataset.from_arrays(images(30), labels(30), weights=weights)
    assert found in str(caught.value.found)
    assert caught.value.fix
