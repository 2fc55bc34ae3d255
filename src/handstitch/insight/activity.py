"""Dead units, outgoing norms, and accuracies with one layer reset to its initial weights."""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Images, Labels, Vector
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator
from handstitch.machine.progress import announced


def dead_units(network: Network, images: Images, scaling: Scaling) -> list[int]:
    """The number of units of each hidden layer whose output is constant over the images.

    Such a unit carries no information. With ReLU the constant is 0, and no gradient reaches the
    unit's weights.
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


def outgoing_norms(parameters: Parameters) -> Vector | None:
    """‖wᵢ‖ of row i of W₂, the outgoing weights of each first-layer unit; None without W₂.

    It measures how much the next layer uses a unit, from the weights alone: units are drawn in the
    same order with a data set or without.
    """
    if len(parameters.weights) == 1:
        return None
    norms: Vector = np.linalg.norm(parameters.weights[1], axis=1)
    return norms


def reset_accuracies(
    network: Network, initial: Parameters, images: Images, labels: Labels, scaling: Scaling
) -> list[float]:
    """The accuracy with each layer alone reset to its initial weights and biases.

    In evaluation mode; `network` is not changed. The experiment is that of Zhang, Bengio and
    Singer, "Are all layers created equal?" (arXiv:1902.01996).
    """
    accuracies = []
    for layer in announced(range(len(network.layers)), "accuracies with one layer reset"):
        mixed = network.parameters.copy()
        mixed.weights[layer][:] = initial.weights[layer]
        mixed.biases[layer][:] = initial.biases[layer]
        reset = Network(mixed, network.activations)
        accuracies.append(Evaluator(reset, images, scaling).loss_and_accuracy(labels)[1])
    return accuracies
