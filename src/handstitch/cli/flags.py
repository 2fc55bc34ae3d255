"""Command-line flags: one per field of Config, and those that several verbs share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive

from handstitch.config import precedence
from handstitch.config.messages import choices, format_value, valid_values
from handstitch.config.presets import PRESETS
from handstitch.config.schema import field_types, help_of
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
    from handstitch.model.classifier import Classifier

GROUPS: Final = {
    "dataset": "Data",
    "shift": "Augmentation",
    "hidden_sizes": "Network",
    "optimizer": "Optimisation",
    "schedule": "Learning-rate schedule",
    "epochs": "Training",
}
"""First setting → group, in Config's order."""

FLAGS: Final = "Flags"
"""Group of a verb's own flags; see `exclusive`."""

Preset = Annotated[
    str | None,
    Parameter(
        metavar="NAME",
        help=f"preset to start from [choices: {', '.join(PRESETS)}]",
        show_default="default",
    ),
]
ConfigFile = Annotated[
    Path | None,
    Parameter(name="--config", metavar="FILE", help="TOML file with settings, over the preset"),
]
DataDir = Annotated[
    Path | None,
    Parameter(metavar="FOLDER", help="folder with the data files; no other is searched"),
]
Json = Annotated[
    bool, Parameter(help="print one JSON object on stdout", negative=(), show_default=False)
]
Dataset = Annotated[
    str | None,
    Parameter(
        metavar="NAME",
        help="data set: fashion-mnist, mnist, sketch, or the path of your own",
        show_default="the one the network was trained on",
    ),
]
Model = Annotated[
    Path | None, Parameter(help="run folder or model file", show_default="the newest run")
]
Weights = Annotated[
    Literal["best", "last"], Parameter(help="of a run: weights of its best or last epoch")
]
Pretrained = Annotated[
    bool,
    Parameter(
        help="the network in the package, trained on Fashion-MNIST",
        negative=(),
        show_default=False,
    ),
]
RankBy = Annotated[
    Literal["best", "last"] | None,
    Parameter(
        name="--by",
        help="of a search: rank by each trial's best epoch or its last",
        show_default="best",
    ),
]
Language = Annotated[Literal["en", "zh"], Parameter(help="language: English or Chinese")]


def with_settings(
    *names: str, several: bool = False, preset: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb, which takes `**settings`, a flag for each of these fields of Config, or all.

    The words typed arrive in `settings`, None for the others; see `resolve`. With `several`,
    each flag takes several values, one word each. The defaults shown are those of `preset`.
    """
    flags = _flags(names or field_types(), several, preset)

    def add_flags(verb: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(verb, eval_str=True)
        parameters = list(signature.parameters.values())[:-1]  # without **settings
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in flags.items()
        ]
        verb.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return verb

    return add_flags


def require_no_model(path: Path | None) -> None:
    """Raise UsageError if a model is named beside --pretrained."""
    if path is not None:
        raise UsageError(
            "a model and the pretrained network are named at once",
            found=f"{printable(path)} and --pretrained",
            wanted="one of them",
            fix="leave out the other",
        )


def load_network(
    path: Path | None, weights: Literal["best", "last"], *, pretrained: bool
) -> tuple[Path, Classifier]:
    """Where the network is from, and itself: that in the package, of `path` or of the newest run.

    Raises UsageError for a path beside `pretrained`, and as `runs.folder.load`.
    """
    from handstitch.model.pretrained import pretrained as load_pretrained
    from handstitch.runs import folder as run_folder

    if pretrained:
        require_no_model(path)
        return Path("pretrained"), load_pretrained()
    target = run_folder.newest() if path is None else path
    return target, run_folder.load(target, weights)


def exclusive(*flags: str) -> Group:
    """A group of mutually exclusive flags; see `train` for its use."""
    return Group(" ".join(flags), show=False, validator=mutually_exclusive)


def resolve(
    settings: dict[str, Any], config: Path | None, preset: str | None
) -> precedence.ResolvedConfig:
    """The configuration for the flags of one command line."""
    return precedence.resolve(precedence.read_flags(settings), config, preset)


def _flags(names: Collection[str], several: bool, preset: str | None) -> dict[str, Any]:
    """Setting → its flag, annotated for cyclopts.

    cyclopts passes the words on unchecked: valid values are defined once, for flags, files and
    variables alike.
    """
    defaults = precedence.resolve({}, preset=preset, environment={}).config.to_dict()
    flags: dict[str, Any] = {}
    group = Group("Settings")
    for order, (name, kind) in enumerate(field_types().items()):
        if name in GROUPS:
            group = Group(GROUPS[name], sort_key=10 + order)
        if name not in names:
            continue
        is_list = several or "tuple" in str(kind)
        is_switch = kind is bool and not several
        words = choices(kind) if name != "threads" else []
        flags[name] = Annotated[
            (bool if is_switch else tuple[str, ...] if is_list else str) | None,
            Parameter(
                name=precedence.flags_of(name),
                metavar="CHOICE" if words else "N" if "whole" in valid_values(kind) else "X",
                help=help_of(name) + (f" [choices: {', '.join(words)}]" if words else ""),
                group=group,
                show_default=format_value(defaults[name]) or False,
                consume_multiple=int(kind is not bool) if is_list else None,
                allow_repeating=False,
                negative=None if is_switch else (),
            ),
        ]
    return flags
