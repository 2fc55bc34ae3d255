"""Precedence of settings: flags over environment over config file over preset over defaults.

A preset is a config file that comes with the package.
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
from handstitch.errors import Call, ConfigError, Phrase

DEFAULT_PRESET: Final = "default"
PREFIX: Final = "HANDSTITCH_"
FLAGS: Final = {"hidden_sizes": ("--hidden",), "learning_rate": ("--learning-rate", "--lr")}
"""Flags other than the setting's name; messages use the first."""

_PRESETS: Final = resources.files("handstitch.config") / "presets"


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A configuration, and the origin of the value of each setting."""

    config: Config
    origins: dict[str, str]


def presets() -> list[str]:
    """Names of the presets."""
    return sorted(file.name.removesuffix(".toml") for file in _PRESETS.iterdir())


def resolve(
    flags: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """The configuration from all sources. Raises ConfigError for invalid settings.

    `flags` has the settings of the command line by field name (see `read_flags`). A source that
    changes the optimizer without a learning rate gets the default rate of its optimizer: the rate
    of the source below was chosen for another.
    """
    values = Config().to_dict()
    origins = dict.fromkeys(field_types(), "default")
    for origin, given in sources(flags, file, preset or DEFAULT_PRESET, environment):
        if given.get("optimizer", values["optimizer"]) != values["optimizer"]:
            values.pop("learning_rate", None)
        values |= given
        origins |= dict.fromkeys(given, origin)
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
    """(origin, settings) of every source, in ascending precedence.

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
    """The default learning rate for this optimizer and reduction."""
    name = values["optimizer"]
    rate = DEFAULT_LEARNING_RATES.get(name, 1.0)  # Config refuses an unknown optimizer
    scales = values["reduction"] == "sum" and name in {"sgd", "momentum", "nesterov"}
    return rate / values["batch_size"] if scales else rate


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset. Raises ConfigError for an unknown one."""
    if name not in presets():
        nearest = nearest_name(name, presets())
        raise ConfigError(
            f"there is no preset {format_value(name)}",
            wanted=", ".join(presets()),
            fix=Phrase(
                "perhaps: {}" if nearest else "{}",
                Call("Config.preset", nearest or DEFAULT_PRESET),
            ),
        )
    return tomllib.loads((_PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings from variables such as HANDSTITCH_LEARNING_RATE; lists are comma-separated.

    An empty variable counts as unset.
    """
    words = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and name != "HANDSTITCH_DATA" and text  # see data.locations
    }
    check_names(words, "environment", lambda name: PREFIX + format_value(name).upper())
    return _read(words, format_variable)


def read_flags(words: Mapping[str, str | Sequence[str] | bool | None]) -> dict[str, Any]:
    """Settings from the words after their flags; a switch is a bool, None a flag not given.

    Raises ConfigError for all invalid ones.
    """
    given = {name: value for name, value in words.items() if value is not None}
    return _read(given, format_flag)


def _read(words: Mapping[str, str | Sequence[str] | bool], write: Formatter) -> dict[str, Any]:
    values = {name: _parse(name, value) for name, value in words.items()}
    return convert_values(values, write, examples=_examples())


def _parse(name: str, words: str | Sequence[str] | bool) -> Any:
    """The value of a setting from text; the text itself if it is invalid."""
    if isinstance(words, bool):
        return words
    text = words if isinstance(words, str) else " ".join(words)
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
    """A setting as a flag; floats exact, or rounded to so many `digits`."""
    flag = flags_of(name)[0]
    if isinstance(value, bool):
        return flag if value else f"--no-{flag.removeprefix('--')}"
    return f"{flag} {format_value(value, digits)}"


def format_variable(name: str, value: object) -> str:
    """A setting as an environment variable."""
    return f"{PREFIX}{name.upper()}={format_value(value)}"


def flags_of(name: str) -> tuple[str, ...]:
    """The flags of a setting; messages use the first."""
    return FLAGS.get(name, ("--" + name.replace("_", "-"),))


@cache
def _examples() -> dict[str, object]:
    """Setting → a valid value: that of the default preset."""
    return {**Config().to_dict(), **read_preset(DEFAULT_PRESET)}
