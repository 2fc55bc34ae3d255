"""Handstitch: the numba backend. With --numpy, the numpy backend; with --light, inverted images,
in which hardly a pixel is 0.
"""

from __future__ import annotations

import sys

import numpy as np
from job import RATE, arguments, initial, measure, pixels, sizes

from handstitch import machine
from handstitch.arrays import aligned_zeros
from handstitch.compiled.step import NumbaBackend
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters, count
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.training.backend import NumpyBackend


def main() -> None:
    """The steps of the training loop, with all that a run needs in each."""
    is_numpy, light = "--numpy" in sys.argv, "--light" in sys.argv
    sys.argv = [word for word in sys.argv if word not in {"--numpy", "--light"}]
    chosen = arguments()
    images, labels = pixels(chosen.images)
    if light:
        images = 255 - images
    shape = sizes(chosen.width)
    parameters = Parameters(shape, aligned_zeros(count(shape)))
    drawn = initial(width=chosen.width)
    for (W, b), view, bias in zip(drawn, parameters.weights, parameters.biases, strict=True):
        view[:], bias[:] = W, b
    network, optimizer = Network(parameters, ("relu", "relu")), Optimizer(parameters)
    batches = Batches(images, labels, np.arange(len(images)), Scaling(0.0, 1 / 256), chosen.batch)
    if is_numpy:
        backend = NumpyBackend(network, optimizer, batches)
    else:
        backend = NumbaBackend(network, optimizer, batches, chosen.threads)

    def epoch(order: np.ndarray) -> float:
        total = 0.0
        for number in range(len(batches)):
            indices = batches.batch(order, number)
            loss, _ = backend.train_batch(indices, RATE, 1 / len(indices), np.inf, None)
            total += loss
        return total / len(images)

    with machine.blas_threads(chosen.threads), backend.threads():
        measure("numpy backend" if is_numpy else "Handstitch", epoch, chosen)


if __name__ == "__main__":
    main()
