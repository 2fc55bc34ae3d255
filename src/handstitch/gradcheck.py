"""Gradient check: back-propagation against the complex-step derivative.

The oracle is a second forward pass, written for complex numbers: for an analytic function
f, Im f(x + ih)/h is f′(x) to full precision, since nothing is subtracted (Squire and Trapp, SIAM
Review 40, 1998, 110-112). The gradient under test is that of core/, run in float64: the numpy
backend trains with it, and `make compare` compares the numba backend with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import isqrt, prod
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector
from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import Parameters, count
from handstitch.errors import Argument, HandstitchError, Phrase
from handstitch.machine import memory
from handstitch.machine.progress import announced
from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import ReceptiveFields, resolve_sides

TOLERANCE: Final = 1e-9
"""The largest relative error that passes."""
KINK: Final = 1e-6
"""Cases with a pre-activation this close to a kink are drawn again: there is no derivative."""
_STEP: Final = 1e-30
_DRAWS: Final = 100
_BYTES: Final = 48
"""Of each parameter: itself, its gradient and a copy in float64, and two complex numbers."""

Complex = NDArray[np.complexfloating[Any, Any]]

_FORWARD: Final[dict[str, Callable[[Complex], Complex]]] = {
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z.real > 0, z, np.exp(np.where(z.real > 0, 0, z)) - 1),
    "sigmoid": lambda z: np.reciprocal(1 + np.exp(-z)),
    "tanh": np.tanh,
}
"""Each f once more, so that a wrong one is noticed, too; a new row has that of ACTIVATIONS."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement of two gradients."""

    sizes: tuple[int, ...]
    checked: int
    """Parameters compared."""
    parameters: int
    """Parameters in all."""
    worst: float
    """Largest |a − n| / max(|a|, |n|, 1e-8·max|g|)."""
    where: int
    """The parameter with the largest error, as a position in θ."""

    @property
    def passed(self) -> bool:
        """Whether the worst error is within TOLERANCE."""
        return self.worst <= TOLERANCE


def check(
    config: Config,
    inputs: int = 12,
    classes: int = 4,
    samples: int = 5,
    most: int | None = None,
    *,
    mixing: float = 1.0,
) -> Verdict:
    """Compare the gradient of core/ with the complex step.

    Of the loss of this configuration on `samples` random samples; of its settings, those of the
    network, the loss, weight decay and seed count. Where classes have weights, the samples have
    drawn ones; with `mixing` below 1 targets are mixed; for receptive fields the inputs are an
    image, as square as may be. All parameters, or `most` of them drawn from the seed. Raises
    HandstitchError if every draw of inputs is too close to a kink, MachineError if the network
    would not fit in memory.
    """
    sizes = (inputs, *config.hidden_sizes, classes)
    memory.require(
        _BYTES * count(sizes),
        f"the gradient check of a network {'-'.join(map(str, sizes))}",
        Phrase("try a narrower network ({})", Argument("hidden_sizes")),
    )
    for draw in range(_DRAWS):
        case = Case(config, inputs, classes, samples, draw, mixing=mixing)
        if case.clearance() >= KINK:
            break
    else:
        raise HandstitchError(
            "every draw of inputs is too close to a kink of the activations",
            found=f"{_DRAWS} draws with a pre-activation below {KINK}",
            wanted=f"a draw with all pre-activations at least {KINK} from 0",
            fix=Phrase(
                "try another {}, or a smaller network ({})",
                Argument("seed"),
                Argument("hidden_sizes"),
            ),
        )
    analytic = case.gradient()
    positions = np.arange(analytic.size)
    if most is not None and most < analytic.size:
        rng = generator(config.seed, Purpose.GRADIENT_CHECK, _DRAWS)
        positions = np.sort(rng.choice(analytic.size, most, replace=False))
    numeric = case.complex_step(positions)
    errors = relative_errors(analytic[positions], numeric, float(np.max(np.abs(analytic))))
    return Verdict(
        sizes=case.sizes,
        checked=len(positions),
        parameters=analytic.size,
        worst=float(np.max(errors)),
        where=int(positions[np.argmax(errors)]),
    )


def relative_errors(analytic: Vector, numeric: Vector, largest: float) -> Vector:
    """|a − n| / max(|a|, |n|, 1e-8 · largest); NaN counts as infinitely wrong."""
    scale = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), 1e-8 * largest)
    difference = np.abs(analytic - numeric)
    errors = np.divide(difference, scale, out=np.zeros_like(scale), where=scale != 0)
    return np.where(np.isfinite(errors), errors, np.inf)


class Case:
    """A network, a batch and dropout masks, drawn from the configuration's seed."""

    def __init__(
        self,
        config: Config,
        inputs: int = 12,
        classes: int = 4,
        samples: int = 5,
        draw: int = 0,
        *,
        mixing: float = 1.0,
    ) -> None:
        self.config = config
        self.sizes = (inputs, *config.hidden_sizes, classes)
        rng = generator(config.seed, Purpose.GRADIENT_CHECK, draw)
        fields = None
        image_shape = _image_shape(inputs)
        if config.hidden_sizes and (sides := resolve_sides(config.receptive_field, image_shape)):
            units, (smallest, largest) = config.hidden_sizes[0], sides
            fields = ReceptiveFields.draw(image_shape, units, (smallest, largest), rng)
        self.mask: Matrix = fields.mask if fields else np.ones((1, 1))
        parameters = Parameters.random(
            self.sizes, rng, config.initialization, np.float64, fields.mask if fields else None
        )
        for b in parameters.biases:
            b[:] = rng.normal(0, 0.1, b.shape)
        for layer, W in enumerate(parameters.weights):
            # Units that dropout scales up must not saturate: gradients lose digits there.
            W[:] *= 1.0 - (config.dropout if layer else config.input_dropout)
        self.network = Network(
            parameters, config.activations, config.dropout, config.input_dropout, fields
        )
        self.X: Matrix = rng.standard_normal((samples, inputs))
        self.y = rng.integers(0, classes, samples)
        self.mixing = mixing
        self.weights: Vector | None = None
        if config.class_weight:  # those of samples may be any: these are of all kinds
            self.weights = rng.exponential(1, samples)
        self.work = Workspace(self.network, samples, smoothing=config.label_smoothing)
        total = samples if self.weights is None else float(np.sum(self.weights))
        self._scale = 1 / total if config.reduction == "mean" else 1.0
        self._forward()
        # The masks that core/ drew, one for each layer's input.
        self.masks = [
            mask.copy() if p > 0 else np.ones((1, 1))
            for mask, p in zip(self.work.masks, self.network.dropout, strict=True)
        ]

    @classmethod
    def of(cls, config: Config, network: Network, X: Matrix, y: NDArray[Any]) -> Case:
        """The case of this network and batch in float64, without dropout; the loss is the sum."""
        case = cls.__new__(cls)
        case.config, case.network, case.sizes = config, network, network.parameters.sizes
        case.X, case.y, case.mixing, case.weights = X, y, 1.0, None
        case._scale = 1.0  # noqa: SLF001 (its own)
        fields = network.receptive_fields
        case.mask = fields.mask if fields else np.ones((1, 1))
        case.masks = [np.ones((1, 1))] * (len(case.sizes) - 1)
        return case

    def gradient(self) -> Vector:
        """∂(loss + penalty)/∂θ by back-propagation, through core/.

        V ← scale · gradient + λ V, starting from V = θ, is gradient and penalty in one.
        """
        self._forward()
        self.network.loss(self.y, self.work, self.weights, self.mixing)
        target = self.network.parameters.copy()
        decay = self.config.weight_decay
        biases = decay * self.config.decay_biases
        self.network.backward(self.work, Into(target, self._scale, decay, biases))
        return target.vector

    def loss(self, theta: Complex) -> complex:
        """Loss and penalty as a function of θ, for complex θ, from the textbook alone."""
        *_, A = self._preactivations(theta)
        shifted = A - A.real.max(axis=1, keepdims=True)
        nats = np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)) - shifted
        smoothing = self.config.label_smoothing
        total, weights = 0.0j, np.ones(len(self.y)) if self.weights is None else self.weights
        for share, shift in ((self.mixing, 0), (1 - self.mixing, -1)):
            y, w = np.roll(self.y, shift), np.roll(weights, shift)
            losses = (1 - smoothing) * nats[np.arange(len(y)), y] + smoothing * nats.mean(axis=1)
            total += share * np.sum(w * losses)
        matrices, biases = _unpack(theta, self.sizes)
        decayed = [*matrices, *(biases if self.config.decay_biases else [])]
        squares = sum(np.sum(array * array) for array in decayed)
        return complex(self._scale * total + self.config.weight_decay / 2 * squares)

    def complex_step(self, positions: NDArray[np.intp]) -> Vector:
        """∂(loss + penalty)/∂θ at some positions of θ, by one forward pass for each."""
        theta = self.network.parameters.vector.astype(np.complex128)
        derivatives = np.empty(len(positions))
        for number in announced(range(len(positions)), "complex step, parameters"):
            position = positions[number]
            theta[position] += 1j * _STEP
            derivatives[number] = self.loss(theta).imag / _STEP
            theta[position] = theta[position].real
        return derivatives

    def clearance(self) -> float:
        """The smallest |z| at a unit whose activation has a kink there; infinite without one."""
        theta = self.network.parameters.vector.astype(np.complex128)
        layers = zip(self._preactivations(theta), self.config.activations, strict=False)
        kinked = (Z for Z, name in layers if name not in {"sigmoid", "tanh"})  # those are smooth
        return min((float(np.min(np.abs(Z.real))) for Z in kinked), default=np.inf)

    def _preactivations(self, theta: Complex) -> Iterator[Complex]:
        """Z of each layer; the last are the logits."""
        A = self.X.astype(theta.dtype)
        weights, biases = _unpack(theta, self.sizes)
        for layer, (W, b, mask) in enumerate(zip(weights, biases, self.masks, strict=True)):
            if layer == 0:
                W = W * self.mask  # noqa: PLW2901 (a weight that is not there has derivative 0)
            Z = (A * mask) @ W + b
            yield Z
            if layer < len(self.config.activations):
                name = self.config.activations[layer]
                f: Callable[[Complex], Complex] = _FORWARD.get(name, ACTIVATIONS[name][0])
                A = f(Z)

    def _forward(self) -> None:
        rng = generator(self.config.seed, Purpose.DROPOUT)
        self.network.forward(self.X, self.work, rng)


def _image_shape(inputs: int) -> tuple[int, int]:
    rows = next(side for side in range(isqrt(inputs), 0, -1) if inputs % side == 0)
    return rows, inputs // rows


def _unpack(theta: NDArray[Any], sizes: tuple[int, ...]) -> tuple[list[Any], list[Any]]:
    """(weights, biases) as views of θ, by the layer sizes alone."""
    shapes = [*pairwise(sizes), *((m,) for m in sizes[1:])]
    parts = np.split(theta, np.cumsum([prod(shape) for shape in shapes])[:-1])
    arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    return arrays[: len(sizes) - 1], arrays[len(sizes) - 1 :]
