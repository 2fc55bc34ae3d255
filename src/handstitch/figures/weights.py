"""Heat maps of weights, and first-layer units as images.

W is (inputs, outputs), as everywhere here. A heat map shows Wᵀ: inputs to the right, outputs
downwards, as its labels say (those of the course report were swapped).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.arrays import Indices, Matrix, Vector
from handstitch.core.parameters import Parameters
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.receptive_fields import HEIGHT, draw_fields
from handstitch.figures.rendering import drawing
from handstitch.figures.style import LEVELS, PALE, SIGNED, new_figure, whole_numbers
from handstitch.receptive_fields import ReceptiveFields

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_WIDTH: Final = 9.0
"""Inches."""
_POINTS: Final = (1024, 512)
"""Inputs and outputs of one map, at most; a larger matrix is drawn as means of blocks."""
_MANY_LAYERS: Final = 4
"""Above these every map has fewer points, so that a file stays small."""
_MOST_LAYERS: Final = 12
"""Maps of one figure, at most: each takes a second to draw."""
_CLIPPED: Final = 99.8
"""Percentile of |w| at which the colours end: one outlier must not pale all other weights."""

_COLUMNS: Final = 8
"""Tiles in a row."""
_TILE: Final = (64, 64)
"""Points of a tile, at most; a larger image is drawn as means of blocks."""
_NUMBER: Final = 0.17
"""Height of a unit's number above its tile, in widths of a tile."""


@drawing
def heat_maps(parameters: Parameters, lang: Lang = "en") -> Figure:
    """A map of each layer's weights: inputs to the right, outputs downwards, red above 0."""
    figure = new_figure(_WIDTH, sum(_heights_of_maps(parameters)) + 0.1)
    _draw_maps(figure, parameters, lang)
    return figure


@drawing
def unit_tiles(
    W: Matrix,
    image_shape: tuple[int, ...],
    use: Vector | None = None,
    most: int = 64,
    lang: Lang = "en",
    *,
    fields: ReceptiveFields | None = None,
) -> Figure:
    """First-layer units as images: a tile is a column of W (inputs, units), red above 0.

    Of images in colour a tile is in colour, too: a weight above 0 makes its channel brighter than
    medium grey.

    `use` (units,) measures how much each is used (`insight.outgoing_norms`): the `most` used are
    drawn, in descending order; without it the first `most`. With receptive fields the weights
    inside them are drawn, by each unit's root mean square, and the units by their places on the
    image. Raises ValueError if shapes disagree.
    """
    figure = new_figure(_WIDTH, _height_of_tiles(W, image_shape, most))
    _draw_tiles(figure, W, image_shape, use, most=most, lang=lang, fields=fields)
    return figure


@drawing
def weights(
    parameters: Parameters,
    image_shape: tuple[int, ...],
    use: Vector | None = None,
    lang: Lang = "en",
    *,
    fields: ReceptiveFields | None = None,
) -> Figure:
    """`heat_maps`, `unit_tiles` of the first layer and its `receptive_fields`, one below the other;
    of features the maps alone.
    """
    if len(image_shape) == 1:
        return heat_maps(parameters, lang)
    W, most = parameters.weights[0], 64
    heights = [sum(_heights_of_maps(parameters)) + 0.1, _height_of_tiles(W, image_shape, most)]
    heights += [HEIGHT] if fields else []
    figure = new_figure(_WIDTH, sum(heights))
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_maps(parts[0], parameters, lang)
    _draw_tiles(parts[1], W, image_shape, use, most=most, lang=lang, fields=fields)
    if fields:
        draw_fields(parts[2], fields, lang)
    return figure


@drawing
def before_after(
    W: Matrix,
    W0: Matrix,  # noqa: N803 (the initial weights are W₀ to everyone)
    title: str,
    lang: Lang = "en",
) -> Figure:
    """W₀, W and W − W₀ (inputs, outputs) side by side on one scale."""
    figure = new_figure(_WIDTH + 1, 3.6)
    panels = figure.subplots(1, 3, sharey=True)
    maps = [reduced(matrix, (512, 512)) for matrix in (W0, W)]
    maps.append(maps[1] - maps[0])
    all_of_them = np.stack(maps)
    limit = colour_limit(all_of_them)
    for axes, values, key in zip(panels, maps, ("initial", "trained", "change"), strict=True):
        _draw_map(axes, values, W.shape, limit, lang)
        axes.set_title(label(key, lang))
    for axes in panels[1:]:
        axes.set_ylabel("")
    figure.suptitle(safe(title) + _blocks(W.shape, maps[0].shape, lang))
    _colour_bar(figure, list(panels), all_of_them, lang)
    return figure


def reduced(W: Matrix, most: tuple[int, int]) -> Matrix:
    """W, or the means of equal blocks where it is larger than `most`; float64: no sum overflows."""
    blocks = [ceil(n / m) for n, m in zip(W.shape, most, strict=True)]
    for axis, block in enumerate(blocks):
        starts = np.arange(0, W.shape[axis], block)
        counts = np.diff([*starts, W.shape[axis]])
        W = np.add.reduceat(W, starts, axis, np.float64) / np.expand_dims(counts, 1 - axis)
    return W


def _blocks(shape: tuple[int, ...], drawn: tuple[int, ...], lang: Lang) -> str:
    """A note on the size of the blocks that a map is drawn by; empty for single weights."""
    if shape == drawn:
        return ""
    rows, columns = (ceil(n / m) for n, m in zip(shape, drawn, strict=True))
    return label("block", lang, rows=rows, columns=columns)


def _heights_of_maps(parameters: Parameters) -> list[float]:
    widths = parameters.sizes[1 : _MOST_LAYERS + 1]
    return [0.85 + float(np.clip(outputs / 150, 0.8, 3.4)) for outputs in widths]


def _draw_maps(figure: Figure | SubFigure, parameters: Parameters, lang: Lang) -> None:
    layers, left = parameters.weights[:_MOST_LAYERS], len(parameters.weights) - _MOST_LAYERS
    heights = _heights_of_maps(parameters)
    panels = figure.subplots(len(layers), 1, squeeze=False, height_ratios=heights)[:, 0]
    most = (_POINTS[0], max(64, min(_POINTS[1], _POINTS[1] * _MANY_LAYERS // len(layers))))
    for number, (axes, W) in enumerate(zip(panels, layers, strict=True), 1):
        values = reduced(W, most)
        _draw_map(axes, values, W.shape, colour_limit(values), lang)
        title = label("layer", lang, layer=number, inputs=W.shape[0], outputs=W.shape[1])
        if left > 0 and number == _MOST_LAYERS:
            title += label("layers left", lang, left=left)
        axes.set_title(title + _blocks(W.shape, values.shape, lang), loc="left")
        _colour_bar(figure, [axes], values, lang)


def _draw_map(axes: Axes, values: Matrix, shape: tuple[int, ...], limit: float, lang: Lang) -> None:
    inputs, outputs = shape
    _show(axes, values.T, limit, aspect="auto", extent=(-0.5, inputs - 0.5, outputs - 0.5, -0.5))
    axes.set(xlabel=label("input", lang), ylabel=label("output", lang))
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis, 12 if outputs <= 12 else "auto")


def _height_of_tiles(W: Matrix, image_shape: tuple[int, ...], most: int) -> float:
    rows = ceil(min(most, W.shape[1]) / _COLUMNS)
    tile = 0.85 * (image_shape[0] / image_shape[1] + _NUMBER)
    return 0.5 + float(np.clip(tile * rows, 1, 14))


def _draw_tiles(
    figure: Figure | SubFigure,
    W: Matrix,
    image_shape: tuple[int, ...],
    use: Vector | None,
    *,
    most: int,
    lang: Lang,
    fields: ReceptiveFields | None,
) -> None:
    units = W.shape[1]
    if use is not None and use.shape != (units,):
        raise ValueError(f"use {use.shape} of {units} units")
    from matplotlib.patches import Rectangle

    order = (np.arange(units) if use is None else np.argsort(-use, kind="stable"))[:most]
    if fields:
        order = _by_place(fields, order)
    tiles = window_tiles(W, fields, order) if fields else dense_tiles(W, image_shape, order)
    high, wide, depth = tiles[0].shape
    rows = ceil(len(order) / _COLUMNS)
    pitch = high + ceil(_NUMBER * wide), wide + 1
    board = np.full((rows * pitch[0], _COLUMNS * pitch[1] - 1, depth), np.nan)
    axes = figure.subplots()
    for place, (unit, tile) in enumerate(zip(order, tiles, strict=True)):
        row, column = divmod(place, _COLUMNS)
        left, bottom = column * pitch[1], (row + 1) * pitch[0]
        board[bottom - high : bottom, left : left + wide] = tile
        axes.text(left - 0.5, bottom - high - 1, str(unit), fontsize=5.5)
        if fields:
            corner = left - 0.5, bottom - high - 0.5
            axes.add_patch(Rectangle(corner, wide, high, facecolor=PALE, zorder=-1))
    shown = board[np.isfinite(board)]
    limit = colour_limit(shown)
    title = label("tiles", lang, shown=len(order), units=units)
    if use is not None:
        title += label("by place" if fields else "by use", lang)
    if depth == 1:
        _show(axes, np.ma.masked_invalid(board[:, :, 0]), limit)
        _colour_bar(figure, [axes], shown, lang, "relative weight" if fields else "weight")
    else:
        colours = np.nan_to_num(np.clip(0.5 + board / (2 * limit), 0, 1))
        axes.imshow(np.dstack([colours, np.isfinite(board[:, :, 0])]), interpolation="none")
        title += label("in colour", lang, limit=limit)
    axes.set_axis_off()
    axes.set_anchor("W")
    axes.set_title(title, loc="left")


def _by_place(fields: ReceptiveFields, units: Indices) -> Indices:
    """These units by the centres of their rectangles: rows of tiles downwards, each rightwards."""
    rectangles = fields.rectangles[units].astype(int)
    y, x = (2 * rectangles[:, :2] + rectangles[:, 2:]).T
    downwards = np.argsort(y, kind="stable")
    rows = np.argsort(downwards) // _COLUMNS
    return units[np.lexsort((x, rows))]


def dense_tiles(W: Matrix, image_shape: tuple[int, ...], order: Indices) -> list[Matrix]:
    """Columns of W as images (rows, columns, channels), reduced."""
    channels = W.T[order].reshape(len(order), *image_shape[:2], -1).transpose(0, 3, 1, 2)
    return [np.dstack([reduced(channel, _TILE) for channel in tile]) for tile in channels]


def window_tiles(W: Matrix, fields: ReceptiveFields, order: Indices) -> list[Matrix]:
    """Tiles of the weights inside the rectangles, by each unit's root mean square; NaN outside.

    Units with a smaller rectangle have larger weights, from the start.
    """
    tiles, insides = (dense_tiles(each, fields.image_shape, order) for each in (W, fields.mask))
    return [
        np.where(inside > 0, tile / (np.sqrt(np.mean(tile[inside > 0] ** 2)) or 1), np.nan)
        for tile, inside in zip(tiles, insides, strict=True)
    ]


def colour_limit(values: Matrix | Vector) -> float:
    """The largest |w| on the colour scale; 1 for a matrix of zeros."""
    sizes = np.abs(values)
    return float(np.percentile(sizes, _CLIPPED) or sizes.max() or 1)


def _show(axes: Axes, values: Matrix, limit: float, **place: Any) -> None:
    """Draw the values as colours between ± limit."""
    from matplotlib import colormaps

    colours = colormaps[SIGNED].resampled(LEVELS).with_extremes(bad="none")
    axes.imshow(values, cmap=colours, vmin=-limit, vmax=limit, interpolation="none", **place)


def _colour_bar(
    figure: Figure | SubFigure,
    axes: list[Axes],
    values: Matrix | Vector,
    lang: Lang,
    key: str = "weight",
) -> None:
    """Add the colour scale, with pointed ends where values lie beyond it."""
    picture = axes[0].images[0]
    figure.colorbar(
        picture,
        ax=axes,
        label=label(key, lang),
        extend="both" if np.abs(values).max() > picture.norm.vmax else "neither",
        pad=0.01,
        aspect=30 if len(axes) == 1 else 20,
    )
