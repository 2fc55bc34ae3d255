"""The BLAS calls of the numpy backend and nothing else."""

from __future__ import annotations

import numpy as np
from job import arguments, initial, measure, sizes

from handstitch import machine
from handstitch.core.blas import gemm
from handstitch.core.network import Network, Workspace
from handstitch.core.parameters import Parameters, count


def main() -> None:
    """In the step's order, on its own arrays; the weights do not change."""
    chosen = arguments()
    shape = sizes(chosen.width)
    parameters = Parameters(shape, np.zeros(count(shape), np.float32))
    for (W, _), view in zip(initial(width=chosen.width), parameters.weights, strict=True):
        view[:] = W
    work = Workspace(Network(parameters, ("relu", "relu")), chosen.batch)
    work.memory[:] = 0.1
    inputs, last = [work.X, *work.outputs[:-1]], len(parameters.weights) - 1

    def epoch(order: np.ndarray) -> float:
        for _ in range(0, len(order), chosen.batch):
            for A, W, Z in zip(inputs, parameters.weights, work.outputs, strict=True):
                gemm(1, A, W, 0, Z)
            for layer in range(last, -1, -1):
                W, dZ = parameters.weights[layer], work.gradients[layer]
                if layer > 0:
                    gemm(1, dZ, W.T, 0, work.gradients[layer - 1])
                gemm(1e-30, inputs[layer].T, dZ, 1, W)
        return 0.0

    with machine.blas_threads(chosen.threads):
        measure("products alone", epoch, chosen)


if __name__ == "__main__":
    main()
