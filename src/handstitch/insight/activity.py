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
    for _, work in Evaluator(network, images, scaling).blocks():
        for layer in range(len(widths)):
            A = work.outputs[layer]
            np.minimum(lowest[layer], A.min(axis=0), out=lowest[layer])
            np.maximum(highest[layer], A.max(axis=0), out=highest[layer])
    return [int(np.count_nonzero(low == high)) for low, high in zip(lowest, highest, strict=True)]


def unit_use(network: Network, images: Images, scaling: Scaling) -> Vector:
    """The mean over images of |activation| · ‖outgoing weights‖ of each first-layer unit.

    How strongly a unit is heard in the next layer: a large activation that nobody weights counts
    as little as large weights on a unit that is always silent. For a network without hidden
    layers ‖outgoing weights‖ is 1 and the activations are its logits.
    """
    total = np.zeros(network.parameters.sizes[1])
    for _, work in Evaluator(network, images, scaling).blocks():
        total += np.abs(work.outputs[0]).sum(axis=0, dtype=np.float64)
    use = total / max(1, len(images))
    if len(network.layers) > 1:
        use *= np.linalg.norm(network.parameters.weights[1].astype(np.float64), axis=1)
    return use


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
