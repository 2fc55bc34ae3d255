"""What the report says of the run that it repeated with its choice, decided by ours.

The runs have seeds that no search has seen: what they reach on validation images was not picked
for being high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from handstitch.records import EpochRecord
from handstitch.reproduce import published
from handstitch.reproduce.verdicts import Claim, Measured, above, claim, mostly, within
from handstitch.search.statistics import next_interval

SLIGHT: Final = 0.02
"""Validation and test accuracy that differ by less than this are close: two points, about twice
the 1.04 points between the report's own two figures."""
MOST: Final = 0.8
TOLERANCE: Final = 0.1
"""Of a range read off a colour bar."""
_ORDER: Final = 0.05


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What a trained layer's weights say of it."""

    within_tenth: float
    """Share of the weights with |w| ≤ 0.1."""
    within_tenth_initially: float
    smallest: float
    largest: float
    p_value: float
    """That a layer without order, shuffled, looks as ordered as this one."""
    put_back: float
    """Validation accuracy with this layer's initial weights in place of its trained ones."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run repeated with the report's choice. Its last weights are meant, as in the report."""

    seed: int
    history: list[EpochRecord]
    test_accuracy: float
    layers: list[Layer]

    @property
    def val_accuracy(self) -> float:
        """After the last epoch."""
        return self.history[-1].val_accuracy


def of_runs(runs: Sequence[Run]) -> list[Claim]:
    """C8 and the readings of the weights' pictures, decided by repeated runs."""
    return [
        test_accuracy(runs),
        close_to_validation(runs),
        *[mostly_small(runs, layer) for layer in (0, 1)],
        *[without_structure(runs, layer) for layer in (0, 1)],
        *spans(runs),
        stripes(runs),
        last_layer_decides(runs),
    ]


def test_accuracy(runs: Sequence[Run]) -> Claim:
    """C8, first half."""
    values = [run.test_accuracy for run in runs]
    interval = next_interval(values)
    measured = Measured(float(np.mean(values)), interval, "cannot be told")
    if interval is not None:
        inside = interval[0] <= published.TEST_ACCURACY <= interval[1]
        measured = Measured(measured.effect, interval, "holds" if inside else "does not hold")
    return claim(
        name="C8a",
        statement="The repeated run reaches a test accuracy of 0.8846.",
        measure="test accuracy of the last weights; the interval is that of one more run, and the "
        "claim holds if the report's figure lies in it",
        against="a figure of the report's outside the interval",
        unit="accuracy",
        measured=measured,
        remark=f"From {min(values):.4f} to {max(values):.4f} in {len(values)} runs.",
    )


def close_to_validation(runs: Sequence[Run]) -> Claim:
    """C8, second half."""
    gaps = [run.val_accuracy - run.test_accuracy for run in runs]
    training = float(np.mean([run.history[-1].train_accuracy for run in runs]))
    return claim(
        name="C8b",
        statement="Test accuracy is close to validation accuracy: slight overfitting only.",
        measure="validation less test accuracy after the last epoch; between "
        f"−{100 * SLIGHT:g} and {100 * SLIGHT:g} points",
        against="a gap of more than that",
        unit="points",
        measured=within(gaps, -SLIGHT, SLIGHT),
        remark=f"Training accuracy of the last epoch: {training:.4f}.",
    )


def mostly_small(runs: Sequence[Run], layer: int) -> Claim:
    """The first half of what is said of layers 1 and 2."""
    shares = [run.layers[layer].within_tenth for run in runs]
    initially = float(np.mean([run.layers[layer].within_tenth_initially for run in runs]))
    return claim(
        name=f"W1.{layer + 1}",
        statement=f"In layer {layer + 1} most weights lie within ±0.1.",
        measure=f"share of the weights within ±0.1; above {MOST:g}",
        against=f"a share below {MOST:g}",
        unit="share",
        measured=above(shares, MOST),
        remark=f"He initialisation alone gives {initially:.3f}: it says little of learning.",
    )


def without_structure(runs: Sequence[Run], layer: int) -> Claim:
    """The second half."""
    plain = sum(run.layers[layer].p_value > _ORDER for run in runs)
    return claim(
        name=f"W2.{layer + 1}",
        statement=f"Layer {layer + 1} is even, without structure.",
        measure="share of the runs whose layer cannot be told from shuffled copies of itself "
        f"(p > {_ORDER:g}); most of them",
        against="an order in most runs that shuffled copies lack",
        unit="share",
        measured=mostly(plain, len(runs)),
    )


def spans(runs: Sequence[Run]) -> list[Claim]:
    """The range of layer 3, end by end."""
    claims = []
    ends = zip(("lowest", "highest"), published.LAYER_3, strict=True)
    for number, (end, reading) in enumerate(ends):
        values = [(run.layers[-1].smallest, run.layers[-1].largest)[number] for run in runs]
        made = claim(
            name=f"W3.{number + 1}",
            statement=f"The {end} weights of layer 3 are about {reading:g}".replace("-", "−") + ".",
            measure=f"{end} weight of the last layer; within ±{TOLERANCE:g} of the reading, which "
            "was taken off a colour bar",
            against="an end that lies elsewhere",
            unit="weight",
            measured=within(values, reading - TOLERANCE, reading + TOLERANCE),
        )
        claims.append(made)
    return claims


def stripes(runs: Sequence[Run]) -> Claim:
    """What the report saw in its picture of layer 3."""
    striped = sum(run.layers[-1].p_value <= _ORDER for run in runs)
    return claim(
        name="W4",
        statement="Layer 3 shows stripes.",
        measure="share of the runs whose last layer has an order that shuffled copies lack "
        f"(p ≤ {_ORDER:g}); most of them",
        against="a last layer like its shuffled copies in most runs",
        unit="share",
        measured=mostly(striped, len(runs)),
        remark="A matrix of 10 × 256 stretched to a square shows stripes whatever is in it.",
    )


def last_layer_decides(runs: Sequence[Run]) -> Claim:
    """What the report concludes from its pictures."""
    margins = [
        min(layer.put_back for layer in run.layers[:-1]) - run.layers[-1].put_back for run in runs
    ]
    losses = [
        float(np.mean([run.val_accuracy - run.layers[layer].put_back for run in runs]))
        for layer in range(len(runs[0].layers))
    ]
    listed = ", ".join(f"{100 * loss:.1f}" for loss in losses)
    return claim(
        name="W5",
        statement="The last layer decides.",
        measure="validation accuracy lost when the last layer alone gets its initial weights back, "
        "less the most that another layer loses so; above 0",
        against="another layer whose return costs more",
        unit="points",
        measured=above(margins),
        remark=f"Points lost by layer: {listed}.",
    )
