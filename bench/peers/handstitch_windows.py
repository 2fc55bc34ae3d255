"""Handstitch with local receptive fields beside the same dense network, step by step in turn.

Processor time of one thread, so that other programs count little: of whole steps, and of the
products of the first layer alone, each repeated on what the step left in its buffers.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

import numpy as np
from job import arguments, pixels

from handstitch.compiled import matmul, windows
from handstitch.compiled.step import NumbaBackend
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.receptive_fields import ReceptiveFields, group_size

SIDES = (5, 13)
SIZES = (784, 2048, 512, 10)
SCALE, RATE = np.float32(1 / 256), 0.001
ZERO = np.float32(0)


def main() -> None:
    """Steps of both networks in turn; prints the medians."""
    chosen = arguments()
    images, labels = pixels(chosen)
    batches = Batches(
        images, labels, np.arange(len(images)), Scaling(0.0, float(SCALE)), chosen.batch
    )
    backends = {name: make_backend(name, batches) for name in ("dense", "windows")}
    times: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as within:
        for backend in backends.values():
            within.enter_context(backend.threads())
        for epoch in range(chosen.epochs):
            order = batches.epoch_order(0, epoch)
            for number in range(len(batches)):
                indices = batches.batch(order, number)
                for name, backend in backends.items():
                    step = measure(lambda b=backend, i=indices: train(b, i))
                    times[f"{name}, step"].append(step)
                    layer = first_layer(backend, len(indices))
                    times[f"{name}, first layer"].append(sum(map(measure, layer)))
    medians = {name: median(several[len(several) // 4 :]) for name, several in times.items()}
    print(json.dumps({"peer": "Handstitch, windows", "batch": chosen.batch, "seconds": medians}))


def make_backend(name: str, batches: Batches) -> NumbaBackend:
    """The network with windows or without, trained by AdamW."""
    rng = np.random.Generator(np.random.Philox(0))
    fields = None
    if name == "windows":
        fields = ReceptiveFields.draw((28, 28), SIZES[1], SIDES, rng, group_size(SIZES[1]))
    parameters = Parameters.random(SIZES, rng, mask=fields.mask if fields else None)
    network = Network(parameters, ("relu", "relu"), receptive_fields=fields)
    return NumbaBackend(network, Optimizer(parameters, "adamw", weight_decay=0.01), batches, 1)


def train(backend: NumbaBackend, indices: np.ndarray) -> None:
    """A step on the mean gradient."""
    backend.train_batch(indices, RATE, 1 / len(indices), np.inf, None)


def first_layer(backend: NumbaBackend, n: int) -> list[Callable[[], Any]]:
    """Its products forward and backward, written where a step writes them."""
    # ruff: noqa: SLF001 (no public name times a part of a step)
    layout, work, theta = backend._layout, backend._buffers, backend._trained[0]
    inputs, units = SIZES[:2]
    G, b = backend._gradient, theta[layout.b[0] :]
    dZ, Z = work.gradients, work.outputs
    if backend.network.receptive_fields:
        operands = n, inputs, units
        return [
            lambda: windows.turn(n, inputs, work.X, work.tiles, 0, n),
            lambda: windows.forward(
                *operands, SCALE, ZERO, layout, work.tiles, theta, b, Z, 0, units, work.turned[0]
            ),
            lambda: windows.backward(
                *operands, SCALE, work.zeros, layout, work.tiles, dZ, ZERO, G, 0, units,
                work.turned[0],
            ),
        ]  # fmt: skip
    into = backend._into(RATE, 1 / n)
    return [
        lambda: matmul.matmul_sparse(
            n, inputs, work.X, inputs, theta, False, units, units, b, Z, units,
            work.nonzero_masks[0], work.panels[0], work.rounded[0],
        ),
        lambda: matmul.matmul_sparse_transposed(
            n, inputs, work.X, inputs, dZ, units, units, work.zeros, into, 0, units, False,
            work, 0,
        ),
    ]  # fmt: skip


def measure(once: Callable[[], Any]) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    once()
    return time.process_time() - began


if __name__ == "__main__":
    main()
