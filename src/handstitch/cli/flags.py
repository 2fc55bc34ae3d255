"""Flags made from Config's fields, so that a setting is named and explained in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from cyclopts import Group, Parameter

from handstitch import recipes
from handstitch.config import field_types, help_of

GROUPS: Final = {
    "dataset": "Data",
    "hidden_sizes": "Network",
    "optimizer": "Optimisation",
    "schedule": "Schedule of the learning rate",
    "epochs": "Course of the run",
}
"""The first setting of each group, in Config's order."""

SHORTER: Final = {"hidden_sizes": ["--hidden"], "learning_rate": ["--learning-rate", "--lr"]}
"""Flags that are not just the field's name."""

Preset = Annotated[str | None, Parameter(help="recipe to start from (default: default)")]
ConfigFile = Annotated[
    Path | None, Parameter(name="--config", help="TOML file with settings, over the preset")
]
DataDir = Annotated[
    Path | None, Parameter(help="folder with the data files; no other place is looked in")
]
Json = Annotated[bool, Parameter(help="print one JSON object on stdout", negative=())]
Dataset = Annotated[
    Literal["fashion-mnist", "mnist", "sketch"] | None,
    Parameter(help="data set (default: the one the network was trained on)"),
]


def with_settings(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb, which takes `**settings`, a flag for each field of Config.

    Only what was typed arrives in `settings`, ready for `recipes.resolve`.
    """
    signature = inspect.signature(verb, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    flags = _flags()
    verb.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=own
        + [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in flags.items()
        ]
    )
    verb.__annotations__ = {each.name: each.annotation for each in own} | flags
    return verb


def resolve(settings: dict[str, Any], config: Path | None, preset: str | None) -> recipes.Resolved:
    """The configuration that the flags of one command line mean."""
    return recipes.resolve(given_settings(settings), config, preset)


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were typed, as values of Config."""
    given = {name: value for name, value in settings.items() if value is not None}
    if "hidden_sizes" in given:
        given["hidden_sizes"] = recipes.hidden_sizes(given["hidden_sizes"])
    return given


def _flags() -> dict[str, Any]:
    defaults = recipes.resolve({}, environment={}).config.to_dict()
    flags: dict[str, Any] = {}
    group = Group("Settings")
    for order, (name, kind) in enumerate(field_types().items()):
        if name in GROUPS:
            group = Group(GROUPS[name], sort_key=10 + order)
        value = defaults[name]
        shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        flags[name] = Annotated[
            _typed(name, kind),
            Parameter(
                name=SHORTER.get(name, ["--" + name.replace("_", "-")]),
                help=f"{help_of(name)} [{shown}]",
                group=group,
                show_default=False,
                consume_multiple=True,
                negative=None if kind is bool else (),
            ),
        ]
    return flags


def _typed(name: str, kind: Any) -> Any:
    """What the command line is to convert a word to: the field's type without its bounds."""
    if name == "hidden_sizes":
        return tuple[str, ...] | None
    return _bare(kind) | None


def _bare(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) is tuple:
        return tuple[_bare(get_args(kind)[0]), ...]  # type: ignore[misc]
    if get_origin(kind) is Literal or isinstance(kind, type):
        return kind
    union = [_bare(each) for each in get_args(kind)]
    result = union[0]
    for each in union[1:]:
        result |= each
    return result
