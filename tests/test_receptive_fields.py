from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import ReceptiveFields


def draw(shape=(28, 28), units=512, sides=(5, 13), seed=1, **more: Any) -> ReceptiveFields:
    return ReceptiveFields.draw(
        shape, units, sides, generator(seed, Purpose.RECEPTIVE_FIELDS), **more
    )


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (3,)])),
    units=st.integers(1, 300),
    sides=st.tuples(st.integers(1, 12), st.integers(0, 12)),
    group=st.integers(1, 20),
)
def test_every_rectangle_lies_inside_the_image_with_sides_as_asked_for(shape, units, sides, group):
    rows, columns, channels = shape
    smallest, largest = (min(side, rows, columns) for side in (sides[0], sum(sides)))
    fields = draw((rows, columns, *channels), units, (smallest, largest), group=group)
    top, left, height, width = fields.rectangles.astype(int).T
    assert fields.rectangles.shape == (units, 4)
    assert fields.rectangles.dtype == np.uint16
    assert min(height.min(), width.min()) >= smallest
    assert max(height.max(), width.max()) <= largest
    assert (top + height).max() <= rows
    assert (left + width).max() <= columns


def test_the_mask_is_1_inside_the_rectangle_with_all_channels_and_0_outside():
    fields = ReceptiveFields(np.array([[1, 2, 3, 2], [0, 0, 1, 5]]), (4, 5, 3))
    image = fields.mask.reshape(4, 5, 3, 2)
    expected = np.zeros((4, 5, 3, 2), np.float32)
    expected[1:4, 2:4, :, 0] = 1
    expected[0, :, :, 1] = 1
    assert fields.mask.dtype == np.float32
    np.testing.assert_array_equal(image, expected)


def test_rectangles_cover_the_image():
    seen = draw().mask.sum(axis=1).reshape(28, 28)
    assert seen.min() >= 3  # the corners
    assert seen[4:-4, 4:-4].min() > 0.5 * seen.max()


@pytest.mark.parametrize("units", [512, 2048])
def test_neighbours_in_number_are_neighbours_on_the_image(units):
    def union(mask):
        return np.mean([mask[:, i : i + 16].any(axis=1).mean() for i in range(0, units, 16)])

    mask = draw(units=units).mask
    shuffled = mask[:, np.random.default_rng(0).permutation(units)]
    assert union(mask) < {512: 0.42, 2048: 0.34}[units] < 0.7 < union(shuffled)


def test_a_group_shares_a_rectangle():
    fields = draw(units=40, group=16)
    assert len(np.unique(fields.rectangles, axis=0)) == 3
    assert (fields.rectangles[:16] == fields.rectangles[0]).all()
    assert (fields.rectangles[32:] == fields.rectangles[32]).all()


def test_the_seed_decides_the_rectangles():
    np.testing.assert_array_equal(draw(seed=3).rectangles, draw(seed=3).rectangles)
    assert (draw(seed=3).rectangles != draw(seed=4).rectangles).any()


@pytest.mark.parametrize(
    ("rectangle", "shape"),
    [
        ([0, 0, 29, 5], (28, 28)),
        ([24, 0, 5, 5], (28, 28)),
        ([0, 24, 5, 5], (28, 28)),
        ([0, 0, 0, 5], (28, 28)),
        ([0, 0, 5, 0], (28, 28)),
        ([-1, 0, 5, 5], (28, 28)),
        ([65535, 65535, 5, 5], (28, 28)),
        ([70_000, 0, 5, 5], (80_000, 28)),
        ([0, 0, 5, 5], (784,)),
        ([0, 0, 5], (28, 28)),
    ],
)
def test_a_rectangle_outside_the_image_is_refused(rectangle, shape):
    with pytest.raises(ValueError, match="rectangle"):
        ReceptiveFields(np.array([[0, 0, 1, 1][: len(rectangle)], rectangle]), shape)
