"""The network: forward is a loop over the layers, backward the same loop reversed.

    forward     Z = A W + b,  A = f(Z)               layer by layer; the last Z are the logits
    backward    dA = dZ Wᵀ,  dW = Aᵀ dZ,  db = 1ᵀ dZ,  dZ = dA ⊙ f′

Three named things and nothing hidden: the parameters θ, the workspace, and the arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Indices, Labels, Matrix, Vector
from handstitch.core.activations import ACTIVATIONS, apply
from handstitch.core.blas import gemm
from handstitch.core.functions import dropout, softmax_cross_entropy
from handstitch.core.parameters import Parameters

if TYPE_CHECKING:
    from handstitch.receptive_fields import ReceptiveFields


class Into(NamedTuple):
    """Where a gradient goes:  parameters ← alpha · gradient + beta · parameters.

    The gradient is that of the loss summed over the batch; alpha makes it a mean, or a step.

        (G, 1, 0)              store it
        (G, 1, 1)              add to it: the batch in smaller pieces
        (V, 1, μ)              momentum
        (θ, −η, 1 − ηλ)        the whole step of SGD with L2, and no gradient array exists
    """

    parameters: Parameters
    alpha: float
    beta: float
    beta_biases: float
    """For the biases, which weight decay usually spares, in place of beta."""


class Network:
    """Linear layers with an activation between each two; logits at the end.

    `activations` names one for each hidden layer (see ACTIVATIONS). `dropout` and
    `input_dropout` are probabilities of silencing a unit; they act only where a random stream
    is handed to `forward`. With `receptive_fields`, weights of the first layer outside them are 0
    and stay 0.
    """

    def __init__(
        self,
        parameters: Parameters,
        activations: tuple[str, ...],
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        receptive_fields: ReceptiveFields | None = None,
    ) -> None:
        if len(activations) != len(parameters.sizes) - 2:
            raise ValueError(f"expected {len(parameters.sizes) - 2} activations, not {activations}")
        self.parameters = parameters
        self.layers = list(zip(parameters.weights, parameters.biases, strict=True))
        self.activations = activations
        self.dropout = (input_dropout, *[dropout] * len(activations))
        """Probability of silencing an input of each layer."""
        self.receptive_fields = receptive_fields

    def forward(self, X: Matrix, work: Workspace, rng: np.random.Generator | None = None) -> Matrix:
        """The logits of X (n, inputs): (n, classes), an array of `work`, which is overwritten.

        With `rng`, dropout acts on the layers' inputs, as in training; without, it does not.
        """
        A = X
        for layer, (W, b) in enumerate(self.layers):
            if rng is not None and self.dropout[layer] > 0:
                mask, dropped = work.masks[layer], work.dropped[layer]
                dropout(A, self.dropout[layer], rng, mask, dropped)
                A = dropped
            work.inputs[layer] = A
            Z = work.outputs[layer]
            np.copyto(Z, b)
            gemm(1, A, W, 1, Z)
            if layer < len(self.activations):
                f, _ = ACTIVATIONS[self.activations[layer]]
                apply(f, Z)
            A = Z
        return A

    def loss(
        self, y: Labels | Indices, work: Workspace, weights: Vector | None = None, mixing: float = 1
    ) -> float:
        """L, the cross-entropy in nats summed over the batch that `forward` last saw.

        Leaves dZ = s P − Y of the last layer in `work`, where `backward` begins. A row of Y is that
        of `work.class_targets` for its class number in y (n,), times its weight in `weights` (n,);
        with `mixing` λ < 1, Yᵢ ← λ Yᵢ + (1 − λ) Yᵢ₊₁, the first after the last. arXiv:1710.09412
        """
        Y, dZ = work.targets, work.gradients[-1]
        np.take(work.class_targets, y, axis=0, out=Y, mode="clip")
        if weights is not None:
            np.multiply(Y, weights[:, None], out=Y)
        if mixing < 1:
            dZ[:-1], dZ[-1] = Y[1:], Y[0]
            np.subtract(Y, dZ, out=Y)
            np.multiply(Y, mixing, out=Y)
            np.add(Y, dZ, out=Y)
        return softmax_cross_entropy(work.outputs[-1], Y, dZ, work.column, work.row_sums)

    def count_correct(self, y: Labels | Indices, work: Workspace) -> int:
        """Number of samples whose largest logit, the first of equals, is at their label y (n,)."""
        np.argmax(work.outputs[-1], axis=1, out=work.predicted)
        np.equal(work.predicted, y, out=work.is_correct)
        return int(np.count_nonzero(work.is_correct))

    def backward(self, work: Workspace, into: Into) -> None:
        """∂L/∂W and ∂L/∂b of every layer, each sent where `into` says.

        Follows `forward` and `loss` on the same `work`; `into` may be this network's own θ.
        """
        for layer, (W, _) in reversed(list(enumerate(self.layers))):
            A, dZ = work.inputs[layer], work.gradients[layer]
            dA = work.gradients[layer - 1]
            if layer > 0:
                gemm(1, dZ, W.T, 0, dA)  # before W is overwritten
            gemm(into.alpha, A.T, dZ, into.beta, into.parameters.weights[layer])
            if layer == 0 and self.receptive_fields:
                into.parameters.weights[0] *= self.receptive_fields.mask
            b = into.parameters.biases[layer][None, :]
            gemm(into.alpha, work.ones, dZ, into.beta_biases, b)
            if layer > 0:
                if A is not work.outputs[layer - 1]:  # it was dropped on the way in
                    np.multiply(dA, work.masks[layer], out=dA)
                _, f_backward = ACTIVATIONS[self.activations[layer - 1]]
                apply(f_backward, dA, work.outputs[layer - 1])


class Workspace:
    """Every array that a batch of n samples needs, allocated once.

    `for_batch(m)` is the same memory arranged for m ≤ n samples. Hidden arrays are (n, width) in
    column order, one feature's samples side by side: at small batches that is up to a third
    faster in BLAS. Inputs, logits and targets are in row order.
    """

    def __init__(
        self, network: Network, n: int, whole: Workspace | None = None, smoothing: float = 0.0
    ) -> None:
        sizes, dtype = network.parameters.sizes, network.parameters.vector.dtype
        dropped = [size if p > 0 else 0 for size, p in zip(sizes, network.dropout, strict=False)]
        columns = sizes[0] + 2 * sum(sizes[1:]) + 2 * sum(dropped) + sizes[-1] + 2
        self.memory: Matrix = whole.memory if whole else np.empty(columns * n, dtype)
        self.predicted: Indices = whole.predicted[:n] if whole else np.empty(n, np.intp)
        self.is_correct: NDArray[np.bool_] = (
            whole.is_correct[:n] if whole else np.empty(n, np.bool_)
        )
        self.ones: Matrix = whole.ones[:, :n] if whole else np.ones((1, n), dtype)
        self.network = network
        self.n = n
        self._used = 0
        rows, classes = self._in_rows, sizes[-1]
        self.X = rows(sizes[0])
        """(n, inputs): where a batch may be gathered."""
        self.outputs = [*map(self._in_columns, sizes[1:-1]), rows(classes)]
        """A of each hidden layer, then the logits Z."""
        self.gradients = [*map(self._in_columns, sizes[1:-1]), rows(classes)]
        """dA, then dZ, of each layer's output."""
        hidden = [self._in_columns] * (len(sizes) - 2)
        self.masks = [make(size) for make, size in zip([rows, *hidden], dropped, strict=True)]
        self.dropped = [make(size) for make, size in zip([rows, *hidden], dropped, strict=True)]
        self.inputs: list[Matrix] = [self.X] * (len(sizes) - 1)
        """The input of each layer, set by `forward`."""
        self.targets = rows(classes)
        self.column, self.row_sums = rows(1), rows(1)
        self.class_targets: Matrix = whole.class_targets if whole else np.eye(classes, dtype=dtype)
        """Y of a sample of each class: (1 − ε) · identity + ε / classes, with label smoothing ε."""
        if smoothing:
            self.class_targets *= 1 - smoothing
            self.class_targets += smoothing / classes

    def for_batch(self, n: int) -> Workspace:
        """The same memory for n samples, at most as many as this workspace is for."""
        return self if n == self.n else Workspace(self.network, n, self)

    def _in_rows(self, size: int) -> Matrix:
        start, self._used = self._used, self._used + self.n * size
        return self.memory[start : self._used].reshape(self.n, size)

    def _in_columns(self, size: int) -> Matrix:
        return self._in_rows(size).reshape(size, self.n).T
