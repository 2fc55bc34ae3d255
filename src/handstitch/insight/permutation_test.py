"""A permutation test of order in the weights, for all layers of a network at once.

Initial weights are drawn independently from one distribution, so shuffling the entries of a layer
does not change their distribution. Training adds sums of outer products: a few strong directions,
inputs and units that grew more than others, columns that share a sign, and in the first layer
adjacent pixels with similar weights. Six statistics measure such order; copies of the layer with
all its entries shuffled show how large they are by chance.

    spectrum       Σ σ⁴ of the singular values: some directions are stronger than others
    rows           Σᵢ ‖wᵢ‖⁴: some inputs have larger weights than others
    columns        the same for units
    row sums       Σᵢ (Σⱼ wᵢⱼ)²: weights of one input agree in sign
    column sums    the same for one unit
    neighbours     Σ wₚ · w_q over adjacent pixels p, q: only of a layer whose inputs are pixels

Σ σ⁴ and not the largest σ: it is one product of matrices instead of a decomposition for each
copy, it adds up many weak directions, and it has power below the threshold at which the largest
singular value leaves the bulk (Onatski, Moreira and Hallin, arXiv:1306.4867; the threshold: Baik,
Ben Arous and Péché, arXiv:math/0403022). Σ σ², the sum of squares, is the same for every copy.

Nothing is assumed of the distribution the weights were drawn from: normal or uniform, of whatever
spread. The test does not apply to dependent weights, such as an orthogonal matrix.

With receptive fields a unit's weights change places inside its rectangle only: they were drawn from
one distribution (but for Xavier's, whose spread varies a little there). No statistic of columns can
stand out then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix
from handstitch.machine.progress import announced
from handstitch.randomness import Purpose, generator

COPIES: Final = 199
"""Shuffled copies of each layer: with the layer itself 200, so that p is at least 0.005."""
ALPHA: Final = 0.01
"""Significance level: one false alarm in a hundred untrained networks, however many layers."""
_WIDEST: Final = 1024
"""Inputs and units sampled, evenly spaced, from a layer with more: it bounds the time."""

Scores = NDArray[np.float64]


class Structure(msgspec.Struct, frozen=True):
    """How much more ordered a layer is than its shuffled copies."""

    score: float
    """The statistic that stands out most, in standard deviations above the mean of the copies."""
    p_value: float
    """The probability that any layer of a network without structure reaches this score."""
    statistic: str
    """Name of that statistic."""
    scores: dict[str, float]
    """Name → score of each statistic, not corrected for multiple testing."""


def structures(
    weights: Sequence[Matrix],
    image_shape: tuple[int, ...] = (),
    *,
    copies: int = COPIES,
    seed: int = 0,
    mask: Matrix | None = None,
) -> list[Structure]:
    """One Structure for each layer of `weights` (inputs, outputs); the first sees `image_shape`
    of a grey image, one in colour or features, and has weights where its `mask` is not 0.

    All statistics of a copy are measured in standard deviations of the other copies, the layer
    itself being one of them; the largest of a layer is its score, and p is the share of networks
    of shuffled layers whose largest score is no smaller. That is the single-step maxT procedure
    (Westfall and Young, "Resampling-based multiple testing", 1993): the chance of one false alarm
    or more among all layers and statistics is at most p. It is exact for exchangeable weights of
    any distribution and size, for the observed network is one of `copies` + 1 that were equally
    likely. The shuffles follow from `seed`: the same weights always give the same figures.
    """
    scores: list[dict[str, Scores]] = []  # of the layer and then of its copies
    for layer, W in enumerate(announced(weights, "permutation test, layers")):
        rng = generator(seed, Purpose.WEIGHT_SHUFFLE, layer)
        first = (image_shape, mask) if layer == 0 else ((), None)
        measured = _measure(W, *first, copies, rng)
        deviations = _in_deviations(np.array(list(measured.values())))
        scores.append(dict(zip(measured, deviations, strict=True)))
    largest = [np.max(list(of_layer.values()), axis=0) for of_layer in scores]
    of_network = np.max(largest, axis=0)
    return [
        Structure(
            score=float(highest[0]),
            # With a hair's breadth: where every copy scores alike, rounding must not decide.
            p_value=float(np.mean(of_network >= highest[0] - 1e-9)),
            statistic=max(of_layer, key=lambda name: of_layer[name][0]),
            scores={name: float(values[0]) for name, values in of_layer.items()},
        )
        for of_layer, highest in zip(scores, largest, strict=True)
    ]


def _measure(
    W: Matrix,
    image_shape: tuple[int, ...],
    mask: Matrix | None,
    copies: int,
    rng: np.random.Generator,
) -> dict[str, list[float]]:
    """The statistics of W and then of its shuffled copies."""
    shape = image_shape if len(W) <= _WIDEST else ()
    sample = np.ix_(_evenly(len(W)), _evenly(W.shape[1]))
    copy = np.ascontiguousarray(W[sample])
    inside = None if mask is None else mask[sample] != 0
    # Scaled to a mean square of 1, so that no power leaves the range of float32.
    largest = float(np.max(np.abs(copy), initial=0))
    if largest:
        copy /= largest
        copy /= np.sqrt(np.mean(np.square(copy, dtype=np.float64)))
    found: dict[str, list[float]] = {}
    for number in announced(range(copies + 1), "permutation test, shuffled copies of a layer"):
        if number:
            shuffle(copy, inside, rng)
        for name, value in _statistics(copy, shape).items():
            found.setdefault(name, []).append(value)
    return found


def shuffle(W: Matrix, inside: NDArray[np.bool_] | None, rng: np.random.Generator) -> None:
    """Shuffle all entries of W in place; or those inside each column's own rectangle."""
    if inside is None:
        rng.shuffle(W.reshape(-1))
        return
    for column, places in zip(W.T, inside.T, strict=True):
        column[places] = rng.permutation(column[places])


def _evenly(n: int) -> NDArray[np.intp]:
    return np.linspace(0, n - 1, min(n, _WIDEST)).astype(np.intp)


def _statistics(W: Matrix, image_shape: tuple[int, ...]) -> dict[str, float]:
    inputs, outputs = W.shape
    squares = np.square(W)
    values = {
        "spectrum": _squared(W.T @ W if outputs <= inputs else W @ W.T),
        "rows": _squared(squares.sum(axis=1)),
        "columns": _squared(squares.sum(axis=0)),
        "row sums": _squared(W.sum(axis=1)),
        "column sums": _squared(W.sum(axis=0)),
    }
    if len(image_shape) > 1:
        tiles = W.reshape(*image_shape[:2], -1)  # a channel has its neighbours in the same one
        adjacent = (tiles[:, 1:], tiles[:, :-1]), (tiles[1:], tiles[:-1])
        values["neighbours"] = float(sum(np.einsum("rcu,rcu->", *pair) for pair in adjacent))
    return values


def _squared(array: Matrix) -> float:
    flat = array.reshape(-1).astype(np.float64)
    return float(flat @ flat)


def _in_deviations(values: Scores) -> Scores:
    """Values in standard deviations from the mean of the others in their row.

    All columns are treated alike, as the test requires. The result is 0 where the others differ by
    no more than rounding.
    """
    others, means = values.shape[1] - 1, values.mean(axis=1, keepdims=True)
    centred = values - means
    mean = -centred / others  # of the others: all of them add up to 0
    squares = np.square(centred).sum(axis=1, keepdims=True) - np.square(centred)
    variance = (squares - others * np.square(mean)) / (others - 1)
    deviation = np.sqrt(np.maximum(variance, 0))
    differs = deviation > 1e-6 * np.abs(means)
    scores = np.zeros_like(values)
    np.divide(centred - mean, deviation, out=scores, where=differs)
    return scores
