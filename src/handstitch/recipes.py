"""Where settings come from: flags over environment over file over preset over defaults.

A recipe is a TOML file whose keys are the names of Config's fields: the presets that come with
the package, a file of the user's, or the `config.toml` of an earlier run.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch.config import (
    CUSTOMARY_RATES,
    Config,
    check_names,
    field_types,
    help_of,
    nearest,
    wanted,
)
from handstitch.errors import ConfigError

DEFAULT_PRESET: Final = "default"
PREFIX: Final = "HANDSTITCH_"
OTHER_VARIABLES: Final = ("DATA",)
"""Variables with the prefix that are not settings of a run."""


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

    `flags` hold the settings given on the command line, by field name. An optimizer that is
    chosen without a learning rate brings its customary one: the rate of the recipe below was
    for another.
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
            found=name,
            wanted=", ".join(presets()),
            fix=f"--preset {nearest(name, presets())}, or a file of your own: --config FILE",
        )
    recipe = resources.files("handstitch") / "presets" / f"{name}.toml"
    return tomllib.loads(recipe.read_text(encoding="utf-8"))


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file. Raises ConfigError if it is missing or not TOML."""
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(
            "there is no such config file",
            file=path,
            wanted="a TOML file with settings",
            fix="write one to begin with: handstitch config > my.toml",
        ) from None
    except OSError as error:
        raise ConfigError(
            "the config file cannot be read",
            file=path,
            found=error.strerror,
            fix="check its rights",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            "the config file is not TOML",
            file=path,
            found=str(error) or "nesting without end",
            wanted='lines like: learning_rate = 0.1 or optimizer = "adam"',
            fix="correct that place; an example: handstitch config",
        ) from None
    return values


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings from variables such as HANDSTITCH_LEARNING_RATE; lists are joined by commas."""
    written = {
        name.removeprefix(PREFIX): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHER_VARIABLES
    }
    known = [name.upper() for name in field_types()]
    unknown = [name for name in written if name not in known]
    if unknown:
        raise ConfigError(
            "a variable of the environment is not known",
            found=", ".join(PREFIX + name for name in unknown),
            wanted=", ".join(PREFIX + nearest(name, known) for name in unknown),
            fix=f"correct or unset it (unset {PREFIX}{unknown[0]})",
        )
    return {
        name.lower(): from_text(name.lower(), text, PREFIX + name) for name, text in written.items()
    }


def from_text(name: str, text: str, origin: str) -> Any:
    """The value of a setting written as text. Raises ConfigError, naming `origin`, if none."""
    kind = field_types()[name]
    if name == "hidden_sizes":
        return hidden_sizes([text], origin)
    value: Any = text.replace(",", " ").split() if name == "activation" else text
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        raise ConfigError(
            f"{name} cannot be {text}",
            found=f"{origin} = {text}",
            wanted=wanted(name),
            fix=f"change or remove {origin} ({help_of(name)})",
        ) from None


def hidden_sizes(words: list[str] | tuple[str, ...], origin: str = "--hidden") -> tuple[int, ...]:
    """Widths as typed: `300 100`, `300,100`, one width N for N and N/2, or `300,` for one layer."""
    text = " ".join(words)
    try:
        widths = tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        widths = ()
    if not widths or min(widths) < 1:
        raise ConfigError(
            f"hidden_sizes cannot be {text or 'empty'}",
            found=f"{origin} {text}",
            wanted="widths from 1, such as 512, or 512 256, or 512,256,128",
            fix="for a network without a hidden layer write hidden_sizes = [] in a config file",
        )
    if len(widths) == 1 and "," not in text:
        if widths[0] == 1:
            raise ConfigError(
                "hidden_sizes cannot be 1",
                found=f"{origin} 1, which means widths 1 and 1/2",
                wanted="a width from 2, or several",
                fix=f"for one layer of one unit: {origin} 1,",
            )
        return (widths[0], widths[0] // 2)
    return widths


def to_toml(config: Config, comments: Mapping[str, str] | None = None) -> str:
    """The configuration as a TOML file that can be fed back; `comments` stand behind the lines."""
    lines = []
    for name, value in config.to_dict().items():
        line = f"{name} = {_toml_value(value)}"
        note = (comments or {}).get(name)
        lines.append(f"{line:<32}  # {note}" if note else line)
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    if isinstance(value, str):
        return json.dumps(value)  # a JSON string is a TOML string
    return repr(value).lower()  # True → true; the repr of a float is exact
