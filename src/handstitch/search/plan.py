"""A search as a function from numbers to trials: which setting, which seed, which configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from handstitch.config import Config, precedence
from handstitch.config.messages import format_value
from handstitch.config.schema import as_python, check_names, converted, field_types, from_mapping
from handstitch.data import loading
from handstitch.errors import ConfigError
from handstitch.randomness import Purpose, generator
from handstitch.search import space
from handstitch.search.space import Axis, Range
from handstitch.training import backend

Kind = Literal["grid", "random", "tpe"]
Pruning = Literal["none", "halving", "median"]

ROUND: Final = 8
"""Settings that TPE asks for at a time, each round knowing all results of those before it. The
number of workers has no part in it, or they would change the outcome."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the trials of a search."""

    config: dict[str, Any]
    """The settings that are not searched, as `Config.to_dict`; see `settled` for `auto`."""
    parameters: dict[str, Axis]
    """What is searched, keys in Config's order."""
    kind: Kind = "grid"
    settings: int
    """How many: the points of a grid, or as many as were asked for."""
    seeds: int = 1
    """Each setting is trained with the seeds s, s + 1, … of `config`'s seed s."""
    pruning: Pruning = "none"
    default_rate: bool = False
    """Whether each optimizer that is searched brings its customary learning rate."""

    @property
    def trials(self) -> int:
        """The number of trials. Trial `setting · seeds + repeat` is the setting's repeat."""
        return self.settings * self.seeds

    def values(self, setting: int) -> dict[str, Any]:
        """What the searched keys are in a setting of a grid or a random search.

        Draws depend on the seed and the setting's number alone. TPE's settings come from
        `proposals`.
        """
        if self.kind == "grid":
            return space.point(self.parameters, setting)
        rng = generator(int(self.config["seed"]), Purpose.SEARCH, setting)
        return space.draw(self.parameters, rng)

    def config_of(self, values: dict[str, Any], repeat: int) -> Config:
        """The configuration of one trial. Raises ConfigError if it cannot be."""
        plain = self.config | values | {"seed": int(self.config["seed"]) + repeat}
        if self.default_rate:
            plain["learning_rate"] = precedence.default_learning_rate(plain)
        return from_mapping(plain, "this trial")

    def rounds(self) -> list[range]:
        """The settings' numbers, round by round: one round of all, but with TPE ROUND in each."""
        length = ROUND if self.kind == "tpe" else max(1, self.settings)
        return [
            range(begin, min(begin + length, self.settings))
            for begin in range(0, self.settings, length)
        ]


def make(
    config: Config,
    parameters: Mapping[str, Range | Sequence[Any]],
    *,
    kind: Kind | None = None,
    settings: int | None = None,
    seeds: int = 1,
    pruning: Pruning = "none",
    default_rate: bool = False,
) -> Spec:
    """The search over `parameters` around `config`, which keeps what is not searched.

    `settings` is the number of settings that a random or TPE search tries. Raises ConfigError if a
    value cannot be.
    """
    check_names(parameters, "what is searched")
    searched = {
        name: _plain(name, parameters[name]) for name in field_types() if name in parameters
    }
    drawn = any(isinstance(axis, Range) for axis in searched.values())
    kind = kind or ("random" if drawn else "grid")
    spec = Spec(
        config=config.to_dict(),
        parameters=searched,
        kind=kind,
        settings=space.size(searched) if kind == "grid" else settings or 1,
        seeds=seeds,
        pruning=pruning,
        default_rate=default_rate,
    )
    for values in space.extremes(searched):
        try:
            spec.config_of(values, seeds - 1)
        except ConfigError as error:
            words = ", ".join(f"{name} = {format_value(v)}" for name, v in values.items())
            error.facts["setting"] = words or "the only one"
            raise
    return spec


def settled(spec: Spec, data_dir: Path | None, notify: Callable[[str], None]) -> tuple[Spec, str]:
    """A search with nothing left at `auto`, and why its data are `sketch` if nobody asked for that.

    Trials have one thread: their bits must not depend on the machine's cores.
    """
    config = from_mapping(spec.config, "this search")
    choice = loading.resolve(config.dataset, data_dir, notify=notify)
    values: dict[str, Any] = {"dataset": choice.name, "backend": backend.resolve(config)}
    if config.threads == "auto":
        values["threads"] = 1
    return msgspec.structs.replace(spec, config=spec.config | values), choice.reason


def _plain(name: str, axis: Range | Sequence[Any]) -> Axis:
    """The values as `Config.to_dict` has them."""
    if isinstance(axis, Range):
        return axis
    values = (converted({name: value}, as_python)[name] for value in axis)
    return [list(value) if isinstance(value, tuple) else value for value in values]
