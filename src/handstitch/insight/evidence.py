"""Exact evidence: each logit as a sum of one contribution of every pixel, and a bias.

    z = W_eff x + b_eff        around an image, with the slope of every unit held at its value there
    x = (p − offset) · scale   so that pixel p adds  p · scale · W_eff,  and the rest is constant

ReLU and leaky ReLU are f(z) = slope · z, so that this is an equation and no approximation: W_eff is
the product of the weight matrices, with the slopes between them. A pixel of 0 contributes nothing;
what the network says of an image of zeros with these slopes is the bias. Logits are those that
softmax sees, z / T: the contributions to the difference of two classes add up to the logarithm of
the ratio of their probabilities.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Matrix
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network, Workspace
from handstitch.core.parameters import Parameters
from handstitch.errors import Argument, Phrase, UsageError
from handstitch.model import Model

EXACT: Final = ("relu", "leaky_relu")
"""Activations that are a slope times their input."""


class Evidence(NamedTuple):
    """Contributions of every pixel of n images to the logits z / T of every class, in float64."""

    contributions: NDArray[np.float64]
    """(n, classes, inputs)."""
    biases: Matrix
    """(n, classes)."""

    @property
    def logits(self) -> Matrix:
        """z / T (n, classes): the sum of the contributions and the bias."""
        sums: Matrix = self.contributions.sum(axis=2)
        return sums + self.biases


def evidence(model: Model, samples: Images) -> Evidence:
    """The contributions of the pixels, or features, of samples like those of the training.

    Raises UsageError unless all activations are ReLU or leaky ReLU.
    """
    network, scaling = in_float64(model), model.scaling
    pixels = samples.reshape(len(samples), -1).astype(np.float64)
    every = np.tile(np.eye(len(model.class_names)), (len(pixels), 1, 1))
    slopes, constants = linearise(network, (pixels - scaling.offset) * scaling.scale, every)
    slopes = slopes * scaling.scale / model.temperature
    constants = constants / model.temperature - (slopes * scaling.offset).sum(axis=2)
    return Evidence(slopes * pixels[:, None, :], constants)


def is_exact(model: Model) -> bool:
    """Whether the network is linear around an image, so that `evidence` is exact."""
    return set(model.activations) <= set(EXACT)


def in_float64(model: Model) -> Network:
    """The network in float64. Raises UsageError unless it is linear around an image."""
    if not is_exact(model):
        other = [name for name in model.activations if name not in EXACT]
        raise UsageError(
            "evidence is not exact for this network",
            found=f"activation {other[0]}, which bends everywhere",
            wanted=f"{' or '.join(EXACT)}, with which a network is linear around an image",
            fix=Phrase("train one with {}", Argument("activation", EXACT[0])),
        )
    parameters = Parameters(model.parameters.sizes, model.parameters.vector.astype(np.float64))
    return Network(parameters, model.activations, receptive_fields=model.receptive_fields)


def linearise(
    network: Network, X: Matrix, combinations: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Matrix]:
    """C W_eff (n, k, inputs) and C b_eff (n, k), for k combinations C (n, k, classes) of logits.

    X (n, inputs) is scaled. Slopes are those of core/'s activations, from its forward pass.
    """
    work = Workspace(network, len(X))
    network.forward(X, work)
    G, constants = combinations, np.zeros(combinations.shape[:2])
    for layer, (W, b) in reversed(list(enumerate(network.layers))):
        constants += G @ b
        G = G @ W.T
        if layer > 0:
            _, f_backward = ACTIVATIONS[network.activations[layer - 1]]
            G = G * f_backward(1.0, work.outputs[layer - 1])[:, None, :]
    return G, constants
