"""Config: the settings of one training run, checked and converted to their types.

Its fields stand in `settings`; which value wins is decided in `precedence`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, get_type_hints

import msgspec

from handstitch.config import class_weights
from handstitch.config.messages import choices, format_value, nearest_name, plural, valid_values
from handstitch.config.presets import read_preset
from handstitch.config.settings import Settings
from handstitch.errors import Call, ConfigError, Phrase

if TYPE_CHECKING:
    from handstitch.core.activations import Activation

DEFAULT_LEARNING_RATES: Final[dict[str, float]] = {
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "rmsprop": 0.001,
    "adam": 0.003,
    "adamw": 0.001,
}
"""Optimizer → its default learning rate, for mean gradients."""

Formatter = Callable[[str, object], str]
"""(setting, value) → text, as in a flag, a variable, a file or Python."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(Settings):
    """The settings of one training run. Raises ConfigError for all invalid values at once."""

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in field_types()}
        if given["learning_rate"] is None:
            del given["learning_rate"]
        values = convert_values(given, format_python)
        values.setdefault("learning_rate", default_learning_rate(values))
        for name, value in values.items():
            object.__setattr__(self, name, value)
        for name in ("image_size", "receptive_field"):
            if len(pair := getattr(self, name)) == 1:
                object.__setattr__(self, name, pair * 2)
        if wrong := _contradictions(self):
            raise _invalid(values, wrong, format_python)

    @classmethod
    def preset(cls, name: str, **settings: Any) -> Self:
        """The configuration of a preset, with `settings` over it as on a command line."""
        return cls(**override(read_preset(name), settings))

    @property
    def activations(self) -> tuple[Activation, ...]:
        """Activation functions, one per hidden layer."""
        return self.activation * (len(self.hidden_sizes) // len(self.activation))

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values (tuples as lists), for TOML and JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


NOT_OF_A_RECIPE: Final = frozenset({"seed", "threads", "backend"})
"""Settings in which runs of one recipe may differ."""


def _contradictions(config: Config) -> dict[str, str]:
    """Settings that contradict others, with the valid values in words."""
    wrong = {}
    sides, layers = config.receptive_field, len(config.hidden_sizes)
    if sides and sides != "auto" and not layers:
        wrong["receptive_field"] = "none, for a network without a hidden layer"
    elif sides != "auto" and sides[:1] > sides[1:]:
        wrong["receptive_field"] = "the smallest side, then the largest"
    if len(config.activation) not in {1, layers}:
        wrong["activation"] = f"one, or one for each of the {plural(layers, 'hidden layer')}"
    try:
        class_weights.parse(config.class_weight)
    except ValueError:
        wrong["class_weight"] = class_weights.WANTED
    if 0 < config.clip_norm < 1e-10:
        wrong["clip_norm"] = "0, or a number from 1e-10 (below, squares vanish in float32)"
    if config.warmup >= config.epochs:
        wrong["warmup"] = f"less than the {plural(config.epochs, 'epoch')} of the run"
    if config.validation == 0 and (config.patience or config.schedule == "plateau"):
        wait = "early stopping" if config.patience else "the schedule plateau"
        wrong["validation"] = f"a fraction above 0: {wait} waits for a better validation loss"
    return wrong


@cache
def field_types() -> dict[str, Any]:
    """Setting → its type, with bounds."""
    from handstitch.core.activations import Activation

    return get_type_hints(Config, localns={"Activation": Activation}, include_extras=True)


def help_of(name: str) -> str:
    """The help text of a setting."""
    return str(Config.__dataclass_fields__[name].metadata["help"])


def from_mapping(values: Mapping[str, Any], origin: str) -> Config:
    """A Config from plain values; `origin` names their source in messages."""
    check_names(values, origin)
    return Config(**values)


def override(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with those `given` in their place.

    An optimizer without a learning rate brings its default one (None) if it differs from that in
    `values`: the rate there was chosen for another.
    """
    changed = given.get("optimizer", values.get("optimizer")) != values.get("optimizer")
    return {**values, **({"learning_rate": None} if changed else {}), **given}


def default_learning_rate(values: Mapping[str, Any]) -> float:
    """The default learning rate for this optimizer and reduction."""
    name = values["optimizer"]
    scales = values["reduction"] == "sum" and name in {"sgd", "momentum", "nesterov"}
    return DEFAULT_LEARNING_RATES[name] / (values["batch_size"] if scales else 1)


def check_names(
    names: Iterable[str], origin: object, write: Callable[[str], str] = format_value
) -> None:
    """Raise ConfigError for all unknown settings at once, each with the nearest known one.

    `origin` names their source in the message, `write` makes text of them.
    """
    known = field_types()
    nearest = {str(name): nearest_name(str(name), known) for name in names if name not in known}
    if nearest:
        raise ConfigError(
            plural(len(nearest), "unknown setting"),
            file=origin,
            found=", ".join(map(write, nearest)),
            wanted=", ".join(
                f"{write(ours)} for {write(name)}" if ours else f"no setting is like {write(name)}"
                for name, ours in nearest.items()
            ),
            fix=Phrase("correct or remove it; all settings: {}", Call("Config")),
        )


def convert_values(
    values: Mapping[str, object], write: Formatter, file: Path | None = None, strict: bool = True
) -> dict[str, Any]:
    """Setting → its value converted to its type: a list to a tuple, a whole number to a float, one
    activation to a tuple; unless `strict`, text to a number or a truth value, too.

    Names must be known. Raises ConfigError for all invalid values at once, as text made by
    `write`, with the defaults as valid ones.
    """
    result: dict[str, Any] = {}
    wrong = {}
    for name, value in values.items():
        kind = field_types()[name]
        items = [value] if name == "activation" and isinstance(value, str) else value
        if name == "class_weight":
            items = class_weights.items(value)
        try:
            result[name] = msgspec.convert(items, kind, strict=strict)
        except (msgspec.ValidationError, OverflowError):
            wrong[name] = valid_values(kind)
        else:
            if isinstance(result[name], float) and not isfinite(result[name]):
                wrong[name] = "a finite number"
    if wrong:
        raise _invalid(values, wrong, write, file)
    return result


def _invalid(
    values: Mapping[str, object],
    wanted: Mapping[str, str],
    write: Formatter,
    file: Path | None = None,
) -> ConfigError:
    """One error for all invalid values; `wanted` has the valid ones in words."""
    valid = Config().to_dict() | {
        "image_size": [32, 32],
        "receptive_field": [5, 13],
        "class_weight": ["balanced"],
    }
    meant = {name: near for name in wanted if (near := _nearest(name, values[name]))}
    label = {name: f"{name}: " if len(wanted) > 1 else "" for name in wanted}
    name = next(iter(wanted))
    return ConfigError(
        f"invalid value for {name}: {format_value(values[name]) or '(empty)'}"
        if len(wanted) == 1
        else f"{len(wanted)} settings have invalid values",
        file=file,
        found=", ".join(write(name, values[name]) for name in wanted),
        wanted="; ".join(f"{label[name]}{words}" for name, words in wanted.items()),
        means="; ".join(f"{label[name]}{help_of(name)}" for name in wanted),
        fix=("perhaps: " if meant else "for example: ")
        + " ".join(write(name, meant.get(name, valid[name])) for name in wanted),
    )


def _nearest(name: str, value: object) -> object:
    """The choice or choices nearest to an invalid value; None if none is similar."""
    words = choices(field_types()[name])
    if not isinstance(value, (list, tuple)):
        return nearest_name(format_value(value), words)
    meant = [nearest_name(format_value(item), words) for item in value[:20]]
    return meant if all(meant) and meant != list(value) else None


def format_python(name: str, value: object) -> str:
    """A setting as an argument of Config."""
    return f"{name} = {format_value(value)}"
