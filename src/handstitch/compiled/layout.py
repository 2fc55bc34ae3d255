"""Offsets, buffers and gradient target of the compiled step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector
from handstitch.core.functions import ACTIVATIONS
from handstitch.core.network import Network

Offsets = NDArray[np.int64]


class Layout(NamedTuple):
    """Sizes and offsets of a network; entry l is of layer l, counted from 0."""

    sizes: Offsets
    """Units, from the input to the output."""
    W: Offsets
    """Of a layer's weights in θ."""
    b: Offsets
    """Of a layer's biases in θ."""
    units: Offsets
    """Of a layer's inputs among all hidden units."""
    activation_ids: Offsets
    """Activations, as positions in ACTIVATIONS."""
    dropout: Vector
    """Probability of silencing a pixel, and a hidden unit."""


def layout_of(network: Network) -> Layout:
    """The layout of this network's θ and buffers."""
    sizes = network.parameters.sizes
    weights = np.cumsum([0, *(W.size for W in network.parameters.weights)])
    ids = [list(ACTIVATIONS).index(name) for name in network.activations]
    return Layout(
        sizes=np.array(sizes),
        W=weights[:-1],
        b=(weights[-1] + np.cumsum([0, *sizes[1:]]))[:-1],
        units=np.cumsum([0, 0, *sizes[1:-1]]),
        activation_ids=np.array(ids, np.int64),
        dropout=np.array([network.dropout[0], network.dropout[-1]], np.float32),
    )


class Buffers(NamedTuple):
    """The Workspace of the compiled step, each array flat and in row order.

    Hidden layers stand one after the other. X, outputs, dropped and logits have MASK_BITS numbers
    to spare at the end, since zeros are searched for in whole masks.
    """

    X: Vector
    outputs: Vector
    """A of the hidden layers."""
    dropped: Vector
    """A ⊙ mask; without dropout, `outputs` itself."""
    masks: Vector
    """Dropout masks of the hidden units."""
    uniforms: Vector
    """Random numbers for `masks`, unit by unit."""
    input_uniforms: Vector
    """Random numbers for the input's dropout."""
    gradients: Vector
    """dA, then dZ, of the hidden layers."""
    logits: Vector
    """Z of the last layer, then P − Y."""
    initial: Vector
    """Initial sums of a product, by hidden unit."""
    zeros: Vector
    nonzero_masks: NDArray[np.uint64]
    """(threads, …)"""
    panels: Matrix
    """(threads, …)"""
    losses: NDArray[np.float64]
    is_correct: NDArray[np.int64]


class Target(NamedTuple):
    """core's Into for compiled code:  vector ← alpha · gradient + beta · vector."""

    vector: Vector
    alpha: float
    beta: float
    beta_biases: float
