"""Augmentation: variants of training images, a function of seed, step, image and epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.data.augmentation import LONGEST, SHORTEST, Augmentation, Variants, vary
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


def make_variant(image: Any, *move: int, erased: tuple[int, ...] = (0, 0, 0, 0)) -> Any:
    """A variant of an image with channels, which overwrites whatever was there."""
    out = np.full_like(image, 77)
    vary(image, (*move, *erased), FILL, out)
    return out


def move_pixels(image: Any, down: int, right: int, is_mirrored: int) -> Any:
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
                found = make_variant(image, down, right, is_mirrored)
                wanted = move_pixels(image, down, right, is_mirrored)
                np.testing.assert_array_equal(found, wanted)


def test_a_flip_of_a_flip_is_the_identity() -> None:
    once = make_variant(COLOUR[0], 0, 0, 1)
    np.testing.assert_array_equal(once, COLOUR[0][:, ::-1])
    np.testing.assert_array_equal(make_variant(once, 0, 0, 1), COLOUR[0])


def test_a_rectangle_is_erased_and_nothing_else() -> None:
    wanted = make_variant(COLOUR[0], 1, -2, 1)
    wanted[2:5, 3:9] = FILL
    np.testing.assert_array_equal(make_variant(COLOUR[0], 1, -2, 1, erased=(2, 5, 3, 9)), wanted)


# ── Shifts and flips ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "variants"),
    [
        ({"flip": True}, 2),
        ({"shift": 1}, 9),
        ({"shift": 1, "flip": True}, 18),
        ({"shift": 2, "flip": True}, 50),
        ({"shift": 6}, 169),
    ],
    ids=str,
)
def test_an_image_takes_every_variant_before_any_comes_again(
    asked: dict[str, Any], variants: int
) -> None:
    augmentation = make_augmentation(**asked)
    epochs = [draw(augmentation, np.arange(60), e, e).moves for e in range(2 * variants)]
    for image in range(60):
        order = [tuple(moves[image].tolist()) for moves in epochs]
        assert order[:variants] == order[variants:]
        assert len(set(order[:variants])) == variants
    shift = asked.get("shift", 0)
    assert np.abs(np.array(epochs)[:, :, :2]).max() == shift
    assert np.array(epochs)[:, :, 2].max() == asked.get("flip", False)
    assert not np.array(epochs)[:, :, 3:].any()


def test_images_have_orders_of_their_own() -> None:
    augmentation = make_augmentation(shift=1, flip=True)
    epochs = [draw(augmentation, np.arange(60), epoch).moves for epoch in range(18)]
    assert len({tuple(moves[image].tobytes() for moves in epochs) for image in range(60)}) > 40
    for moves in epochs:
        _, counts = np.unique(moves, axis=0, return_counts=True)
        assert len(counts) > 12  # of 18


def test_flips_alternate() -> None:
    """Whatever the batch: half of the images first, the others next, and so on."""
    augmentation, images = make_augmentation(flip=True), np.arange(60)
    first = draw(augmentation, images).moves[:, 2]
    assert 15 < first.sum() < 45
    for epoch in range(1, 5):
        found = draw(augmentation, images[::-1], epoch, epoch).moves[::-1, 2]
        np.testing.assert_array_equal(found, first if epoch % 2 == 0 else 1 - first)


# ── What is erased ─────────────────────────────────────────────────────────────────────────────


def test_rectangles_are_of_all_sides_and_wholly_inside() -> None:
    images = np.zeros((20_000, 28, 24), np.uint8)
    moves = draw(make_augmentation(images, erase=0.25), np.arange(20_000)).moves
    assert not moves[:, :3].any()
    top, bottom, left, end = moves[:, 3:].T
    erased = bottom > top
    assert np.array_equal(erased, end > left)
    assert abs(erased.mean() - 0.25) < 0.02  # six standard deviations
    for begin, stop, whole in ((top, bottom, 28), (left, end, 24)):
        sides = (stop - begin)[erased]
        assert set(sides) == set(range(SHORTEST, LONGEST + 1))
        assert (begin.min(), stop.max()) == (0, whole)
        for side in (SHORTEST, LONGEST):
            assert set(begin[erased][sides == side]) == set(range(whole - side + 1))
    assert abs(np.corrcoef((bottom - top)[erased], (end - left)[erased])[0, 1]) < 0.1


def test_in_small_images_rectangles_are_smaller() -> None:
    moves = draw(make_augmentation(np.zeros((99, 3, 5), np.uint8), erase=1), np.arange(99)).moves
    top, bottom, left, end = moves[:, 3:].T
    assert set(bottom - top) == {3}
    assert set(end - left) == {4, 5}
    assert end.max() == 5


# ── What a draw depends on ─────────────────────────────────────────────────────────────────────

ALL: dict[str, Any] = {"shift": 3, "flip": True, "erase": 0.5}


def test_a_draw_is_a_function_of_seed_image_epoch_and_step() -> None:
    one, other = make_augmentation(**ALL), make_augmentation(**ALL)
    for step in range(5):
        draw(other, np.arange(50), step, step)
    wanted = draw(one, np.arange(50), 2, 7).moves
    np.testing.assert_array_equal(draw(other, np.arange(50), 2, 7).moves, wanted)
    np.testing.assert_array_equal(draw(one, np.arange(50), 2, 8).moves[:, :3], wanted[:, :3])
    np.testing.assert_array_equal(draw(one, np.arange(50), 3, 7).moves[:, 3:], wanted[:, 3:])
    seeded = draw(make_augmentation(seed=1, **ALL), np.arange(50), 2, 7)
    for part in (slice(3), slice(3, 7)):
        different = draw(one, np.arange(50), 3, 8)
        for moves in (different.moves, seeded.moves):
            assert (moves[:, part] == wanted[:, part]).all(axis=1).mean() < 0.5


def test_what_is_erased_does_not_depend_on_shifts_and_flips() -> None:
    found = [
        draw(make_augmentation(erase=0.5, **asked), np.arange(60), 0, 5).moves[:, 3:]
        for asked in ({}, {"shift": 2, "flip": True})
    ]
    np.testing.assert_array_equal(found[0], found[1])


def test_examples_are_what_is_trained_on_epoch_by_epoch() -> None:
    augmentation = make_augmentation(COLOUR, shift=1, flip=True)
    found = augmentation.examples(COLOUR, np.array([5, 3]), 18)[18:]
    wanted = {
        move_pixels(COLOUR[3], down, right, flip).tobytes()
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        for flip in (0, 1)
    }
    mean = round(float(COLOUR.mean()))
    assert len(wanted) == 18
    assert {np.where(one == mean, 0, one).tobytes() for one in found} == {
        np.where(np.frombuffer(one, np.uint8) == mean, 0, np.frombuffer(one, np.uint8)).tobytes()
        for one in wanted
    }


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
            {"flip": True},
            "augmentation is for images",
            "flip=False",
        ),
        (np.zeros((5, 20), np.float32), {"erase": 0.5}, "augmentation is for images", "erase=0.0"),
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
