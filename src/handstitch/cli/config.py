"""handstitch config."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings
from handstitch.config.toml import to_toml


@with_settings()
def config(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    translate: Annotated[
        Literal["torch", "keras", "sklearn"] | None,
        Parameter(help="print a program that trains the same with that library instead"),
    ] = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Print all settings as a TOML config file, with the origin of each.

    Takes the flags of train: handstitch config --lr 0.05 > mine.toml, then handstitch train
    --config mine.toml. With --translate, a program that trains the same elsewhere.
    """
    resolved = resolve(settings, config, preset)
    program = {}
    if translate:
        from handstitch.training import translation

        program = {"program": translation.translate(resolved.config, translate)}
    if json:
        found = {"config": resolved.config.to_dict(), "origins": resolved.origins}
        output.print_json(found | program)
    else:
        text = program.get("program") or to_toml(resolved.config, resolved.origins)
        print(text, end="")
