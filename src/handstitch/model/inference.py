"""Inference for many calls: a function from samples to probabilities, compiled where numba is."""

from __future__ import annotations

from collections.abc import Callable

from handstitch.arrays import Images, Matrix, Vector
from handstitch.compiled.availability import unavailable_reason
from handstitch.core.network import Network
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator


def compiled(
    network: Network, scaling: Scaling, axes: int = 2, temperature: float = 1.0
) -> Callable[[Images], Matrix | Vector]:
    """`Classifier.compiled` for a network in memory.

    `axes` are those of one sample: 2 of a grey image, 3 of one in colour, 1 of features.
    """
    if unavailable_reason() is None:
        from handstitch.compiled.classifier import CompiledClassifier

        return CompiledClassifier(network, scaling, axes=axes, temperature=temperature)
    network = Network(network.parameters.copy(), network.activations)

    def classify(images: Images) -> Matrix | Vector:
        if images.ndim > axes:
            return Evaluator(network, images, scaling).probabilities(temperature)
        P: Vector = Evaluator(network, images[None], scaling).probabilities(temperature)[0]
        return P

    return classify
