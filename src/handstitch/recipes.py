"""Where settings come from: flags over environment over file over preset over defaults.

A recipe is a TOML file whose keys are the names of Config's fields: the presets that come with
the package, a file of the user's, or the `config.toml` of an earlier run.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch.config import CUSTOMARY_RATES, Config, check_names, converted, field_types
from handstitch.config_file import read_file
from handstitch.errors import ConfigError
from handstitch.wording import Write, corrections, nearest, shown

DEFAULT_PRESET: Final = "default"
PREFIX: Final = "HANDSTITCH_"
OTHER_VARIABLES: Final = ("DATA",)
"""Variables with the prefix that are not settings of a run."""
FLAGS: Final = {"hidden_sizes": ("--hidden",), "learning_rate": ("--learning-rate", "--lr")}
"""Flags that are not just the setting's name; the first is the one that messages use."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration, and for each setting where its value came from."""

    config: Config
    origins: dict[str, str]


def presets() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("handstitch") / "presets"
    return sorted(
        each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")
    )


def resolve(
    flags: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Resolved:
    """The configuration that these layers give. Raises ConfigError for what cannot be.

    `flags` hold the settings given on the command line, by field name (see `read_flags`). An
    optimizer that is chosen without a learning rate brings its customary one: the rate of the
    recipe below was for another.
    """
    preset = preset or DEFAULT_PRESET
    layers = [
        (f"preset {preset}", read_preset(preset)),
        (str(file), {} if file is None else read_file(file)),
        ("environment", read_environment(os.environ if environment is None else environment)),
        ("command line", dict(flags)),
    ]
    values: dict[str, Any] = {}
    origins = dict.fromkeys(field_types(), "default")
    for origin, layer in layers:
        check_names(layer, origin)
        chosen = layer.get("optimizer", values.get("optimizer"))
        if chosen != values.get("optimizer") and "learning_rate" not in layer:
            values.pop("learning_rate", None)
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    config = Config(**values)
    if "learning_rate" not in values:
        values["learning_rate"] = customary_rate(config)
        origins["learning_rate"] = f"customary for {config.optimizer}"
        config = Config(**values)
    return Resolved(config, origins)


def customary_rate(config: Config) -> float:
    """A learning rate that is a fair first try for this optimizer and kind of gradient."""
    rate = CUSTOMARY_RATES[config.optimizer]
    scales = config.optimizer in {"sgd", "momentum", "nesterov"}
    return rate / config.batch_size if config.reduction == "sum" and scales else rate


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset. Raises ConfigError for one that does not exist."""
    if name not in presets():
        raise ConfigError(
            f"there is no preset {name}",
            found=f"--preset {name}",
            wanted=", ".join(presets()),
            fix=f"--preset {nearest(name, presets())}, or a file of your own: --config FILE",
        )
    recipe = resources.files("handstitch") / "presets" / f"{name}.toml"
    return tomllib.loads(recipe.read_text(encoding="utf-8"))


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings from variables such as HANDSTITCH_LEARNING_RATE; lists are joined by commas.

    A variable that is set to nothing counts as not set.
    """
    written = {
        name.removeprefix(PREFIX): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHER_VARIABLES and text
    }
    known = [name.upper() for name in field_types()]
    unknown = [name for name in written if name not in known]
    if unknown:
        names = " ".join(PREFIX + name for name in unknown)
        raise ConfigError(
            "a variable of the environment is not known",
            found=names,
            wanted=corrections(unknown, known, PREFIX),
            fix=f"correct it, or: unset {names}",
        )
    return from_texts({name.lower(): [text] for name, text in written.items()}, as_variable)


def read_flags(words: Mapping[str, list[str] | tuple[str, ...]]) -> dict[str, Any]:
    """Settings from the words behind their flags. Raises ConfigError for all that cannot be."""
    return from_texts(words, as_flag)


def from_texts(words: Mapping[str, list[str] | tuple[str, ...]], write: Write) -> dict[str, Any]:
    """Settings from words, as a shell hands them over."""
    values = {name: from_text(name, " ".join(each)) for name, each in words.items()}
    return converted(values, write, examples=_examples())


def from_text(name: str, text: str) -> Any:
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


def as_flag(name: str, value: object) -> str:
    """How a setting is written on the command line."""
    return f"{flags_of(name)[0]} {shown(value)}"


def as_variable(name: str, value: object) -> str:
    """How a setting is written in the environment."""
    return f"{PREFIX}{name.upper()}={shown(value).replace(' ', ',')}"


def flags_of(name: str) -> tuple[str, ...]:
    """The flags that give a setting; the first is the one that messages use."""
    return FLAGS.get(name, ("--" + name.replace("_", "-"),))


@cache
def _examples() -> dict[str, object]:
    """A value that each setting may have: the one in the preset that people begin with."""
    return {**Config().to_dict(), **read_preset(DEFAULT_PRESET)}
