"""First-layer units inside their rectangles, and all rectangles on the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from handstitch import figures
from handstitch.core.parameters import Parameters
from handstitch.receptive_fields import ReceptiveFields


def make_fields(units: int = 20, *channels: int) -> ReceptiveFields:
    rng = np.random.default_rng(0)
    return ReceptiveFields.draw((9, 7, *channels), units, (2, 4), rng)


def make_weights(fields: ReceptiveFields) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.standard_normal(fields.mask.shape) * fields.mask).astype(np.float32)


def test_a_tile_has_the_weights_inside_by_their_root_mean_square_and_nothing_outside():
    fields = ReceptiveFields(np.array([[5, 3, 2, 3], [0, 0, 3, 2]]), (9, 7))
    W = make_weights(fields)
    W[:, 1] *= 100
    axes = figures.unit_tiles(W, (9, 7), fields=fields).axes[0]
    board: Any = np.ma.asarray(axes.images[0].get_array())
    assert [text.get_text() for text in axes.texts] == ["1", "0"]  # by their places, downwards
    for unit, left in ((1, 0), (0, 8)):
        inside = fields.mask[:, unit].reshape(9, 7) == 1
        tile = board[-9:, left : left + 7]
        np.testing.assert_array_equal(np.ma.getmaskarray(tile), ~inside)
        weights = W[:, unit].reshape(9, 7)[inside]
        expected = weights / np.sqrt(np.mean(weights.astype(float) ** 2))
        np.testing.assert_allclose(tile[inside], expected, rtol=1e-6)
    assert len(axes.patches) == 2  # the image around, faint


def test_the_most_used_are_drawn_row_by_row_of_the_image():
    fields = make_fields(40)
    use = np.arange(40.0)
    axes = figures.unit_tiles(make_weights(fields), (9, 7), use, most=16, fields=fields).axes[0]
    shown = [int(text.get_text()) for text in axes.texts]
    assert sorted(shown) == list(range(24, 40))
    centres = 2 * fields.rectangles[shown, :2].astype(int) + fields.rectangles[shown, 2:]
    assert centres[:8, 0].max() <= centres[8:, 0].min()
    for row in (slice(0, 8), slice(8, 16)):
        assert (np.diff(centres[row, 1]) >= 0).all()


def test_a_tile_in_colour_is_transparent_outside():
    fields = make_fields(3, 3)
    axes = figures.unit_tiles(make_weights(fields), (9, 7, 3), fields=fields).axes[0]
    seen = np.asarray(axes.images[0].get_array())[:, :, 3].sum()
    assert seen == sum(int(h) * int(w) for h, w in fields.rectangles[:, 2:])


def test_a_small_rectangle_of_a_large_image_is_not_lost():
    fields = ReceptiveFields(np.array([[101, 51, 1, 1]]), (200, 100))
    W = np.zeros((20_000, 1), np.float32)
    W[101 * 100 + 51] = 2
    board: Any = np.ma.asarray(
        figures.unit_tiles(W, (200, 100), fields=fields).axes[0].images[0].get_array()
    )
    assert board.count() == 1


@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_picture_counts_the_units_of_each_pixel(channels):
    fields = make_fields(20, *channels)
    axes = figures.receptive_fields(fields).axes[0]
    expected = np.zeros((9, 7), int)
    for top, left, height, width in fields.rectangles.astype(int):
        expected[top : top + height, left : left + width] += 1
    np.testing.assert_array_equal(axes.images[0].get_array(), expected)


def test_rectangles_all_over_the_image_are_drawn_where_they_are():
    fields = make_fields(100)
    _, *drawn = figures.receptive_fields(fields).axes[1].patches
    boxes = [
        (box.get_y(), box.get_x(), box.get_height(), box.get_width())
        for box in drawn
        if isinstance(box, Rectangle)
    ]
    known = {tuple(each) for each in fields.rectangles - [0.5, 0.5, 0, 0]}
    assert len(boxes) == 16
    assert set(boxes) <= known


def test_the_weights_of_a_network_end_with_its_rectangles():
    fields = make_fields()
    theta = Parameters.random((63, 20, 4), np.random.default_rng(0), mask=fields.mask)
    many = figures.weights(theta, (9, 7), fields=fields)
    assert len(many.axes) > len(figures.weights(theta, (9, 7)).axes)
    assert figures.png(many)[:4] == b"\x89PNG"
    assert "感受野" in figures.svg(figures.receptive_fields(fields, "zh"))
