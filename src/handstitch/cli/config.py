"""handstitch config."""

from __future__ import annotations

from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings
from handstitch.config.toml import to_toml


@with_settings()
def config(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Print all settings as a TOML config file, with the origin of each.

    Takes the flags of train: handstitch config --lr 0.05 > mine.toml, then handstitch train
    --config mine.toml.
    """
    resolved = resolve(settings, config, preset)
    if json:
        output.print_json({"config": resolved.config.to_dict(), "origins": resolved.origins})
    else:
        print(to_toml(resolved.config, resolved.origins), end="")
