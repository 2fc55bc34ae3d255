"""Every choice of a training run, in one frozen dataclass.

The fields are the one source of the command line's flags, the keys of a TOML file, the
`HANDSTITCH_*` variables and the configuration kept in a model file. Where the values come from
is the business of `recipes`; here is only what they mean and what they may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

from handstitch.config.messages import choices, format_value, nearest_name, plural, valid_values
from handstitch.errors import ConfigError

DatasetName = Literal["auto", "fashion-mnist", "mnist", "sketch"]
Activation = Literal["relu", "leaky_relu", "elu", "sigmoid", "tanh"]
Initialization = Literal["he", "xavier", "lecun"]
OptimizerName = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
ScheduleName = Literal["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]

Probability = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]

DEFAULT_LEARNING_RATES: Final[dict[str, float]] = {
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
}
"""Learning rates for mean gradients that are a fair first try with each optimizer."""

Formatter = Callable[[str, object], str]
"""(setting, value) → as it is written in a flag, a variable, a file or Python."""


def setting(default: Any, help: str) -> Any:
    """A field with the line that explains it on the command line and in the reference."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The settings of one training run. Raises ConfigError for all invalid values at once."""

    # Data
    dataset: DatasetName = setting(
        "auto", "data set; auto: Fashion-MNIST, or sketch if that is unavailable"
    )
    validation: Annotated[float, Meta(gt=0, lt=1)] = setting(
        0.1, "fraction held out for validation"
    )
    stratified: bool = setting(
        False, "stratified validation split: the same fraction of every class"
    )
    scaling: Literal["256", "255", "standard"] = setting(
        "256", "pixel scaling: divide by 256 or 255, or standardise (mean 0, deviation 1)"
    )

    # Network
    hidden_sizes: tuple[Annotated[int, Meta(ge=1, le=1_000_000)], ...] = setting(
        (512, 256), "widths of the hidden layers; one width N means N and N/2"
    )
    activation: tuple[Activation, ...] = setting(
        ("relu",), "activation function: one for all hidden layers, or one for each"
    )
    initialization: Initialization = setting(
        "he", "weight initialisation: He, Glorot (xavier) or LeCun"
    )
    dropout: Probability = setting(0.0, "dropout probability (hidden units)")
    input_dropout: Probability = setting(0.0, "dropout probability (input pixels)")

    # Optimisation
    optimizer: OptimizerName = setting("sgd", "update rule")
    learning_rate: Positive = setting(0.1, "learning rate η")
    momentum: Probability = setting(0.9, "momentum coefficient μ (momentum, nesterov)")
    beta1: Probability = setting(0.9, "decay of the first moment (adam, adamw)")
    beta2: Probability = setting(0.999, "decay of the second moment (rmsprop, adam, adamw)")
    epsilon: Positive = setting(1e-8, "numerical stability constant ε (rmsprop, adam, adamw)")
    weight_decay: NotNegative = setting(0.0, "coefficient λ of the L2 penalty (λ/2)·‖θ‖²")
    decay_biases: bool = setting(False, "apply weight decay to the biases too")
    decoupled: bool = setting(False, "decoupled weight decay, as in AdamW (adamw: always)")
    reduction: Literal["mean", "sum"] = setting("mean", "mean or sum of the gradients over a batch")
    clip_norm: NotNegative = setting(0.0, "maximum gradient norm; 0: no clipping")

    # Schedule
    schedule: ScheduleName = setting("constant", "learning-rate schedule")
    warmup: NotNegative = setting(0.0, "epochs of linear warm-up")
    decay_epochs: Positive = setting(5.0, "epochs from one decay to the next (step, exponential)")
    decay_factor: Annotated[float, Meta(gt=0, le=1)] = setting(
        0.5, "factor by which the rate decays (step, exponential, plateau)"
    )
    final_rate_fraction: Annotated[float, Meta(ge=0, le=1)] = setting(
        0.0, "final rate as a fraction of the learning rate (cosine, one-cycle)"
    )
    plateau_patience: Count = setting(3, "epochs without a lower loss before a decay (plateau)")

    # Course
    # A model file holds the history, and a reader its bounds: about 20,000 epochs.
    epochs: Annotated[int, Meta(ge=1, le=10_000)] = setting(10, "passes over the training images")
    batch_size: Count = setting(64, "mini-batch size")
    monitor: Literal["accuracy", "loss"] = setting(
        "accuracy", "validation metric that selects the best epoch"
    )
    patience: Annotated[int, Meta(ge=0)] = setting(
        0, "early stopping: epochs without improvement; 0: off"
    )
    # TOML's integers end at 2**63.
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = setting(0, "random seed")
    threads: Literal["auto"] | Annotated[int, Meta(ge=1, le=1024)] = setting(
        "auto", "CPU threads; auto: one per core, fixed when the run starts"
    )

    backend: Literal["auto", "numba", "numpy"] = setting(
        "auto", "implementation of the training step; auto: compiled if numba is installed"
    )

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in field_types()}
        for name, value in convert_values(values, format_python).items():
            object.__setattr__(self, name, value)
        wrong = {}
        if len(self.activation) not in {1, len(self.hidden_sizes)}:
            count = plural(len(self.hidden_sizes), "hidden layer")
            wrong["activation"] = f"one, or one for each of the {count}"
        if self.warmup >= self.epochs:
            wrong["warmup"] = f"less than the {plural(self.epochs, 'epoch')} of the run"
        if wrong:
            raise _invalid(values, wrong, format_python)

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


def from_mapping(values: Mapping[str, Any], origin: str) -> Config:
    """A Config from plain values; `origin` says in messages where they were written."""
    check_names(values, origin)
    return Config(**values)


def check_names(
    names: Iterable[str], origin: object, write: Callable[[str], str] = format_value
) -> None:
    """Raise ConfigError for all unknown settings at once, each with the name it seems to mean.

    `origin` is the place where they were written, `write` the way.
    """
    meant = {
        str(name): nearest_name(str(name), list(field_types()))
        for name in names
        if name not in field_types()
    }
    if meant:
        raise ConfigError(
            plural(len(meant), "unknown setting"),
            file=origin,
            found=", ".join(map(write, meant)),
            wanted=", ".join(
                f"{write(ours)} for {write(name)}" if ours else f"nothing is like {write(name)}"
                for name, ours in meant.items()
            ),
            fix="correct the spelling, or remove it; all settings: handstitch config",
        )


def convert_values(
    values: Mapping[str, object],
    write: Formatter,
    file: Path | None = None,
    examples: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The values as their types want them: lists as tuples, whole numbers as floats, a word for
    all activations as a tuple of one.

    Names must be known. Raises ConfigError for all invalid values at once, written by `write`, with
    those of `examples` (or the defaults) as valid ones.
    """
    result: dict[str, Any] = {}
    wrong = {}
    for name, value in values.items():
        one_for_all = name == "activation" and isinstance(value, str)
        try:
            result[name] = msgspec.convert([value] if one_for_all else value, field_types()[name])
        except (msgspec.ValidationError, OverflowError):
            wrong[name] = valid_values(field_types()[name])
        else:
            if isinstance(value, float) and not isfinite(value):
                wrong[name] = "a finite number"
    if wrong:
        raise _invalid(values, wrong, write, file, examples)
    return result


def _invalid(
    values: Mapping[str, object],
    wanted: Mapping[str, str],
    write: Formatter,
    file: Path | None = None,
    examples: Mapping[str, object] | None = None,
) -> ConfigError:
    """One error for all values that are not what is `wanted`, with valid ones."""
    valid = examples or {each.name: each.default for each in fields(Config)}
    meant = {name: near for name in wanted if (near := _near(name, values[name]))}
    label = {name: f"{name}: " if len(wanted) > 1 else "" for name in wanted}
    name = next(iter(wanted))
    return ConfigError(
        f"invalid value for {name}: {format_value(values[name]) or '(empty)'}"
        if len(wanted) == 1
        else f"{len(wanted)} settings have invalid values",
        file=file,
        found=", ".join(write(name, values[name]) for name in wanted),
        wanted="; ".join(f"{label[name]}{each}" for name, each in wanted.items()),
        means="; ".join(f"{label[name]}{help_of(name)}" for name in wanted),
        fix=("perhaps: " if meant else "for example: ")
        + " ".join(write(name, meant.get(name, valid[name])) for name in wanted),
    )


def _near(name: str, value: object) -> object:
    """The choices that an invalid value may have meant; None if that is not to be seen."""
    words = choices(field_types()[name])
    if not isinstance(value, (list, tuple)):
        return nearest_name(format_value(value), words)
    meant = [nearest_name(format_value(each), words) for each in value[:20]]
    return meant if all(meant) and meant != list(value) else None


def format_python(name: str, value: object) -> str:
    """How an argument of Config is written in a message."""
    return f"{name} = {format_value(value)}"
