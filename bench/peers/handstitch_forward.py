"""Handstitch's forward pass as its classifier does it: blocks of rows that stay in cache.

One image goes all the way from bytes to probabilities, which is more than the others do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from forward import inputs, measure, pixels
from job import initial, sizes

from handstitch import machine
from handstitch.classifier import single
from handstitch.core.network import Network, Workspace
from handstitch.core.parameters import Parameters, count
from handstitch.data.scaling import Scaling
from handstitch.evaluation import ROWS


def main() -> None:
    """Logits into one array, from float32 inputs."""
    parameters = Parameters(sizes(), np.zeros(count(sizes()), np.float32))
    for (W, _), view in zip(initial(), parameters.weights, strict=True):
        view[:] = W
    network = Network(parameters, ("relu", "relu"))

    def forward(images: int) -> Callable[[], object]:
        if images == 1:
            classify, image = single(network, Scaling(0.0, 1 / 256)), pixels()
            return lambda: classify(image)
        X, logits = inputs(images), np.empty((images, 10), np.float32)
        work = Workspace(network, min(images, ROWS))

        def once() -> object:
            for start in range(0, images, ROWS):
                rows = slice(start, start + ROWS)
                logits[rows] = network.forward(X[rows], work)
            return logits

        return once

    with machine.blas_threads(machine.cores()):
        measure("Handstitch", forward)


if __name__ == "__main__":
    main()
