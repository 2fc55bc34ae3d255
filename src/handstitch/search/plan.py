"""Plan of a search: candidates, seeds and configurations as functions of a trial's number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from handstitch import receptive_fields
from handstitch.config import Config
from handstitch.config.messages import format_value
from handstitch.config.schema import (
    check_names,
    convert_values,
    field_types,
    format_python,
    from_mapping,
)
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, ConfigError, Phrase, UsageError
from handstitch.randomness import Purpose, generator
from handstitch.search import space
from handstitch.search.space import Axis, Range
from handstitch.training import footprint
from handstitch.training.sample_weights import class_weights

Kind = Literal["grid", "random", "tpe"]
Pruning = Literal["none", "halving", "median"]

ROUND: Final = 8
"""Candidates that TPE proposes at a time, from the results of all rounds before. The number of
workers has no part in it, or it would change the outcome."""


MOST_TRIALS: Final = 1_000_000
"""Each is a folder of its own; what asks for more is a slip of the hand, or a file made to harm."""


class SearchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the trials of a search."""

    config: dict[str, Any]
    """The settings that are not searched, as `Config.to_dict`; in a folder none is `auto`."""
    parameters: dict[str, Axis]
    """The search space, keys in Config's order."""
    kind: Kind = "grid"
    candidates: Annotated[int, Meta(ge=1)]
    """Number of candidates: the points of a grid, or as many as are asked for."""
    seeds: Annotated[int, Meta(ge=1)] = 1
    """Each candidate is trained with the seeds s, s + 1, …, from `config`'s seed s on."""
    pruning: Pruning = "none"
    default_rate: bool = False
    """Whether each optimizer that is searched has its own default learning rate."""

    def __post_init__(self) -> None:
        if min(self.candidates, self.seeds) < 1 or self.trials > MOST_TRIALS:
            raise UsageError(
                "invalid number of trials",
                found=f"{self.candidates:,} candidates × {self.seeds:,} seeds",
                wanted=f"1 to {MOST_TRIALS:,} trials",
                fix=Phrase("fewer {} or {}", Argument("trials"), Argument("seeds")),
            )

    @property
    def trials(self) -> int:
        """Number of trials. Trial `candidate · seeds + repeat` is that repeat of that candidate."""
        return self.candidates * self.seeds

    def values(self, candidate: int) -> dict[str, Any]:
        """Parameters of one candidate of a grid or a random search; TPE's are proposed in rounds.

        Draws depend on the seed and the candidate's number alone.
        """
        if self.kind == "grid":
            return space.point(self.parameters, candidate)
        rng = generator(int(self.config["seed"]), Purpose.SEARCH, candidate)
        return space.draw(self.parameters, rng)

    def config_of(self, values: dict[str, Any], repeat: int) -> Config:
        """The configuration of one trial. Raises ConfigError if it is invalid."""
        plain = self.config | values | {"seed": int(self.config["seed"]) + repeat}
        if self.default_rate:
            del plain["learning_rate"]
        return from_mapping(plain, "this trial")

    def rounds(self) -> Iterator[range]:
        """Numbers of the candidates of each round: with TPE ROUND in each, otherwise all in one."""
        length = ROUND if self.kind == "tpe" else self.candidates
        for start in range(0, self.candidates, length):
            yield range(start, min(start + length, self.candidates))


def make(
    config: Config,
    parameters: Mapping[str, Range | Sequence[Any]],
    *,
    kind: Kind | None = None,
    candidates: int | None = None,
    seeds: int = 1,
    pruning: Pruning = "none",
    default_rate: bool = False,
) -> SearchPlan:
    """The plan of a search over `parameters`; all other settings are those of `config`.

    `candidates` is their number in a random or TPE search. Raises ConfigError if a value is
    invalid.
    """
    check_names(parameters, "the search space")
    searched = {
        name: _plain(name, parameters[name]) for name in field_types() if name in parameters
    }
    kind = kind or ("random" if any(isinstance(a, Range) for a in searched.values()) else "grid")
    plan = SearchPlan(
        config=config.to_dict(),
        parameters=searched,
        kind=kind,
        candidates=space.size(searched) if kind == "grid" else candidates or 1,
        seeds=seeds,
        pruning=pruning,
        default_rate=default_rate,
    )
    for values in space.extremes(searched):
        try:
            if plan.config_of(values, seeds - 1).validation == 0:
                raise _without_validation()
        except ConfigError as error:
            raise replace(
                error,
                problem=f"{error.problem}, in a candidate of this search",
                found=", ".join(f"{name} = {format_value(value)}" for name, value in values.items())
                or error.found,
            ) from error
    return plan


def more(plan: SearchPlan, candidates: int) -> SearchPlan:
    """The plan of the same search with so many candidates, its own the first of them.

    Raises UsageError for a grid, and for fewer than it has.
    """
    if plan.kind == "grid" or candidates < plan.candidates:
        asked, has = Argument("trials", candidates), f"the {plan.candidates:,} candidates it has"
        raise UsageError(
            "a grid has all its combinations as candidates"
            if plan.kind == "grid"
            else "a search takes more trials, not fewer",
            found=Phrase("{}", asked),
            wanted=f"{has}: one for each combination of its values"
            if plan.kind == "grid"
            else f"{has}, or more",
            fix=Phrase(
                "start a new search with more values, or with a range: {}",
                Argument("learning_rate", "log:LOW..HIGH"),
            )
            if plan.kind == "grid"
            else Phrase("leave {} out to resume it", Argument("trials")),
        )
    return msgspec.structs.replace(plan, candidates=candidates)


def _without_validation() -> ConfigError:
    return ConfigError(
        "a search needs validation images",
        found="validation = 0: none are held out",
        wanted="a fraction above 0: candidates are ranked by their accuracy on these images",
        fix=Phrase("for example: {}", Argument("validation", 0.1)),
    )


def bytes_needed(plan: SearchPlan, dataset: Dataset) -> int:
    """Memory in bytes of training the largest candidate."""
    inputs, outputs, images = dataset.inputs, len(dataset.class_names), len(dataset)
    configs = (plan.config_of(values, 0) for values in space.extremes(plan.parameters))
    return max(
        footprint.bytes_needed(config, (inputs, *config.hidden_sizes, outputs), images)
        for config in configs
    )


def require_fit(plan: SearchPlan, dataset: Dataset) -> None:
    """Raise ConfigError where receptive fields or class weights of a candidate do not fit."""
    for values in space.extremes(plan.parameters):
        config = plan.config_of(values, 0)
        if sides := receptive_fields.resolve_sides(config.receptive_field, dataset.image_shape):
            receptive_fields.require_fit(dataset.image_shape, sides)
        if config.class_weight:
            class_weights(config, dataset, dataset.labels)


def _plain(name: str, axis: Range | Sequence[Any]) -> Axis:
    """Values in the form of `Config.to_dict`."""
    if isinstance(axis, Range):
        return axis
    values = (convert_values({name: value}, format_python)[name] for value in axis)
    return [list(value) if isinstance(value, tuple) else value for value in values]
