"""What the compiled loop is told: where things are, where it may compute, where a gradient goes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector
from handstitch.core.functions import ACTIVATIONS
from handstitch.core.network import Network

Places = NDArray[np.int64]


class Layout(NamedTuple):
    """Where things are: entry l is of layer l, counted from 0."""

    sizes: Places
    """Units, from the input to the output."""
    W: Places
    """Where weights begin in θ."""
    b: Places
    """Where biases begin in θ."""
    units: Places
    """Where the units that a layer reads begin among all hidden units."""
    kinds: Places
    """Activations, as positions in ACTIVATIONS."""
    drop: Vector
    """Probabilities of silencing: a pixel, a hidden unit."""


def laid_out(network: Network) -> Layout:
    """Where things are in this network's θ and buffers."""
    sizes = network.parameters.sizes
    weights = np.cumsum([0, *(W.size for W in network.parameters.weights)])
    return Layout(
        sizes=np.array(sizes),
        W=weights[:-1],
        b=(weights[-1] + np.cumsum([0, *sizes[1:]]))[:-1],
        units=np.cumsum([0, 0, *sizes[1:-1]]),
        kinds=np.array([list(ACTIVATIONS).index(name) for name in network.activations], np.int64),
        drop=np.array([network.dropout[0], network.dropout[-1]], np.float32),
    )


class Buffers(NamedTuple):
    """What the Workspace is to core/: all in row order, one sample's numbers side by side.

    What is searched for zeros goes on for a block beyond its end.
    """

    X: Vector
    A: Vector
    """Of one hidden layer after the other."""
    D: Vector
    """A after dropout; without it, A itself."""
    M: Vector
    """Masks."""
    chances: Vector
    """Uniform numbers for the masks, one unit's samples side by side."""
    pixels: Vector
    """Uniform numbers for the input."""
    dZ: Vector
    top: Vector
    """Logits, then P − Y."""
    start: Vector
    """Of each hidden unit, what a product begins with."""
    zeros: Vector
    masks: NDArray[np.uint64]
    """(parts, …)"""
    panels: Matrix
    """(parts, …)"""
    losses: NDArray[np.float64]
    hits: NDArray[np.int64]


class Target(NamedTuple):
    """As core's Into: vector ← alpha · gradient + beta · vector."""

    vector: Vector
    alpha: float
    beta: float
    beta_biases: float
