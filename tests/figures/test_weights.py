"""Weight pictures: inputs where the label says inputs, one scale, nothing hidden by a reduction."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from handstitch import figures
from handstitch.core.parameters import Parameters, count
from handstitch.figures.weights import reduced

SIZES = (12, 7, 5, 3)


def parameters(sizes=SIZES, seed=0):
    return Parameters.random(sizes, np.random.default_rng(seed))


def maps(figure):
    return [axes for axes in figure.axes if axes.images]


def assert_axes_are_right(figure, W, axes):
    """The row of W for input 2 is found where the axis called "input unit" says 2.

    The picture is read as a viewer does: the label of an axis, a place on it, the colour there.
    """
    places = {axes.get_xlabel(): "x", axes.get_ylabel(): "y"}
    picture = axes.images[0]
    left, right, bottom, top = picture.get_extent()
    array = np.asarray(picture.get_array())
    # Width and height of what is drawn, in the axes' own units.
    spans = {"x": right - left, "y": bottom - top}
    assert spans[places["input unit"]] == W.shape[0]
    assert spans[places["output unit"]] == W.shape[1]
    if places["input unit"] == "x":
        column = array[:, int((2 - left) / (right - left) * array.shape[1])]
    else:
        column = array[int((2 - top) / (bottom - top) * array.shape[0])]
    assert np.array_equal(column, W[2])


def known():
    """Two layers whose input 2 has the weights 10, 11, …; all others are small."""
    theta = Parameters((6, 4, 3), np.linspace(-1, 1, count((6, 4, 3)), dtype=np.float32))
    for W in theta.weights:
        W[2] = np.arange(10, 10 + W.shape[1])
    return theta


def test_inputs_are_where_the_label_says():
    theta = known()
    figure = figures.heat_maps(theta)
    for W, axes in zip(theta.weights, maps(figure), strict=True):
        assert_axes_are_right(figure, W, axes)
    both = figures.weights(theta, (2, 3))
    for W, axes in zip(theta.weights, maps(both), strict=False):
        assert_axes_are_right(both, W, axes)
    W = theta.weights[0]
    first, trained, _ = maps(figures.before_after(W, 0 * W, "W"))
    trained.set_ylabel(first.get_ylabel())  # shared by the three
    assert_axes_are_right(None, W, trained)


def test_the_reports_mistake_is_caught(monkeypatch):
    """It drew one orientation and kept the labels of the other."""
    theta = known()
    figure = figures.heat_maps(theta)
    axes = maps(figure)[0]
    axes.set_xlabel("output unit")
    axes.set_ylabel("input unit")
    with pytest.raises(AssertionError):
        assert_axes_are_right(figure, theta.weights[0], axes)

    module = sys.modules["handstitch.figures.weights"]  # figures.weights is a function
    draw = module._draw_map
    monkeypatch.setattr(
        module,
        "_draw_map",
        lambda axes, values, shape, limit, lang: draw(axes, values.T, shape, limit, lang),
    )
    figure = figures.heat_maps(theta)
    with pytest.raises((AssertionError, IndexError)):
        assert_axes_are_right(figure, theta.weights[0], maps(figure)[0])


def test_each_layer_has_a_map_and_a_scale_with_zero_in_its_middle():
    theta = parameters()
    figure = figures.heat_maps(theta)
    assert len(maps(figure)) == 3
    for axes, (inputs, outputs), number in zip(
        maps(figure), pairwise(SIZES), (1, 2, 3), strict=True
    ):
        low, high = axes.images[0].get_clim()
        assert low == -high < 0
        assert axes.get_title("left") == f"Layer {number}: {inputs} → {outputs}"
        assert axes.images[0].cmap(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.03)


@pytest.mark.parametrize("outputs", [1, 3, 10, 12])
def test_up_to_twelve_outputs_are_all_numbered(outputs):
    (axes,) = maps(figures.heat_maps(parameters((4, outputs))))
    ticks = [place for place in axes.get_yticks() if -0.5 <= place <= outputs - 0.5]
    assert ticks == list(range(outputs))


def test_an_outlier_does_not_pale_the_rest():
    theta = Parameters((50, 40), np.random.default_rng(0).standard_normal(2040).astype(np.float32))
    theta.weights[0][3, 3] = 1000
    figure = figures.heat_maps(theta)
    assert maps(figure)[0].images[0].get_clim()[1] < 5
    zeros = Parameters((3, 2), np.zeros(8, np.float32))
    assert maps(figures.heat_maps(zeros))[0].images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("shape", [(5, 4), (11, 4), (5, 9), (13, 17)])
def test_a_large_matrix_is_drawn_by_means_of_blocks(shape):
    W = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    rows, columns = -(-shape[0] // 5), -(-shape[1] // 4)
    wanted = [
        [W[r : r + rows, c : c + columns].mean() for c in range(0, shape[1], columns)]
        for r in range(0, shape[0], rows)
    ]
    small = reduced(W, (5, 4))
    assert small.shape[0] <= 5
    assert small.shape[1] <= 4
    np.testing.assert_allclose(small, wanted, rtol=1e-5, atol=1e-6)


def test_the_mean_of_a_block_of_enormous_weights_is_finite():
    W = np.full((9, 9), 3e38, np.float32)
    W[:, 0] = -3e38
    np.testing.assert_allclose(reduced(W, (3, 3)) / 1e38, [[1, 3, 3]] * 3, rtol=1e-6)
    huge = np.full((600, 600), 3e38, np.float32)
    for matrix in (
        figures.before_after(huge, -huge, "W"),
        figures.heat_maps(Parameters((9, 9), np.full(90, 3e38, np.float32))),
    ):
        for axes in maps(matrix):
            assert np.isfinite(np.asarray(axes.images[0].get_array())).all()


def test_a_wide_layer_stays_small_and_says_how():
    theta = parameters((3000, 1500, 10))
    figure = figures.heat_maps(theta)
    first = maps(figure)[0]
    assert first.images[0].get_array().shape == (500, 1000)
    assert first.images[0].get_extent() == [-0.5, 2999.5, 1499.5, -0.5]
    assert first.get_title("left").endswith("each point the mean of 3 × 3 weights")
    assert len(figures.svg(figure)) < 2_000_000


@pytest.mark.parametrize("layers", [1, 10])
def test_any_number_of_layers(layers):
    theta = parameters((9, *range(layers + 1, 1, -1)))
    figure = figures.weights(theta, (3, 3))
    assert len(maps(figure)) == layers + 1
    figures.png(figure, 20)


def tile(figure, place, image_shape):
    """The picture of the unit that stands at this place of the only row."""
    board = np.ma.filled(maps(figure)[0].images[0].get_array(), np.nan)
    column = place * (image_shape[1] + 1)
    return board[-image_shape[0] :, column : column + image_shape[1]]


def test_tiles_are_the_columns_of_W_sorted_by_use():
    W = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    use = np.array([0.1, 5.0, 0.2, 3.0, 0.0])
    figure = figures.unit_tiles(W, (2, 3), use, most=3)
    numbers = [each.get_text() for each in maps(figure)[0].texts]
    assert numbers == ["1", "3", "2"]
    for place, unit in enumerate([1, 3, 2]):
        assert np.array_equal(tile(figure, place, (2, 3)), W[:, unit].reshape(2, 3))
    assert maps(figure)[0].get_title("left") == "First layer: 3 of 5 units, the most used first"
    unsorted = figures.unit_tiles(W, (2, 3), most=2)
    assert [each.get_text() for each in maps(unsorted)[0].texts] == ["0", "1"]
    assert "used" not in maps(unsorted)[0].get_title("left")


def test_tiles_of_a_colour_image_are_in_colour():
    """Above 0 a channel is brighter than medium grey, below darker."""
    W = np.zeros((12, 2), np.float32)
    W[4, 0], W[9, 0], W[11, 1] = 3, -3, 3  # pixel 1 green, pixel 3 red; pixel 3 blue
    axes = maps(figures.unit_tiles(W, (2, 2, 3)))[0]
    assert "grey" in axes.get_title("left")
    board = np.asarray(axes.images[0].get_array())[:, :, :3]  # without the transparency
    grey = [0.5] * 3
    first, second = board[-2:, :2].reshape(4, 3), board[-2:, 3:5].reshape(4, 3)
    np.testing.assert_allclose(first, [grey, [0.5, 1, 0.5], grey, [0, 0.5, 0.5]])
    np.testing.assert_allclose(second, [grey, grey, grey, [0.5, 0.5, 1]])


def test_features_have_no_tiles():
    assert len(maps(figures.weights(parameters(), (12,)))) == len(SIZES) - 1
    assert len(maps(figures.weights(parameters(), (2, 6)))) == len(SIZES)


def test_tiles_in_several_rows_do_not_overlap():
    W = np.repeat(np.arange(1, 20, dtype=np.float32)[np.newaxis], 6, axis=0)
    board = np.asarray(np.ma.filled(
        maps(figures.unit_tiles(W, (3, 2)))[0].images[0].get_array(), np.nan
    ))  # fmt: skip
    values, counts = np.unique(board[np.isfinite(board)], return_counts=True)
    assert values.tolist() == list(range(1, 20))
    assert set(counts.tolist()) == {6}


def test_tiles_of_large_images_stay_small():
    W = np.random.default_rng(0).standard_normal((200 * 200, 40)).astype(np.float32)
    figure = figures.unit_tiles(W, (200, 200))
    assert np.array_equal(tile(figures.unit_tiles(W[:, :3], (200, 200)), 1, (50, 50)),
                          reduced(W[:, 1].reshape(200, 200), (64, 64)))  # fmt: skip
    assert len(figures.svg(figure)) < 400_000


@pytest.mark.parametrize(("shape", "units"), [((8, 8), 30), ((8, 8), 64), ((4, 16), 64)])
def test_tiles_have_the_width_of_the_page(shape, units):
    W = np.random.default_rng(0).standard_normal((64, units)).astype(np.float32)
    (axes,) = maps(figures.unit_tiles(W, shape))
    assert axes.get_position().width > 0.75


def test_tiles_refuse_a_use_of_other_units():
    with pytest.raises(ValueError, match="of 2 units"):
        figures.unit_tiles(np.ones((4, 2), np.float32), (2, 2), np.ones(3))


def test_before_and_after_are_on_one_scale():
    rng = np.random.default_rng(0)
    W0 = rng.standard_normal((6, 4)).astype(np.float32)
    W = W0 + 0.1
    figure = figures.before_after(W, W0, "Layer 1")
    initial, trained, change = (axes.images[0] for axes in maps(figure))
    assert initial.get_clim() == trained.get_clim() == change.get_clim()
    assert np.array_equal(np.asarray(initial.get_array()).T, W0)
    assert np.array_equal(np.asarray(trained.get_array()).T, W)
    np.testing.assert_allclose(change.get_array(), 0.1, rtol=1e-5)
    assert [axes.get_title() for axes in maps(figure)] == [
        "initial W₀", "trained W", "change W − W₀",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="shapes"):
        figures.before_after(W, W0.T, "Layer 1")


def test_of_many_layers_the_first_twelve_are_drawn():
    for layers in (12, 13, 40):
        theta = parameters((6,) * (layers + 1))
        figure = figures.heat_maps(theta)
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        titles = [title for title in titles if title]
        assert len(titles) == 12
        left = f" ({layers - 12} more are not drawn)" if layers > 12 else ""
        assert titles[-1] == f"Layer 12: 6 → 6{left}"
