"""Pictures of a page that are grids of images: mistakes, and weights as maps and tiles."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from handstitch import figures, insight
from handstitch.arrays import Matrix
from handstitch.core.parameters import Parameters
from handstitch.evaluation import confident_mistakes, most_confused
from handstitch.model import Model
from handstitch.records import Evaluation
from handstitch.report.gather import Predictions
from handstitch.report.languages import Words

_WORST: Final = 24
"""Mistakes drawn: the most confident ones."""
_PAIRS: Final = 5
_EXAMPLES: Final = 8
_TILES: Final = 40
"""Units drawn: those with the most structure."""
_LAYERS: Final = 4
"""Layers drawn before and after: of a deeper network the first two and the last two."""
_MAPS: Final = 12
"""Layers with a map of their own."""
_MAP: Final = (448, 256)
"""Inputs and outputs of a map, at most; a larger matrix is drawn as means of blocks."""
_CHANGE: Final = (256, 160)
"""The same where three maps stand beside each other."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, and the lines below it."""

    uri: str
    alt: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures that are looked at together."""

    kind: str
    """CSS class: samples, tiles (of units), maps."""
    pictures: list[Picture]
    alt: str
    heading: str = ""
    limit: str = ""
    """Number at the ends of the scale of colours; empty without a scale."""


def worst_mistakes(
    predictions: Predictions, names: Sequence[str], first: str, words: Words
) -> Gallery:
    """The wrong predictions with the highest probability, the most confident first."""
    wrong = confident_mistakes(predictions.labels, predictions.P)
    chosen = wrong[:_WORST]
    alt = words.worst_alt.format(shown=len(chosen), mistakes=len(wrong), first=first)
    return Gallery("samples", [_mistake(predictions, k, names, words) for k in chosen], alt)


def confused_pairs(
    measured: Evaluation, predictions: Predictions, first: str, words: Words
) -> list[Gallery]:
    """The most frequent mistakes, with the most confident examples of each."""
    names = [score.name for score in measured.class_scores]
    labels, P = predictions.labels, predictions.P
    wrong, found = confident_mistakes(labels, P), []
    predicted = np.argmax(P[wrong], axis=1)
    pairs = most_confused(measured.confusion_matrix, range(len(names)), _PAIRS)
    for true, taken, count in pairs:
        chosen = wrong[(labels[wrong] == true) & (predicted == taken)][:_EXAMPLES]
        heading = words.pair.format(
            true=names[true],
            predicted=names[taken],
            count=count,
            support=measured.class_scores[true].support,
        )
        pictures = [_mistake(predictions, k, names, words, is_named=False) for k in chosen]
        found.append(Gallery("samples", pictures, words.pairs_alt.format(first=first), heading))
    return found


def _mistake(
    predictions: Predictions, k: int, names: Sequence[str], words: Words, *, is_named: bool = True
) -> Picture:
    true, taken = names[int(predictions.labels[k])], names[int(np.argmax(predictions.P[k]))]
    # Rounded down: 100 % stands for certainty alone.
    p = f"{floor(1000 * predictions.P[k].max()) / 10:.1f} %"
    alt = words.mistake_alt.format(true=true, predicted=taken, p=p)
    lines = (true, f"✗ {taken}", p) if is_named else (p,)
    return Picture(data_uri(figures.thumbnail(predictions.images[k])), alt, lines)


def weight_maps(theta: Parameters, words: Words) -> list[Gallery]:
    """A map of each layer: inputs to the right, outputs downwards."""
    alt = words.maps_alt.format(layers=len(theta.weights))
    return [
        _maps([W], [words.map_caption], layer, alt, most=_MAP, words=words)
        for layer, W in enumerate(theta.weights[:_MAPS])
    ]


def changes(initial: Parameters, theta: Parameters, words: Words) -> list[Gallery]:
    """The initial weights of layers, the trained ones, and their difference, on one scale."""
    layers = list(range(len(theta.weights)))
    found = []
    for layer in layers if len(layers) <= _LAYERS else layers[:2] + layers[-2:]:
        after, before = theta.weights[layer], initial.weights[layer]
        alt = words.before_after_alt.format(
            layer=layer + 1,
            before=float(before.std(dtype=np.float64)),
            after=float(after.std(dtype=np.float64)),
        )
        captions = [words.initial, words.final, words.change]
        matrices = [before, after, after - before]
        found.append(_maps(matrices, captions, layer, alt, most=_CHANGE, words=words))
    return found


def _maps(
    matrices: Sequence[Matrix],
    captions: Sequence[str],
    layer: int,
    alt: str,
    *,
    most: tuple[int, int],
    words: Words,
) -> Gallery:
    drawn = [figures.reduced(W, most) for W in matrices]
    limit = figures.colour_limit(np.stack(drawn))
    rows, columns = matrices[0].shape
    heading = words.layer_heading.format(layer=layer + 1, inputs=rows, outputs=columns)
    if drawn[0].shape != (rows, columns):
        blocks = [-(-n // m) for n, m in zip((rows, columns), drawn[0].shape, strict=True)]
        heading += words.blocks.format(rows=blocks[0], columns=blocks[1])
    pictures = [
        Picture(data_uri(figures.signed_png(values.T, limit)), f"{alt} {caption}", (caption,))
        for values, caption in zip(drawn, captions, strict=True)
    ]
    return Gallery("maps", pictures, alt, heading, f"{limit:.2g}")


def unit_tiles(model: Model, initial: Parameters | None, words: Words) -> tuple[Gallery, str]:
    """First-layer units as images, those whose neighbouring weights are most alike first; and a
    sentence that says how many of them differ from noise.

    Where the initial weights are known the change is drawn: what training put there.
    """
    W, shape, fields = model.parameters.weights[0], model.image_shape, model.receptive_fields
    if initial is not None:
        W = W - initial.weights[0]
    z = insight.neighbour_correlation(W, shape, fields.mask if fields else None)
    # A unit that hardly moved may be smooth: nothing would be seen.
    moved = np.square(W, dtype=np.float64).sum(axis=0)
    order = np.lexsort((-z, moved < np.median(moved)))[:_TILES]
    tiles = (
        figures.window_tiles(W, fields, order) if fields else figures.dense_tiles(W, shape, order)
    )
    alt = words.tiles_alt if len(shape) == 2 else words.tiles_colour_alt
    pictures = [
        Picture(
            data_uri(_tile(tile)),
            words.tile_alt.format(unit=unit),
            (words.tile_caption.format(unit=unit),),
        )
        for unit, tile in zip(order, tiles, strict=True)
    ]
    sentence = words.noise if insight.is_noise(z) else words.structure
    if initial is not None:
        sentence = words.tiles_change + sentence
    seen = int(np.count_nonzero(z > insight.NOISE))
    gallery = Gallery("tiles", pictures, alt.format(rows=shape[0], columns=shape[1]))
    return gallery, sentence.format(seen=seen, units=len(z))


def _tile(tile: Matrix) -> bytes:
    """The PNG file of a unit (rows, columns, channels), on its own scale."""
    limit = figures.colour_limit(tile[np.isfinite(tile)])
    if tile.shape[2] == 1:
        return figures.signed_png(tile[:, :, 0], limit)
    return figures.colour_png(tile, limit)


def data_uri(png: bytes) -> str:
    """The picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
