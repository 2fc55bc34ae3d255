"""Offsets and buffers of the numba backend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector
from handstitch.compiled.functions import ACTIVATION_IDS
from handstitch.core.network import Network

Offsets = NDArray[np.int64]


class Layout(NamedTuple):
    """Sizes and offsets of a network; entry l is of layer l, counted from 0.

    sizes             units, from the input to the output
    W, b              where a layer's weights and biases begin in θ
    units             where a layer's inputs begin among all hidden units
    activation_ids    activations, by ACTIVATION_IDS
    dropout           probabilities of silencing a pixel, and a hidden unit
    """

    sizes: Offsets
    W: Offsets
    b: Offsets
    units: Offsets
    activation_ids: Offsets
    dropout: Vector


def layout_of(network: Network) -> Layout:
    """The layout of this network's θ and buffers."""
    sizes = network.parameters.sizes
    weights = np.cumsum([0, *(W.size for W in network.parameters.weights)])
    return Layout(
        sizes=np.array(sizes),
        W=weights[:-1],
        b=(weights[-1] + np.cumsum([0, *sizes[1:]]))[:-1],
        units=np.cumsum([0, 0, *sizes[1:-1]]),
        activation_ids=np.array([ACTIVATION_IDS[name] for name in network.activations], np.int64),
        dropout=np.array([network.dropout[0], network.dropout[-1]], np.float32),
    )


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
    nonzero_masks     (threads, …), as are the panels
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
    losses: NDArray[np.float64]
    is_correct: NDArray[np.int64]
