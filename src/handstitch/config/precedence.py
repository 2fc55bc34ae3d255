"""Precedence of settings: flags over environment over config file over preset over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from handstitch.config import class_weights
from handstitch.config.messages import format_value
from handstitch.config.presets import read_preset
from handstitch.config.schema import (
    Config,
    Formatter,
    check_names,
    convert_values,
    field_types,
    override,
)
from handstitch.config.toml import read_file

PREFIX: Final = "HANDSTITCH_"
_BETWEEN_SIDES: Final = {"image_size": "x", "receptive_field": ".."}
"""What may stand between two sides, besides commas and spaces."""
FLAGS: Final = {"hidden_sizes": ("--hidden",), "learning_rate": ("--learning-rate", "--lr")}
"""Flags other than the setting's name; messages use the first."""


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A configuration, and the origin of the value of each setting."""

    config: Config
    origins: dict[str, str]


def resolve(
    flags: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """The configuration from all sources. Raises ConfigError for invalid settings.

    `flags` has the settings of the command line by field name (see `read_flags`).
    """
    values: dict[str, Any] = {"optimizer": Config().optimizer}
    origins = dict.fromkeys(field_types(), "default")
    for origin, given in sources(flags, file, preset, environment):
        values = override(values, given)
        origins |= dict.fromkeys(given, origin)
    config = Config(**values)
    if values.get("learning_rate") is None:
        origins["learning_rate"] = f"default for {config.optimizer}"
    return ResolvedConfig(config, origins)


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
    return _read({name: value for name, value in words.items() if value is not None}, format_flag)


def _read(words: Mapping[str, str | Sequence[str] | bool], write: Formatter) -> dict[str, Any]:
    values = {name: _split(name, value) for name, value in words.items()}
    return convert_values(values, write, strict=False)


def _split(name: str, words: str | Sequence[str] | bool) -> Any:
    """The words of a setting that is a list; the text of another one."""
    if isinstance(words, bool):
        return words
    if name == "class_weight":
        return class_weights.read([words] if isinstance(words, str) else words)
    text = words if isinstance(words, str) else " ".join(words)
    if name == "hidden_sizes":
        return _widths(text)
    if between := _BETWEEN_SIDES.get(name):
        sides = text.replace(",", " ").replace(between, " ").split()
        return {"none": [], "auto": text}.get(text, sides)
    return text.replace(",", " ").split() if name == "activation" else text


def _widths(text: str) -> Any:
    """Widths as typed: `300 100`, `300,100`, one width N for N and N/2, or `300,` for one layer."""
    try:
        widths = tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        return text
    if len(widths) == 1 and widths[0] > 0 and "," not in text:
        return (widths[0], widths[0] // 2)
    return widths or text


def format_flag(name: str, value: object) -> str:
    """A setting as a flag; floats exact."""
    flag = flags_of(name)[0]
    if isinstance(value, bool):
        return flag if value else f"--no-{flag.removeprefix('--')}"
    return f"{flag} {format_value(value)}"


def format_variable(name: str, value: object) -> str:
    """A setting as an environment variable."""
    return f"{PREFIX}{name.upper()}={format_value(value)}"


def flags_of(name: str) -> tuple[str, ...]:
    """The flags of a setting; messages use the first."""
    return FLAGS.get(name, ("--" + name.replace("_", "-"),))
