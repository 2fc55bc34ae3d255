"""Microscope: one training step on one image, with the actual numbers of every formula.

The step is that of core/, run in float64: forward, loss, backward, update, forward again. Of each
matrix a few rows and columns are shown, those with the largest gradients, so that something is
seen; formulas are those of docs/derivation.md. Dropout, augmentation and the learning-rate schedule
are left out, and the optimizer is at its first step: its memory is 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from handstitch.arrays import Images, Indices, Matrix, Vector
from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.blas import gemm
from handstitch.core.functions import softmax
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import Parameters
from handstitch.gradcheck import Case, relative_errors
from handstitch.model import Model
from handstitch.training.state import start

SHOWN: Final = 4
"""Rows and columns of each matrix."""


class LayerStep(NamedTuple):
    """One layer's part in the step. Matrices are of one sample: (1, inputs) or (1, outputs)."""

    A: Matrix
    """Its input."""
    W: Matrix
    """Before the step, as `b`."""
    b: Vector
    Z: Matrix
    output: Matrix
    """f(Z); of the last layer Z itself."""
    dA: Matrix
    """∂L/∂ of its output; of the last layer, where there is none, dZ."""
    slope: Matrix
    """f′; of the last layer 1."""
    dZ: Matrix
    dW: Matrix
    db: Vector
    inputs: Indices
    """Rows of W that are shown."""
    units: Indices
    """Columns of W that are shown."""
    numeric: tuple[Matrix, Vector]
    """dW and db by the complex step, of the rows and columns shown."""
    W_after: Matrix
    b_after: Vector
    slots: dict[str, tuple[Matrix, Vector]]
    """The optimizer's memory after the step, of W and b, by name."""


class TrainingStep(NamedTuple):
    """A training step on one image."""

    image: Images
    label: int
    config: Config
    X: Matrix
    """(1, inputs): (pixels − offset) · scale."""
    layers: tuple[LayerStep, ...]
    P: Vector
    """Probabilities (classes,), at temperature 1, as in training."""
    Y: Vector
    """Targets (classes,)."""
    loss: float
    loss_after: float
    """Of the same image."""
    norm: float
    """‖G‖, of the whole gradient."""
    worst: float
    """The largest relative error of a shown derivative, against the complex step."""


def take_step(model: Model, config: Config, image: Images, label: int) -> TrainingStep:
    """The training step on this image, uint8 or features, of class `label`.

    `config` has the settings of the run: optimizer, learning rate, weight decay, label smoothing.
    The model stays as it is.
    """
    theta = Parameters(model.parameters.sizes, model.parameters.vector.astype(np.float64))
    before = theta.copy()
    state = start(config, theta.sizes, model.receptive_fields, theta)
    network, optimizer = state.network, state.optimizer
    work = Workspace(network, 1, smoothing=config.label_smoothing)
    X, y = work.X, np.array([label])
    model.scaling.apply(image.reshape(1, -1), X)
    network.forward(X, work)
    loss = network.loss(y, work)
    G = theta.zeros_like()
    network.backward(work, Into(G, 1.0, 0.0, 0.0))
    seen = _Seen(network, work, before)
    shown = _choose(G)
    case = Case.of(replace(config, weight_decay=0.0), network, X, y)
    checked = case.complex_step(np.concatenate([_positions(G, *each) for each in shown]))
    analytic = np.concatenate([G.vector[_positions(G, *each)] for each in shown])
    network.backward(work, optimizer.into(config.learning_rate, 1.0))
    optimizer.step(config.learning_rate)
    layers, first = [], 0
    for layer, (_, inputs, units) in enumerate(shown):
        numeric = checked[first : first + (len(inputs) + 1) * len(units)].reshape(-1, len(units))
        first += numeric.size
        slots = {
            name: (slot.weights[layer], slot.biases[layer])
            for name, slot in optimizer.slots.items()
        }
        layers.append(
            LayerStep(
                **seen.of(layer), dW=G.weights[layer], db=G.biases[layer], inputs=inputs,
                units=units, numeric=(numeric[:-1], numeric[-1]),
                W_after=theta.weights[layer], b_after=theta.biases[layer], slots=slots,
            )
        )  # fmt: skip
    Y, P = work.targets[0].copy(), np.empty_like(layers[-1].Z)
    softmax(layers[-1].Z, P, np.empty((1, 1)))
    network.forward(X, work)
    return TrainingStep(
        image=image,
        label=label,
        config=config,
        X=X,
        layers=tuple(layers),
        P=P[0],
        Y=Y,
        loss=loss,
        loss_after=network.loss(y, work),
        norm=float(np.linalg.norm(G.vector)),
        worst=float(relative_errors(analytic, checked, float(np.abs(G.vector).max())).max()),
    )


class _Seen:
    """What core/ left in its workspace; and, by its own primitives, what it overwrote there."""

    def __init__(self, network: Network, work: Workspace, before: Parameters) -> None:
        self.network, self.before = network, before
        self.inputs = [A.copy() for A in work.inputs]
        self.outputs = [A.copy() for A in work.outputs]
        self.gradients = [dZ.copy() for dZ in work.gradients]

    def of(self, layer: int) -> dict[str, Any]:
        """A, W, b, Z, output, dA, slope and dZ of a layer."""
        W, b, A, dZ = (
            each[layer]
            for each in (self.before.weights, self.before.biases, self.inputs, self.gradients)
        )
        Z = b[None].copy()  # core/ writes A in its place
        gemm(1, A, W, 1, Z)
        dA, slope = dZ, np.ones_like(dZ)
        if layer < len(self.network.activations):
            dA = np.empty_like(dZ)  # and dZ in that of dA
            gemm(1, self.gradients[layer + 1], self.before.weights[layer + 1].T, 0, dA)
            _, f_backward = ACTIVATIONS[self.network.activations[layer]]
            slope = f_backward(slope, self.outputs[layer])
        output = self.outputs[layer]
        return {
            "A": A, "W": W, "b": b, "Z": Z, "output": output, "dA": dA, "slope": slope, "dZ": dZ,
        }  # fmt: skip


def _choose(G: Parameters) -> list[tuple[int, Indices, Indices]]:
    """(layer, rows, columns) of each W that are shown: those with the largest gradients.

    Of the first layer the rows that matter most to one unit: with receptive fields most weights of
    others are 0. The units shown in one layer are the rows shown in the next.
    """
    first = np.abs(G.weights[0])
    inputs = _largest(first[:, np.argmax(first.sum(axis=0))])
    shown = []
    for layer, dW in enumerate(G.weights):
        units = _largest(np.abs(dW[inputs]).sum(axis=0))
        shown.append((layer, inputs, units))
        inputs = units
    return shown


def _largest(sizes: Vector) -> Indices:
    """Positions of the SHOWN largest numbers, in their order."""
    return np.sort(np.argsort(-sizes, kind="stable")[:SHOWN])


def _positions(theta: Parameters, layer: int, inputs: Indices, units: Indices) -> Indices:
    """Positions in θ of these rows and columns of W, row by row, then of the columns of b."""
    numbers = Parameters(theta.sizes, np.arange(theta.vector.size, dtype=np.float64))
    W, b = numbers.weights[layer], numbers.biases[layer]
    return np.concatenate([W[np.ix_(inputs, units)].ravel(), b[units]]).astype(np.intp)
