"""Every claim with our figures and, beside them, the report's own."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from handstitch.reproduce import claims, published, questions, repeated
from handstitch.reproduce.experiments import Stages
from handstitch.reproduce.verdicts import Claim, Unit

_UNITS: Final[dict[str, str]] = {"points": " points", "nats": " nats", "count": " times"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A claim, and the same effect computed from the report's own single runs."""

    claim: Claim
    report: float | None
    """None where the report has no figure for it."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a reproduction."""

    seeds: int
    trials: int
    runs: int
    observations: list[Finding]
    """What the report says of its runs."""
    future_work: list[Finding]
    """What it leaves open."""


def of(stages: Stages) -> Findings:
    """The verdicts that these trials and runs give."""
    own = {each.name: each.effect for each in claims.of_grid(published.grid())}
    validation = published.repeated_run()[-1].val_accuracy
    own |= {
        "C8a": published.TEST_ACCURACY,
        "C8b": validation - published.TEST_ACCURACY,
        "W3.1": published.LAYER_3[0],
        "W3.2": published.LAYER_3[1],
    }
    said = [*claims.of_grid(stages.grid), *repeated.of_runs(stages.runs)]
    said.sort(key=lambda each: ("CW".index(each.name[0]), each.name))
    left = [
        questions.of_rates(stages.config, stages.rates),
        questions.of_networks(stages.config, stages.networks),
        *questions.of_decays(stages.config, stages.decays),
    ]
    each = (stages.grid, stages.rates, stages.networks, stages.decays)
    distinct = {
        (repr(_full(stages.config, t.parameters)), t.seed) for trials in each for t in trials
    }
    return Findings(
        seeds=stages.seeds,
        trials=len(distinct),
        runs=len(stages.runs),
        observations=[Finding(claim=each, report=own.get(each.name)) for each in said],
        future_work=[Finding(claim=each, report=None) for each in left],
    )


def shown(value: float | None, unit: Unit) -> str:
    """An effect with its unit, as one reads it."""
    if value is None:
        return "–"
    if unit == "points":
        return f"{100 * value:+.2f}{_UNITS[unit]}".replace("-", "−")
    digits = {"accuracy": ".4f", "nats": "+.4f", "share": ".3f", "weight": "+.2f", "count": ".1f"}
    return f"{value:{digits[unit]}}{_UNITS.get(unit, '')}".replace("-", "−")


def interval_of(claim: Claim) -> str:
    """The interval without its unit."""
    if claim.interval is None:
        return "–"
    return " to ".join(
        shown(end, claim.unit).removesuffix(_UNITS.get(claim.unit, "")) for end in claim.interval
    )


def _full(config: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: parameters.get(key, config[key]) for key in sorted(config)}
