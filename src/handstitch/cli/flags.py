"""Flags made from Config's fields, so that a setting is named and explained in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive

from handstitch.config import precedence
from handstitch.config.messages import choices, format_value, valid_values
from handstitch.config.schema import field_types, help_of

GROUPS: Final = {
    "dataset": "Data",
    "hidden_sizes": "Network",
    "optimizer": "Optimisation",
    "schedule": "Learning-rate schedule",
    "epochs": "Training",
}
"""The first setting of each group, in Config's order."""

FLAGS: Final = "Flags"
"""The group of a verb's own flags; see `exclusive`."""

Preset = Annotated[
    str | None,
    Parameter(
        metavar="NAME", help=f"recipe to start from [choices: {', '.join(precedence.presets())}]"
    ),
]
ConfigFile = Annotated[
    Path | None,
    Parameter(name="--config", metavar="FILE", help="TOML file with settings, over the preset"),
]
DataDir = Annotated[
    Path | None,
    Parameter(metavar="FOLDER", help="folder with the data files; no other place is looked in"),
]
Json = Annotated[
    bool, Parameter(help="print one JSON object on stdout", negative=(), show_default=False)
]
Dataset = Annotated[
    Literal["fashion-mnist", "mnist", "sketch"] | None,
    Parameter(help="data set (default: the one the network was trained on)"),
]


def with_settings(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb, which takes `**settings`, a flag for each field of Config.

    What was typed arrives in `settings` as words, the rest as None; see `resolve`.
    """
    return _with_flags(verb, _flags(field_types()))


def with_some_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The same for a verb for which only these settings count."""
    return lambda verb: _with_flags(verb, _flags(names))


def with_searched_settings(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a verb to which each flag may give several values: words, one for each."""
    return _with_flags(verb, _flags(field_types(), several=True))


def exclusive(*flags: str) -> Group:
    """A group of flags of which one may be given: see `train` for its use."""
    return Group(" ".join(flags), show=False, validator=mutually_exclusive)


def _with_flags(verb: Callable[..., Any], flags: dict[str, Any]) -> Callable[..., Any]:
    signature = inspect.signature(verb, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    verb.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=own
        + [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in flags.items()
        ]
    )
    verb.__annotations__ = {each.name: each.annotation for each in own} | flags
    return verb


def resolve(
    settings: dict[str, Any], config: Path | None, preset: str | None
) -> precedence.ResolvedConfig:
    """The configuration that the flags of one command line mean."""
    return precedence.resolve(given_settings(settings), config, preset)


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were typed, as values of Config."""
    given = {name: value for name, value in settings.items() if value is not None}
    words = {
        name: [value] if isinstance(value, str) else value
        for name, value in given.items()
        if not isinstance(value, bool)  # a switch
    }
    return given | precedence.read_flags(words)


def _flags(names: Collection[str], *, several: bool = False) -> dict[str, Any]:
    """Flag by flag what cyclopts is to know; with `several`, each takes any number of words.

    Words are taken as they are: what they may be is said in one place, for flags, files and
    variables alike.
    """
    defaults = precedence.resolve({}, environment={}).config.to_dict()
    flags: dict[str, Any] = {}
    group = Group("Settings")
    for order, (name, kind) in enumerate(field_types().items()):
        if name in GROUPS:
            group = Group(GROUPS[name], sort_key=10 + order)
        if name not in names:
            continue
        is_list = several or isinstance(defaults[name], list)
        is_switch = kind is bool and not several
        words = choices(kind) if name != "threads" else []
        whole = "whole" in valid_values(kind)
        among = f" [choices: {', '.join(words)}]" if words else ""
        flags[name] = Annotated[
            (bool if is_switch else tuple[str, ...] if is_list else str) | None,
            Parameter(
                name=precedence.flags_of(name),
                metavar="CHOICE" if words else "N" if whole else "X",
                help=f"{help_of(name)}{among} [default: {format_value(defaults[name])}]",
                group=group,
                show_default=False,
                consume_multiple=int(kind is not bool) if is_list else None,
                allow_repeating=False,
                negative=None if is_switch else (),
            ),
        ]
    return flags
