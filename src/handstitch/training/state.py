"""The state of a run: everything that changes while it trains.

Two integers say where a run is, because every random choice is a function of the seed and of one
of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Vector
from handstitch.config import Config
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data.batches import Batches
from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import ReceptiveFields, group_size, resolve_sides
from handstitch.records import Diagnosis, EpochRecord

FIELDS: Final = "receptive_fields"
"""Name of their rectangles among the arrays of a state or a model file."""
_COUNTS: Final = ("epoch", "batch", "loss", "correct", "samples")


@dataclass(slots=True, eq=False)
class State:
    """Network, optimizer, best weights, position in the run, and history."""

    network: Network
    optimizer: Optimizer
    best: Parameters
    """The weights of the best epoch so far."""
    initial_digest: str = ""
    """`initial_digest` of the initial weights, which training overwrites."""
    epoch: int = 0
    """Completed epochs."""
    batch: int = 0
    """Completed batches of the current epoch."""
    loss: float = 0.0
    """Summed over the samples of the current epoch so far."""
    correct: int = 0
    samples: int = 0
    train_seconds: float = 0.0
    seconds: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)
    diagnoses: list[Diagnosis] = field(default_factory=list)
    """Why it will not learn well, as `Diagnostics` found; none where they were not asked."""
    settle: Callable[[], None] = lambda: None
    """Brings θ and the slots up to date: within an epoch a backend may be ahead of them."""

    @property
    def at_best(self) -> bool:
        """Whether the best weights are the current ones: an epoch ended and was the best."""
        return self.batch == 0 and bool(self.history) and self.history[-1].is_best

    def arrays(self) -> dict[str, NDArray[Any]]:
        """θ, the best weights and the optimizer's slots, each as one vector, by name; and the
        rectangles of receptive fields.
        """
        self.settle()
        slots = {f"optimizer.{name}": slot.vector for name, slot in self.optimizer.slots.items()}
        arrays = {"weights": self.network.parameters.vector, "best": self.best.vector} | slots
        fields = self.network.receptive_fields
        return arrays | ({FIELDS: fields.rectangles} if fields else {})

    def position(self) -> dict[str, Any]:
        """Counts, running sums and diagnoses: all that changes besides `arrays` and the history."""
        position = {name: getattr(self, name) for name in _COUNTS} | {"steps": self.optimizer.steps}
        found = msgspec.to_builtins(self.diagnoses)
        return position | ({"diagnoses": found} if found else {})

    def restore(
        self,
        arrays: Mapping[str, NDArray[Any]],
        position: Mapping[str, Any],
        history: Iterable[EpochRecord],
        batches: Batches,
    ) -> None:
        """The inverse of `arrays` and `position`, to the bit, in a run with these batches.

        Raises KeyError or ValueError if they are those of another kind of run, or of none.
        """
        history = list(history)
        if not _is_possible(position, history, batches):
            raise ValueError("position in the run")
        try:
            diagnoses = msgspec.convert(position.get("diagnoses", []), list[Diagnosis])
        except msgspec.ValidationError as error:
            raise ValueError(f"diagnoses: {error}") from error
        own = self.arrays()
        if (FIELDS in arrays) != (FIELDS in own):
            raise ValueError(FIELDS)
        for name, vector in own.items():  # np.copyto would repeat a shorter one
            if (arrays[name].shape, arrays[name].dtype) != (vector.shape, vector.dtype):
                raise ValueError(name)
        if fields := self.network.receptive_fields:  # not those drawn again: as `initial_digest`
            own.pop(FIELDS)
            shape = fields.image_shape
            self.network.receptive_fields = ReceptiveFields(arrays[FIELDS], shape)
        for name, vector in own.items():
            np.copyto(vector, arrays[name])
        for name in _COUNTS:
            setattr(self, name, position[name])
        self.optimizer.steps = position["steps"]
        self.history, self.diagnoses = history, diagnoses


def _is_possible(
    position: Mapping[str, Any], history: Sequence[EpochRecord], batches: Batches
) -> bool:
    """Whether a run with this history can be at this position."""
    counts = [position[name] for name in ("epoch", "batch", "steps", "correct", "samples")]
    if not all(type(count) is int for count in counts) or not isinstance(position["loss"], float):
        return False
    epoch, batch, steps, correct, samples = counts
    return (
        [record.epoch for record in history] == list(range(1, len(history) + 1))
        and epoch == len(history)
        and 0 <= batch <= len(batches)
        and steps == epoch * len(batches) + batch
        and samples == min(batch * batches.batch_size, len(batches.train_indices))
        and 0 <= correct <= samples
        and isfinite(position["loss"])
    )


def start(
    config: Config,
    sizes: tuple[int, ...],
    fields: ReceptiveFields | None = None,
    parameters: Parameters | None = None,
) -> State:
    """The state before the first step: θ as given, or drawn from the seed; all else at zero."""
    parameters = parameters or initial_parameters(config, sizes, fields)
    network = Network(parameters, config.activations, config.dropout, config.input_dropout, fields)
    optimizer = Optimizer(
        parameters,
        config.optimizer,
        weight_decay=config.weight_decay,
        decay_biases=config.decay_biases,
        decoupled=config.decoupled,
        clip_norm=config.clip_norm,
        constants=Hyperparameters(
            momentum=config.momentum,
            beta1=config.beta1,
            beta2=config.beta2,
            epsilon=config.epsilon,
        ),
    )
    return State(network, optimizer, parameters.copy(), initial_digest(parameters))


def draw_receptive_fields(config: Config, image_shape: tuple[int, ...]) -> ReceptiveFields | None:
    """The rectangles of the first hidden layer, drawn from the seed; None for a dense layer.

    Raises ConfigError for samples that are no images, or smaller than the rectangles.
    """
    sides = resolve_sides(config.receptive_field, image_shape) if config.hidden_sizes else ()
    if not sides:
        return None
    smallest, largest = sides
    rng, units = generator(config.seed, Purpose.RECEPTIVE_FIELDS), config.hidden_sizes[0]
    return ReceptiveFields.draw(image_shape, units, (smallest, largest), rng, group_size(units))


def initial_parameters(
    config: Config, sizes: tuple[int, ...], fields: ReceptiveFields | None = None
) -> Parameters:
    """θ before the first step: weights drawn from the seed, biases 0."""
    return Parameters.random(
        sizes,
        generator(config.seed, Purpose.INITIALIZATION),
        config.initialization,
        mask=fields.mask if fields else None,
    )


def initial_digest(parameters: Parameters) -> str:
    """SHA-256, in hexadecimal, of all weights in order as little-endian float32, without biases.

    A model file holds it, so that weights drawn again from the seed can be verified: another NumPy
    may draw others.
    """
    return weights_digest(parameters.vector[: parameters.weight_count])


def weights_digest(vector: Vector) -> str:
    """SHA-256, in hexadecimal, of weights as little-endian float32: says which they are."""
    return hashlib.sha256(vector.astype("<f4", copy=False).data).hexdigest()
