"""All claims together: what a reproduction found."""

from __future__ import annotations

import msgspec

from reproduction import published
from reproduction.claims import Finding
from reproduction.experiments import Stages
from reproduction.grid import grid_of
from reproduction.observations import OBSERVATIONS
from reproduction.questions import BETTER_NETWORK, BETTER_RATE, slight_decays
from reproduction.repeated import REPEATED


class Findings(msgspec.Struct, frozen=True):
    """What came of a reproduction."""

    observations: list[Finding]
    """What the report says of its runs."""
    future_work: list[Finding]
    """What it leaves open."""


def judge(stages: Stages) -> Findings:
    """The verdicts that these trials and runs give."""
    grid, own = grid_of(stages.grid), published.grid()
    validation = float(published.repeated_run()["val_accuracy"][-1])
    readings = {
        "C8a": published.TEST_ACCURACY,
        "C8b": validation - published.TEST_ACCURACY,
        "W3.1": published.LAYER_3[0],
        "W3.2": published.LAYER_3[1],
    }
    observations = [row.judge(grid, row.rule(own).effect) for row in OBSERVATIONS]
    observations += [row.judge(stages.runs, readings.get(row.claim.name)) for row in REPEATED]
    return Findings(
        observations=sorted(observations, key=lambda each: each.claim.name),
        future_work=[
            BETTER_RATE.judge(stages.rates),
            BETTER_NETWORK.judge(stages.networks),
            *slight_decays(stages.decays),
        ],
    )
