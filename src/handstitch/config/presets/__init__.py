"""Presets: the config files that come with the package."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, Final

from handstitch.config.messages import format_value, nearest_name
from handstitch.errors import Call, ConfigError, Phrase

# `default` has no file: it is the defaults of Config.
PRESETS: Final = ("best", "course", "course-best", "default", "dense", "fast", "plain")


def read_preset(name: str) -> dict[str, Any]:
    """The settings of a preset. Raises ConfigError for an unknown one."""
    if name not in PRESETS:
        nearest = nearest_name(name, PRESETS)
        raise ConfigError(
            f"there is no preset {format_value(name)}",
            wanted=", ".join(PRESETS),
            fix=Phrase(
                "perhaps: {}" if nearest else "{}", Call("Config.preset", nearest or "default")
            ),
        )
    if name == "default":
        return {}
    return tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text("utf-8"))
