"""Offsets and buffers of the numba backend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector, aligned_zeros
from handstitch.compiled.functions import ACTIVATION_IDS
from handstitch.compiled.simd import LANES
from handstitch.compiled.windows import windows_of
from handstitch.core.network import Network

Offsets = NDArray[np.int64]


class Layout(NamedTuple):
    """Sizes and offsets of a network; entry l is of layer l, counted from 0.

    sizes             units, from the input to the output
    W, b              where a layer's weights and biases begin in θ, which is compact
    units             where a layer's inputs begin among all hidden units
    activation_ids    activations, by ACTIVATION_IDS
    dropout           probabilities of silencing a pixel, and a hidden unit
    window_pixels     with receptive fields, the inputs that a unit of the first layer sees, unit by
                      unit; else empty
    window_starts     (units + 1,), where those of a unit begin
    window_shared     whether four units, counted from the first, have one window
    """

    sizes: Offsets
    W: Offsets
    b: Offsets
    units: Offsets
    activation_ids: Offsets
    dropout: Vector
    window_pixels: NDArray[np.int32]
    window_starts: Offsets
    window_shared: NDArray[np.bool_]


def layout_of(network: Network) -> Layout:
    """The layout of this network's θ and buffers."""
    sizes, windows = network.parameters.sizes, windows_of(network.receptive_fields)
    counts = [W.size for W in network.parameters.weights]
    if network.receptive_fields:
        counts[0] = _whole_lines(windows[0].size)
    weights = np.cumsum([0, *counts])
    return Layout(
        sizes=np.array(sizes),
        W=weights[:-1],
        b=(weights[-1] + np.cumsum([0, *sizes[1:]]))[:-1],
        units=np.cumsum([0, 0, *sizes[1:-1]]),
        activation_ids=np.array([ACTIVATION_IDS[name] for name in network.activations], np.int64),
        dropout=np.array([network.dropout[0], network.dropout[-1]], np.float32),
        window_pixels=windows[0],
        window_starts=windows[1],
        window_shared=windows[2],
    )


class Compaction:
    """θ, and the vectors beside it, without the weights of the first layer outside its windows.

    compact = [ W₀ within the windows, unit by unit | W₁ | … | b₀ | b₁ | … ]
    """

    def __init__(self, layout: Layout) -> None:
        inputs, units, *_ = layout.sizes.tolist()
        unit = np.repeat(np.arange(units), np.diff(layout.window_starts))
        self._positions = layout.window_pixels.astype(np.intp) * units + unit
        self._rest = inputs * units
        self._rest_compact = _whole_lines(unit.size)

    def zeros(self, vector: Vector) -> Vector:
        """A compact vector of zeros, for one like this."""
        return aligned_zeros(self._rest_compact + vector.size - self._rest, vector.dtype)

    def compact(self, vector: Vector, out: Vector) -> None:
        """out ← `vector`, compact."""
        np.take(vector, self._positions, out=out[: self._positions.size], mode="clip")
        out[self._rest_compact :] = vector[self._rest :]

    def expand(self, compact: Vector, out: Vector) -> None:
        """The inverse of `compact`; what lies outside the windows stays as it is."""
        out[self._positions] = compact[: self._positions.size]
        out[self._rest :] = compact[self._rest_compact :]


def _whole_lines(count: int) -> int:
    """`count` rounded up, so that what comes next begins with a cache line."""
    return -(-count // LANES) * LANES


class Buffers(NamedTuple):
    """The Workspace of the numba backend: flat arrays in row order, hidden layer by hidden layer.

    X, outputs, dropped and logits have MASK_BITS numbers to spare at the end, since zeros are
    searched for in whole masks.

    outputs           A of the hidden layers
    dropped           A ⊙ mask; without dropout, `outputs` itself
    masks             dropout masks of the hidden units
    uniforms          random numbers for `masks`, unit by unit
    input_uniforms    random numbers for the input's dropout
    gradients         dA, then dZ, of the hidden layers
    logits            Z of the last layer, then s P − Y
    targets           Y, where the rows are not those of the identity matrix
    smoothing         label smoothing ε
    weights           of all samples in the loss; empty where each is 1
    initial           initial sums of a product, by hidden unit
    tiles             X turned, where the first layer has windows
    nonzero_masks     (threads, …), as are the panels and `turned`: A, Z or dZ of some units, turned
    rounded           (threads, …), pairs of a product's first factor
    In bfloat16, panels and `turned` hold pairs.
    """

    X: Vector
    outputs: Vector
    dropped: Vector
    masks: Vector
    uniforms: Vector
    input_uniforms: Vector
    gradients: Vector
    logits: Vector
    targets: Vector
    smoothing: np.float32
    weights: Vector
    initial: Vector
    zeros: Vector
    nonzero_masks: NDArray[np.uint64]
    panels: Matrix
    tiles: Vector
    turned: Matrix
    rounded: Matrix
    losses: NDArray[np.float64]
    is_correct: NDArray[np.int64]
