"""Handstitch: the numba backend. With --numpy, the numpy backend.

With --bfloat16, products of bfloat16 numbers. With --kernels it tells what processor numba makes
code for, and with which registers.
"""

from __future__ import annotations

import sys

import numpy as np
from job import RATE, arguments, initial, measure, pixels, scaling, sizes
from numba.core.registry import cpu_target

from handstitch import machine
from handstitch.arrays import aligned_zeros
from handstitch.compiled.availability import bfloat16_unit
from handstitch.compiled.step import NumbaBackend
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters, count
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.training.backend import NumpyBackend

FLAGS = ("--numpy", "--bfloat16", "--kernels")


def main() -> None:
    """The steps of the training loop, with all that a run needs in each."""
    is_numpy, is_half, tells = (flag in sys.argv for flag in FLAGS)
    sys.argv = [word for word in sys.argv if word not in FLAGS]
    chosen = arguments()
    images, labels = pixels(chosen)
    offset, divisor = scaling(chosen)
    shape = sizes(chosen.width)
    parameters = Parameters(shape, aligned_zeros(count(shape)))
    drawn = initial(width=chosen.width)
    for (W, b), view, bias in zip(drawn, parameters.weights, parameters.biases, strict=True):
        view[:], bias[:] = W, b
    network, optimizer = Network(parameters, ("relu", "relu")), Optimizer(parameters)
    scales = Scaling(offset, 1 / divisor)
    batches = Batches(images, labels, np.arange(len(images)), scales, chosen.batch)
    if is_numpy:
        backend = NumpyBackend(network, optimizer, batches)
    else:
        unit = bfloat16_unit() if is_half else None
        backend = NumbaBackend(network, optimizer, batches, chosen.threads, unit=unit)

    def epoch(order: np.ndarray) -> float:
        total = 0.0
        for number in range(len(batches)):
            indices = batches.batch(order, number)
            loss, _ = backend.train_batch(indices, RATE, 1 / len(indices), np.inf, None)
            total += loss
        return total / len(images)

    with machine.blas_threads(chosen.threads), backend.threads():
        measure("numpy backend" if is_numpy else "Handstitch", epoch, chosen)
    if tells and not is_numpy:
        _, processor, features = cpu_target.target_context.codegen().magic_tuple()
        wide = "+avx512f" in features.split(",")
        print(f"numba: {processor}, {'zmm' if wide else 'ymm'} registers")


if __name__ == "__main__":
    main()
