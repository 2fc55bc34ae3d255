"""Every choice of a training run, in one frozen dataclass.

The fields are the one source of the command line's flags, the keys of a TOML file, the
`HANDSTITCH_*` variables and the configuration kept in a model file. Where the values come from
is the business of `recipes`; here is only what they mean and what they may be.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

from handstitch.errors import ConfigError

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
    epochs: Count = setting(10, "passes over the training images")
    batch_size: Count = setting(64, "images in a step")
    best_by: Literal["accuracy", "loss"] = setting(
        "accuracy", "validation figure that decides which weights are kept"
    )
    patience: CountOrZero = setting(0, "epochs without a new best before stopping early; 0: never")
    seed: CountOrZero = setting(0, "every random choice follows from it")
    threads: Literal["auto"] | Annotated[int, Meta(ge=1, le=1024)] = setting(
        "auto", "BLAS threads; auto: one for each core, chosen when a run first starts"
    )

    def __post_init__(self) -> None:
        problems = []
        for name, kind in field_types().items():
            try:
                value = msgspec.convert(getattr(self, name), kind)
            except msgspec.ValidationError:
                problems.append((name, getattr(self, name), wanted(name)))
            else:
                object.__setattr__(self, name, value)
        problems = problems or self._contradictions()
        if problems:
            raise impossible(problems)

    def _contradictions(self) -> list[tuple[str, object, str]]:
        problems: list[tuple[str, object, str]] = []
        if len(self.activation) not in {1, len(self.hidden_sizes)}:
            problems.append(
                (
                    "activation",
                    " ".join(self.activation) or "none",
                    f"one, or one for each of the {len(self.hidden_sizes)} hidden layers",
                )
            )
        if self.warmup >= self.epochs:
            problems.append(("warmup", self.warmup, f"less than the {self.epochs} epochs"))
        for name in field_types():
            value = getattr(self, name)
            if isinstance(value, float) and not isfinite(value):
                problems.append((name, value, "a finite number"))
        if self.seed >= 2**63:  # TOML's integers end there
            problems.append(("seed", self.seed, "a whole number below 2⁶³"))
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


def field_types() -> dict[str, Any]:
    """Name of each setting → its type with its bounds."""
    hints = get_type_hints(Config, include_extras=True)
    return {each.name: hints[each.name] for each in fields(Config)}


def help_of(name: str) -> str:
    """The line that explains a setting."""
    return str(Config.__dataclass_fields__[name].metadata["help"])


def from_mapping(values: dict[str, Any], origin: str) -> Config:
    """A Config from plain values; `origin` says in messages where they were written."""
    check_names(values, origin)
    return Config(**values)


def check_names(names: Any, origin: str) -> None:
    """Raise ConfigError for all unknown settings at once, each with the nearest known name."""
    unknown = [str(name) for name in names if name not in Config.__dataclass_fields__]
    if unknown:
        few = "this setting is" if len(unknown) == 1 else "these settings are"
        raise ConfigError(
            f"{few} not known",
            file=origin,
            found=", ".join(unknown),
            wanted=", ".join(nearest(name, Config.__dataclass_fields__) for name in unknown),
            fix="correct the spelling; all settings: handstitch config",
        )


def nearest(name: str, known: Any) -> str:
    """The known name most like `name`."""
    import difflib

    return str(difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0])


def wanted(name: str) -> str:
    """What a setting may be, in words, read off its type."""
    return _in_words(msgspec.json.schema(field_types()[name]))


def _in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_in_words(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if schema["type"] == "array":
        return f"a list, each {_in_words(schema['items'])}"
    if schema["type"] == "boolean":
        return "true or false"
    bounds = (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "up to"),
        ("exclusiveMaximum", "below"),
    )
    limits = [f"{word} {schema[bound]:,}" for bound, word in bounds if bound in schema]
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    return " ".join([noun, *limits])


def impossible(problems: list[tuple[str, object, str]]) -> ConfigError:
    """One error for all values that cannot be: (setting, value, what is wanted)."""
    if len(problems) == 1:
        name, value, want = problems[0]
        return ConfigError(
            f"{name} cannot be {_shown(value)}",
            found=f"{name} = {_shown(value)}",
            wanted=want,
            fix=f"change it ({help_of(name)})",
        )
    return ConfigError(
        f"{len(problems)} settings cannot be what they are",
        found=", ".join(f"{name} = {_shown(value)}" for name, value, _ in problems),
        wanted="; ".join(f"{name}: {want}" for name, _, want in problems),
        fix="change them; what each one means: handstitch train --help",
    )


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value) or "empty"
    return str(value)
