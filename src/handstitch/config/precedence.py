"""Where settings come from: flags over environment over file over preset over defaults.

A recipe is a TOML file whose keys are the names of Config's fields: the presets that come with
the package, a file of the user's, or the `config.toml` of an earlier run.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch.config.messages import format_value, nearest_name
from handstitch.config.schema import (
    DEFAULT_LEARNING_RATES,
    Config,
    Formatter,
    check_names,
    convert_values,
    field_types,
)
from handstitch.config.toml import read_file
from handstitch.errors import ConfigError

DEFAULT_PRESET: Final = "default"
PREFIX: Final = "HANDSTITCH_"
OTHER_VARIABLES: Final = ("DATA",)
"""Variables with the prefix that are not settings of a run."""
FLAGS: Final = {"hidden_sizes": ("--hidden",), "learning_rate": ("--learning-rate", "--lr")}
"""Flags that are not just the setting's name; the first is the one that messages use."""

_PRESETS: Final = resources.files("handstitch.config") / "presets"


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A configuration, and for each setting where its value came from."""

    config: Config
    origins: dict[str, str]


def presets() -> list[str]:
    """Names of the recipes that come with the package."""
    names = [each.name for each in _PRESETS.iterdir()]
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def resolve(
    flags: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """The configuration that these layers give. Raises ConfigError for invalid settings.

    `flags` hold the settings given on the command line, by field name (see `read_flags`). An
    optimizer that is chosen without a learning rate brings its default one: the rate of the
    recipe below was for another.
    """
    values = Config().to_dict()
    origins = dict.fromkeys(field_types(), "default")
    for origin, layer in sources(flags, file, preset or DEFAULT_PRESET, environment):
        if layer.get("optimizer", values["optimizer"]) != values["optimizer"]:
            values.pop("learning_rate", None)
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    if "learning_rate" not in values:
        values["learning_rate"] = default_learning_rate(values)
        origins["learning_rate"] = f"default for {values['optimizer']}"
    return ResolvedConfig(Config(**values), origins)


def sources(
    flags: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[tuple[str, dict[str, Any]]]:
    """(origin, settings) of each place that gives any, the lowest first.

    Raises ConfigError for unknown or invalid settings.
    """
    check_names(flags, "command line")
    return [
        (f"preset {preset}", read_preset(preset) if preset else {}),
        (str(file), read_file(file) if file else {}),
        ("environment", read_environment(os.environ if environment is None else environment)),
        ("command line", dict(flags)),
    ]


def default_learning_rate(values: Mapping[str, Any]) -> float:
    """The default learning rate for this optimizer and kind of gradient."""
    name = values["optimizer"]
    rate = DEFAULT_LEARNING_RATES.get(name, 1.0)  # Config refuses an optimizer that does not exist
    scales = values["reduction"] == "sum" and name in {"sgd", "momentum", "nesterov"}
    return rate / values["batch_size"] if scales else rate


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset. Raises ConfigError for one that does not exist."""
    if name not in presets():
        raise ConfigError(
            f"there is no preset {format_value(name)}",
            wanted=", ".join(presets()),
            fix=f"--preset {nearest_name(name, presets()) or DEFAULT_PRESET}, "
            "or a file of your own: --config FILE",
        )
    return tomllib.loads((_PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings from variables such as HANDSTITCH_LEARNING_RATE; lists are joined by commas.

    A variable that is set to nothing counts as not set.
    """
    words = {
        name.removeprefix(PREFIX).lower(): [text]
        for name, text in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHER_VARIABLES and text
    }
    check_names(words, "environment", lambda name: PREFIX + format_value(name).upper())
    return _read(words, format_variable)


def read_flags(words: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Settings from the words behind their flags. Raises ConfigError for all invalid ones."""
    return _read(words, format_flag)


def _read(words: Mapping[str, Sequence[str]], write: Formatter) -> dict[str, Any]:
    values = {name: _from_text(name, " ".join(each)) for name, each in words.items()}
    return convert_values(values, write, examples=_examples())


def _from_text(name: str, text: str) -> Any:
    """The value of a setting written as text; the text itself if that is none."""
    if name == "hidden_sizes":
        return _widths(text)
    value: Any = text.replace(",", " ").split() if name == "activation" else text
    try:
        return msgspec.convert(value, field_types()[name], strict=False)
    except (msgspec.ValidationError, OverflowError):
        return value


def _widths(text: str) -> Any:
    """Widths as typed: `300 100`, `300,100`, one width N for N and N/2, or `300,` for one layer."""
    try:
        widths = tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        return text
    if len(widths) == 1 and widths[0] > 0 and "," not in text:
        return (widths[0], widths[0] // 2)
    return widths or text


def format_flag(name: str, value: object, digits: int | None = None) -> str:
    """A setting as a flag; floats are exact, or rounded to so many `digits`."""
    flag = flags_of(name)[0]
    if isinstance(value, bool):
        return flag if value else f"--no-{flag.removeprefix('--')}"
    return f"{flag} {format_value(value, digits)}"


def format_variable(name: str, value: object) -> str:
    """A setting as a variable of the environment."""
    return f"{PREFIX}{name.upper()}={format_value(value)}"


def flags_of(name: str) -> tuple[str, ...]:
    """The flags that give a setting; the first is the one that messages use."""
    return FLAGS.get(name, ("--" + name.replace("_", "-"),))


@cache
def _examples() -> dict[str, object]:
    """A valid value of each setting: that of the default preset."""
    return {**Config().to_dict(), **read_preset(DEFAULT_PRESET)}
