"""Handstitch's readable loop."""

from __future__ import annotations

import numpy as np
from job import RATE, SIZES, arguments, initial, measure, pixels

from handstitch import machine
from handstitch.core.network import Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters, count
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling


def main() -> None:
    """As training.py does it, with nothing left out that a run needs in each step."""
    chosen = arguments()
    images, labels = pixels()
    parameters = Parameters(SIZES, np.zeros(count(SIZES), np.float32))
    for (W, b), view, bias in zip(initial(), parameters.weights, parameters.biases, strict=True):
        view[:], bias[:] = W, b
    network = Network(parameters, ("relu", "relu"))
    optimizer = Optimizer(parameters)
    batches = Batches(images, labels, np.arange(len(images)), Scaling(0.0, 1 / 256), chosen.batch)
    whole = Workspace(network, batches.batch_size)

    def epoch(order: np.ndarray) -> float:
        loss = 0.0
        for number in range(len(batches)):
            picks = batches.part(order, number)
            work = whole.narrowed(len(picks))
            y = batches.gather(picks, work.X)
            network.forward(work.X, work)
            network.correct(y, work)
            loss += network.loss(y, work)
            network.backward(work, optimizer.into(RATE, 1 / len(picks)))
            optimizer.step(RATE)
        return loss / len(images)

    with machine.blas_threads(chosen.threads):
        measure("Handstitch", epoch, chosen)


if __name__ == "__main__":
    main()
