"""The training loop: a generator that yields one EpochRecord per epoch.

Printing, plotting and saving belong to whoever iterates. All that a run needs to go on is in
State: two integers say where it is, because every random choice is a function of the seed and
of one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.arrays import Vector
from handstitch.config import Config
from handstitch.config.schema import DEFAULT_LEARNING_RATES
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data import scaling, splits
from handstitch.data.batches import Batches
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.errors import DivergedError
from handstitch.randomness import Purpose, generator
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import backend, schedules

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend

HOPELESS = 1000
"""A batch whose mean loss is above HOPELESS · ln(classes) has diverged: guessing costs ln(classes),
and a net whose units have all died gives finite numbers for ever."""


_COUNTS: Final = ("epoch", "batch", "loss", "correct", "samples")


@dataclass(slots=True, eq=False)
class State:
    """Where a run is: everything that changes while it trains."""

    network: Network
    optimizer: Optimizer
    best: Parameters
    """The weights of the best epoch so far."""
    initial_digest: str = ""
    """Of the weights it began with, which are gone once it trains."""
    epoch: int = 0
    """Epochs that are over."""
    batch: int = 0
    """Batches of the current epoch that are over."""
    loss: float = 0.0
    """Summed over the samples of the current epoch so far."""
    correct: int = 0
    samples: int = 0
    train_seconds: float = 0.0
    seconds: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)

    @property
    def at_best(self) -> bool:
        """Whether the best weights are the current ones: an epoch ended and was the best."""
        return self.batch == 0 and bool(self.history) and self.history[-1].is_best

    def arrays(self) -> dict[str, Vector]:
        """θ, the best weights and the optimizer's slots, each as one vector, by name."""
        slots = {f"optimizer.{name}": slot.vector for name, slot in self.optimizer.slots.items()}
        return {"weights": self.network.parameters.vector, "best": self.best.vector} | slots

    def position(self) -> dict[str, Any]:
        """Where in the run it is: all that changes besides `arrays` and the history."""
        return {name: getattr(self, name) for name in _COUNTS} | {"steps": self.optimizer.steps}

    def restore(
        self,
        arrays: Mapping[str, Vector],
        position: Mapping[str, Any],
        history: Iterable[EpochRecord],
    ) -> None:
        """Take up what `arrays`, `position` and the history were, to the bit.

        Raises KeyError or ValueError if they are those of another kind of run.
        """
        for name, vector in self.arrays().items():
            np.copyto(vector, arrays[name])
        for name in _COUNTS:
            setattr(self, name, position[name])
        self.optimizer.steps = position["steps"]
        self.history = list(history)


class TrainingData:
    """What a run learns from and is judged by; nothing here changes while it trains."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        chosen, held_out = splits.split(
            dataset.labels, config.validation, config.seed, config.stratified
        )
        self.scaling: Scaling = scaling.fit(config.scaling, dataset.images, chosen)
        self.batches = Batches(
            dataset.images, dataset.labels, chosen, self.scaling, config.batch_size
        )
        self.validation_images = dataset.images[held_out]
        self.validation_labels = dataset.labels[held_out]
        self.sizes = (dataset.inputs, *config.hidden_sizes, len(dataset.class_names))
        self.worst_loss = HOPELESS * log(self.sizes[-1])
        """In nats; above it training has diverged. Infinity and NaN are not below."""


def start(config: Config, sizes: tuple[int, ...]) -> State:
    """The state before the first step: θ drawn from the seed, everything else at zero."""
    parameters = initial_parameters(config, sizes)
    network = Network(parameters, config.activations, config.dropout, config.input_dropout)
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
    digest = initial_digest(parameters)
    return State(network, optimizer, best=parameters.copy(), initial_digest=digest)


def initial_parameters(config: Config, sizes: tuple[int, ...]) -> Parameters:
    """θ before the first step: weights drawn from the seed, biases 0."""
    rng = generator(config.seed, Purpose.INITIALIZATION)
    return Parameters.random(sizes, rng, config.initialization)


def initial_digest(parameters: Parameters) -> str:
    """SHA-256, in hexadecimal, of all weights in order as little-endian float32; biases are left
    out.

    It stands in a model file, so that weights drawn anew from the seed can be known for those the
    training began with: another NumPy may draw others from the same seed.
    """
    weights = parameters.vector[: parameters.weight_count]
    return hashlib.sha256(weights.astype("<f4", copy=False).data).hexdigest()


def train(
    state: State,
    task: TrainingData,
    config: Config,
    after_step: Callable[[State], None] | None = None,
) -> Iterator[EpochRecord]:
    """Train on from `state`, changing it, and yield a record at the end of each epoch.

    `after_step` is called with the state after every step; what it raises ends the run between
    two steps, and the state can be gone on from. Ends after `config.epochs`, or early when
    `config.patience` epochs in a row were not the best. Raises DivergedError within one batch
    of the numbers' leaving the finite; `state.best` is untouched by that.
    """
    step = backend.choose(config, state.network, state.optimizer, task.batches)
    while not is_over(state, config):
        with step.threads():
            _run_epoch(state, task, config, step, after_step)
            record = _end_epoch(state, task, config, step)
        yield record


def fit(
    state: State,
    task: TrainingData,
    config: Config,
    after_step: Callable[[State], None] | None = None,
) -> list[EpochRecord]:
    """Train to the end, as `train` does; the records of all epochs."""
    for _ in train(state, task, config, after_step):
        pass
    return state.history


def is_over(state: State, config: Config) -> bool:
    """Whether all epochs are done, or `config.patience` of them in a row were not the best."""
    recent = state.history[-config.patience :] if config.patience else []
    return state.epoch >= config.epochs or (
        0 < config.patience < len(state.history) and not any(each.is_best for each in recent)
    )


# Overflow is looked for in the loss, batch by batch; NumPy's warnings would say it again.
@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def _run_epoch(
    state: State,
    task: TrainingData,
    config: Config,
    step: backend.NumpyBackend | NumbaBackend,
    after_step: Callable[[State], None] | None,
) -> None:
    """The batches of the current epoch that are not over yet."""
    batches = task.batches
    order = batches.epoch_order(config.seed, state.epoch)
    val_losses = [record.val_loss for record in state.history]
    drops = any(state.network.dropout)
    while state.batch < len(batches):
        began = perf_counter()
        number = state.epoch * len(batches) + state.batch
        indices = batches.batch(order, state.batch)
        n = len(indices)
        rng = generator(config.seed, Purpose.DROPOUT, number) if drops else None
        rate = schedules.learning_rate(config, number, len(batches), val_losses)
        scale = 1 / n if config.reduction == "mean" else 1.0
        limit = task.worst_loss * n
        loss, correct = step.train_batch(indices, rate, scale, limit, rng)
        if not loss <= limit:  # NaN, too
            raise diverged(config, state.epoch + 1, state.batch + 1, loss / n)

        state.batch += 1
        state.loss += loss
        state.correct += correct
        state.samples += n
        state.train_seconds += perf_counter() - began
        if after_step is not None:
            after_step(state)
        state.seconds += perf_counter() - began


@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def _end_epoch(
    state: State, task: TrainingData, config: Config, step: backend.NumpyBackend | NumbaBackend
) -> EpochRecord:
    """Judge the network, note the epoch, and make ready for the next."""
    began = perf_counter()
    theta = state.network.parameters
    val_loss, val_accuracy = step.validate(task.validation_images, task.validation_labels)
    if not (val_loss <= task.worst_loss and np.isfinite(theta.vector).all()):
        raise diverged(config, state.epoch + 1, state.batch, val_loss)

    best = best_epoch(state.history)
    if best is None:
        is_best = True
    elif config.monitor == "accuracy":
        is_best = val_accuracy > best.val_accuracy
    else:
        is_best = val_loss < best.val_loss
    if is_best:
        np.copyto(state.best.vector, theta.vector)

    last_step = (state.epoch + 1) * len(task.batches) - 1
    val_losses = [record.val_loss for record in state.history]
    record = EpochRecord(
        epoch=state.epoch + 1,
        train_loss=state.loss / state.samples,
        train_accuracy=state.correct / state.samples,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        l2_penalty=l2_penalty(theta, config),
        learning_rate=schedules.learning_rate(config, last_step, len(task.batches), val_losses),
        train_seconds=state.train_seconds,
        seconds=state.seconds + perf_counter() - began,
        is_best=is_best,
    )
    state.history.append(record)
    state.epoch += 1
    state.batch = state.correct = state.samples = 0
    state.loss = state.train_seconds = state.seconds = 0.0
    return record


def l2_penalty(theta: Parameters, config: Config) -> float:
    """(λ/2)·‖θ‖² over what decays, on the scale of the mean loss per sample.

    With summed gradients λ stands beside the sum over a batch, so it counts 1/batch_size here.
    """
    part = theta.decayed(config.decay_biases)
    squares = float(np.sum(np.square(part, dtype=np.float64))) if config.weight_decay else 0.0
    per_sample = 1 if config.reduction == "mean" else config.batch_size
    return config.weight_decay / 2 * squares / per_sample


def diverged(config: Config, epoch: int, batch: int, loss: float) -> DivergedError:
    """The error for numbers that left the finite, with a rate that is worth trying."""
    default_rate = DEFAULT_LEARNING_RATES[config.optimizer]
    if config.reduction == "sum" and config.optimizer in {"sgd", "momentum", "nesterov"}:
        default_rate /= config.batch_size
    proposed = min(config.learning_rate / 10, default_rate)
    return DivergedError(
        "training diverged",
        found=f"a batch loss of {loss:.4g} in epoch {epoch}, batch {batch}, "
        f"at learning rate {config.learning_rate:g}",
        wanted="a finite loss (guessing gives about 2.3 with ten classes)",
        fix=f"a smaller rate: --learning-rate {proposed:.2g}, in another folder"
        + ("; the best weights so far are kept" if epoch > 1 else ""),
    )
