"""Augmentation: variants of training images, a function of seed, step, image and epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.data.augmentation import Augmentation, Variants, vary
from handstitch.errors import ConfigError

RNG = np.random.default_rng(0)
GREY = RNG.integers(1, 256, (60, 7, 9), np.uint8)
COLOUR = RNG.integers(1, 256, (60, 7, 9, 3), np.uint8)
FILL = 0


def make_augmentation(images: Any = GREY, seed: int = 0, **asked: Any) -> Augmentation:
    return Augmentation(images, np.arange(len(images)), seed, **asked)


def draw(augmentation: Augmentation, indices: Any, epoch: int = 0, step: int = 0) -> Variants:
    variants = augmentation.draw(indices, epoch, step)
    assert variants is not None
    return variants


def varied(image: Any, *move: int) -> Any:
    """A variant of an image with channels, which `vary` overwrites whatever was there."""
    out = np.full_like(image, 77)
    vary(image, move, FILL, out)
    return out


def moved(image: Any, down: int, right: int, is_mirrored: int) -> Any:
    """The same pixel by pixel."""
    rows, columns, channels = image.shape
    out = np.full_like(image, FILL)
    for row in range(rows):
        for column in range(columns):
            y, x = row + down, (columns - 1 - column if is_mirrored else column) + right
            if 0 <= y < rows and 0 <= x < columns:
                out[y, x] = image[row, column]
    assert out.shape[2] == channels
    return out


# ── Pixels ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("image", [GREY[0][..., None], COLOUR[0]], ids=["grey", "colour"])
def test_every_pixel_goes_where_it_belongs(image: Any) -> None:
    for down in range(-6, 7):
        for right in range(-8, 9):
            for is_mirrored in (0, 1):
                found = varied(image, down, right, is_mirrored)
                np.testing.assert_array_equal(found, moved(image, down, right, is_mirrored))


def test_a_flip_of_a_flip_is_the_identity() -> None:
    once = varied(COLOUR[0], 0, 0, 1)
    np.testing.assert_array_equal(once, COLOUR[0][:, ::-1])
    np.testing.assert_array_equal(varied(once, 0, 0, 1), COLOUR[0])


# ── Draws ──────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None, derandomize=True)
@given(shift=st.integers(0, 6), seed=st.integers(0, 2**63 - 1), step=st.integers(0, 10**6))
def test_shifts_are_within_their_bounds(shift: int, seed: int, step: int) -> None:
    augmentation = make_augmentation(shift=shift, flip="random", seed=seed)
    moves = draw(augmentation, np.arange(60), 0, step).moves
    assert np.abs(moves[:, :2]).max() <= shift
    assert set(moves[:, 2]) <= {0, 1}


def test_every_shift_is_as_frequent_as_any_other() -> None:
    augmentation = make_augmentation(shift=1, flip="random")
    moves = np.concatenate([draw(augmentation, np.arange(60), 0, s).moves for s in range(300)])
    _, counts = np.unique(moves, axis=0, return_counts=True)
    assert len(counts) == 18
    assert np.abs(counts - 1000).max() < 150  # of 18,000: five standard deviations


def test_a_draw_is_a_function_of_seed_and_step() -> None:
    asked: dict[str, Any] = {"shift": 3, "flip": "random"}
    one, other = make_augmentation(**asked), make_augmentation(**asked)
    for step in range(5):
        draw(other, np.arange(50), 0, step)
    wanted = draw(one, np.arange(50), 0, 7).moves
    np.testing.assert_array_equal(draw(other, np.arange(50), 0, 7).moves, wanted)
    for different in (
        draw(one, np.arange(50), 0, 8),
        draw(make_augmentation(**asked, seed=1), np.arange(50), 0, 7),
    ):
        assert (different.moves == wanted).all(axis=1).mean() < 0.3


def test_shifts_do_not_depend_on_flips() -> None:
    found = [
        draw(make_augmentation(shift=2, flip=flip), np.arange(60), 0, 5).moves[:, :2]
        for flip in ("none", "random", "alternating")
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_alternating_flips_alternate() -> None:
    """Whatever the batch: half of the images first, the others next, and so on."""
    augmentation, images = make_augmentation(flip="alternating"), np.arange(60)
    first = draw(augmentation, images, 0, 0).moves[:, 2]
    assert 15 < first.sum() < 45
    for epoch in range(1, 5):
        found = draw(augmentation, images[::-1], epoch, epoch).moves[::-1, 2]
        np.testing.assert_array_equal(found, first if epoch % 2 == 0 else 1 - first)
    other = draw(make_augmentation(flip="alternating", seed=1), images, 0, 0).moves[:, 2]
    assert not np.array_equal(first, other)


# ── What comes in from outside ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wanted", [0, 255])
def test_the_background_comes_in(wanted: int) -> None:
    images = GREY.copy()
    images[:, [0, -1]] = images[:, :, [0, -1]] = wanted
    assert draw(make_augmentation(images, shift=1), np.arange(5)).fill == wanted


def test_where_there_is_none_the_mean_comes_in() -> None:
    images = np.full((5, 7, 9, 3), 100, np.uint8)
    images[3:] = 170
    augmentation = make_augmentation(images, shift=1)
    assert draw(augmentation, np.arange(5)).fill == 128


def test_off_is_the_default() -> None:
    assert make_augmentation().draw(np.arange(5), 0, 0) is None
    assert make_augmentation(np.zeros((5, 20), np.float32)).draw(np.arange(5), 0, 0) is None


@pytest.mark.parametrize(
    ("images", "asked", "problem", "fix"),
    [
        (np.zeros((5, 20), np.float32), {"shift": 2}, "augmentation is for images", "shift=0"),
        (
            np.zeros((5, 20), np.float32),
            {"flip": "random"},
            "augmentation is for images",
            "flip='none'",
        ),
        (GREY, {"shift": 7}, "shifted so far, nothing is left of an image", "shift=0"),
    ],
)
def test_what_cannot_be_augmented_is_refused(
    images: Any, asked: dict[str, Any], problem: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_augmentation(images, **asked)
    assert caught.value.problem == problem
    assert fix in str(caught.value.fix)
