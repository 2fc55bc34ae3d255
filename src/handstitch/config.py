"""Every choice of a training run, in one frozen dataclass.

The fields are the one source of the command line's flags, the keys of a TOML file, the
`HANDSTITCH_*` variables and the configuration kept in a model file. Where the values come from
is the business of `recipes`; here is only what they mean and what they may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

from handstitch.errors import ConfigError
from handstitch.wording import Problem, Write, alike, choices, corrections, impossible, shown
from handstitch.wording import wanted as in_words

DatasetName = Literal["auto", "fashion-mnist", "mnist", "sketch"]
Activation = Literal["relu", "leaky_relu", "elu", "sigmoid", "tanh"]
Initialization = Literal["he", "xavier", "lecun"]
OptimizerName = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
ScheduleName = Literal["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]

Width = Annotated[int, Meta(ge=1, le=1_000_000)]
Probability = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
CountOrZero = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # TOML's integers end there

CUSTOMARY_RATES: Final[dict[str, float]] = {
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
}
"""Learning rates for mean gradients that are a fair first try with each optimizer."""


def setting(default: Any, help: str) -> Any:
    """A field with the line that explains it on the command line and in the reference."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The choices of one training run. Raises ConfigError, naming every value that cannot be."""

    # Data
    dataset: DatasetName = setting("auto", "data set; auto: Fashion-MNIST if it can be had")
    validation: Annotated[float, Meta(gt=0, lt=1)] = setting(
        0.1, "fraction of the training images held out to choose by"
    )
    stratified: bool = setting(False, "hold out the same fraction of every class")
    scaling: Literal["256", "255", "standard"] = setting(
        "256", "divide pixels by 256 or 255, or give them mean 0 and deviation 1"
    )

    # Network
    hidden_sizes: tuple[Width, ...] = setting(
        (512, 256), "widths of the hidden layers; one width N means N and N/2"
    )
    activation: tuple[Activation, ...] = setting(
        ("relu",), "one for all hidden layers, or one for each"
    )
    initialization: Initialization = setting("he", "spread of the initial weights")
    dropout: Probability = setting(0.0, "probability of silencing a hidden unit in training")
    input_dropout: Probability = setting(0.0, "probability of silencing a pixel in training")

    # Optimisation
    optimizer: OptimizerName = setting("sgd", "how a gradient becomes a step")
    learning_rate: Positive = setting(0.1, "step size")
    momentum: Probability = setting(0.9, "for momentum and nesterov: what is kept of the velocity")
    beta1: Probability = setting(0.9, "for adam and adamw: what is kept of the mean gradient")
    beta2: Probability = setting(
        0.999, "for rmsprop, adam and adamw: what is kept of the mean squared gradient"
    )
    epsilon: Positive = setting(1e-8, "for rmsprop, adam and adamw: added to the denominator")
    weight_decay: NotNegative = setting(0.0, "strength λ of the L2 penalty (λ/2)·‖θ‖²")
    decay_biases: bool = setting(False, "let weight decay act on biases too")
    decoupled: bool = setting(
        False, "shrink the weights beside the step, not through the gradient (always so for adamw)"
    )
    reduction: Literal["mean", "sum"] = setting("mean", "average or add gradients over a batch")
    clip_norm: NotNegative = setting(0.0, "longest gradient allowed; 0: any")

    # Schedule
    schedule: ScheduleName = setting("constant", "course of the learning rate")
    warmup: NotNegative = setting(0.0, "epochs in which the rate rises from nearly nothing")
    decay_every: Positive = setting(
        5.0, "for step and exponential: epochs from one drop to the next"
    )
    decay_factor: Annotated[float, Meta(gt=0, le=1)] = setting(
        0.5, "for step, exponential and plateau: what is left of the rate after a drop"
    )
    final_rate: Annotated[float, Meta(ge=0, le=1)] = setting(
        0.0, "for cosine and one-cycle: the last rate, as a fraction of the learning rate"
    )
    plateau_patience: Count = setting(3, "for plateau: epochs without a better loss before a drop")

    # Course
    # A model file holds the history, and a reader its bounds: about 20,000 epochs.
    epochs: Annotated[int, Meta(ge=1, le=10_000)] = setting(10, "passes over the training images")
    batch_size: Count = setting(64, "images in a step")
    best_by: Literal["accuracy", "loss"] = setting(
        "accuracy", "validation figure that decides which weights are kept"
    )
    patience: CountOrZero = setting(0, "epochs without a new best before stopping early; 0: never")
    seed: Seed = setting(0, "every random choice follows from it")
    threads: Literal["auto"] | Annotated[int, Meta(ge=1, le=1024)] = setting(
        "auto", "threads; auto: one for each core, chosen when a run first starts"
    )

    step: Literal["auto", "compiled", "readable"] = setting(
        "auto", "how a step is computed; auto: compiled where numba is, chosen as threads are"
    )

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in field_types()}
        for name, value in converted(values, as_python).items():
            object.__setattr__(self, name, value)
        problems = self._contradictions()
        if problems:
            raise impossible(problems, as_python, _defaults(), _meanings())

    def _contradictions(self) -> list[Problem]:
        problems = []
        if len(self.activation) not in {1, len(self.hidden_sizes)}:
            problems.append(
                Problem(
                    "activation",
                    self.activation,
                    f"one, or one for each of the {len(self.hidden_sizes)} hidden layers",
                )
            )
        if self.warmup >= self.epochs:
            problems.append(
                Problem("warmup", self.warmup, f"less than the {self.epochs:,} epochs of the run")
            )
        return problems

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One for each hidden layer."""
        if len(self.activation) == len(self.hidden_sizes):
            return self.activation
        return self.activation * len(self.hidden_sizes)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values (tuples as lists), for TOML and JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


@cache
def field_types() -> dict[str, Any]:
    """Name of each setting → its type with its bounds."""
    hints = get_type_hints(Config, include_extras=True)
    return {each.name: hints[each.name] for each in fields(Config)}


def help_of(name: str) -> str:
    """The line that explains a setting."""
    return str(Config.__dataclass_fields__[name].metadata["help"])


def wanted(name: str) -> str:
    """What a setting may be, in words, read off its type."""
    return in_words(field_types()[name])


def from_mapping(values: Mapping[str, Any], origin: str) -> Config:
    """A Config from plain values; `origin` says in messages where they were written."""
    check_names(values, origin)
    return Config(**values)


def check_names(names: Iterable[str], origin: object) -> None:
    """Raise ConfigError for all unknown settings at once, each with the name it seems to mean."""
    unknown = [str(name) for name in names if name not in Config.__dataclass_fields__]
    if unknown:
        few = "this setting is" if len(unknown) == 1 else f"{len(unknown)} settings are"
        raise ConfigError(
            f"{few} not known",
            file=origin,
            found=", ".join(map(shown, unknown)),
            wanted=corrections(unknown, list(Config.__dataclass_fields__)),
            fix="correct the spelling; all settings: handstitch config",
        )


def converted(
    values: Mapping[str, object],
    write: Write,
    file: Path | None = None,
    examples: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The values as their types want them: lists as tuples, whole numbers as floats, a word for
    all activations as a tuple of one.

    Raises ConfigError, naming all that cannot be as `write` writes them, for names that are known.
    """
    result: dict[str, Any] = {}
    problems = []
    for name, value in values.items():
        one_for_all = name == "activation" and isinstance(value, str)
        try:
            result[name] = msgspec.convert([value] if one_for_all else value, field_types()[name])
        except (msgspec.ValidationError, OverflowError):
            problems.append(Problem(name, value, wanted(name), _near(name, value)))
        else:
            if isinstance(value, float) and not isfinite(value):
                problems.append(Problem(name, value, "a finite number"))
    if problems:
        raise impossible(problems, write, examples or _defaults(), _meanings(), file)
    return result


def _near(name: str, value: object) -> object:
    """What may have been meant by a value that cannot be; None if nothing is like it."""
    words = choices(field_types()[name])
    if not isinstance(value, (list, tuple)):
        return alike(shown(value), words)
    meant = [alike(shown(each), words) for each in value[:20]]
    return meant if meant and all(meant) else None


def as_python(name: str, value: object) -> str:
    """How an argument of Config is written in a message."""
    return f"{name} = {shown(value)}"


def _defaults() -> dict[str, object]:
    return {each.name: each.default for each in fields(Config)}


def _meanings() -> dict[str, str]:
    return {name: help_of(name) for name in field_types()}
