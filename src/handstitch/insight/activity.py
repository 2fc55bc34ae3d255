"""What the units of a network do on images: which are dead, which count, which layer decides."""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Images, Labels, Vector
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator


def dead_units(network: Network, images: Images, scaling: Scaling) -> list[int]:
    """How many units of each hidden layer give the same number on every image.

    Such a unit tells the next layer nothing. With ReLU the number is 0, and no gradient will ever
    reach the unit's weights again while it stays so.
    """
    widths = network.parameters.sizes[1:-1]
    lowest = [np.full(width, np.inf) for width in widths]
    highest = [np.full(width, -np.inf) for width in widths]
    for _, work in Evaluator(network, images, scaling).batches():
        for layer in range(len(widths)):
            A = work.outputs[layer]
            np.minimum(lowest[layer], A.min(axis=0), out=lowest[layer])
            np.maximum(highest[layer], A.max(axis=0), out=highest[layer])
    return [int(np.count_nonzero(low == high)) for low, high in zip(lowest, highest, strict=True)]


def unit_use(parameters: Parameters) -> Vector | None:
    """‖wᵢ‖ of row i of W₂, the outgoing weights of each first-layer unit; None without W₂.

    How much the next layer heeds a unit. It follows from the weights alone, so that units stand in
    one order wherever they are drawn, with images at hand or without.
    """
    if len(parameters.weights) == 1:
        return None
    norms: Vector = np.linalg.norm(parameters.weights[1], axis=1)
    return norms


def accuracies_put_back(
    network: Network, initial: Parameters, images: Images, labels: Labels, scaling: Scaling
) -> list[float]:
    """For each layer, the accuracy when it alone has its initial weights and biases again.

    In evaluation mode; `network` is left as it is. Resetting one layer at a time to its state
    before training is the experiment of Zhang, Bengio and Singer, "Are all layers created equal?"
    (arXiv:1902.01996).
    """
    accuracies = []
    for layer in range(len(network.layers)):
        mixed = network.parameters.copy()
        mixed.weights[layer][:] = initial.weights[layer]
        mixed.biases[layer][:] = initial.biases[layer]
        evaluator = Evaluator(Network(mixed, network.activations), images, scaling)
        accuracies.append(evaluator.loss_and_accuracy(labels)[1])
    return accuracies
