"""Claims C1 to C7 and C9: observations of the course report on its nine runs.

The same seeds train every candidate, so effects are differences seed by seed, and their intervals
Student's over the seeds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from handstitch.search.statistics import Table
from reproduction.claims import Claim, Row, format_effect
from reproduction.grid import Grid
from reproduction.published import CHOSEN
from reproduction.verdicts import all_above, any_above, mean_between, sole_best

LATE: Final = 3
"""Epochs: the last three are late, and compared with the three before them."""
FLAT: Final = 0.01
"""In nats: a validation loss that falls by less than this is flat."""


def _late_change(curves: Table) -> Table:
    """The mean of the last LATE epochs less that of the LATE before."""
    late = curves[..., -2 * LATE :]
    half = late.shape[-1] // 2
    change: Table = late[..., half:].mean(axis=-1) - late[..., :half].mean(axis=-1)
    return change


def _falls(curves: Table) -> Table:
    """Number of epochs after which a figure is lower than before."""
    falls: Table = np.count_nonzero(np.diff(curves) < 0, axis=-1).astype(np.float64)
    return falls


def _by_candidate(values: Table) -> Table:
    """(rates, decays, seeds) → (candidates, seeds)."""
    return values.reshape(-1, values.shape[-1])


def _by_decay(values: Table) -> Table:
    """(rates, decays, seeds) → (decays, seeds)."""
    means: Table = values.mean(axis=0)
    return means


def _slowest_less_fastest(values: Table) -> Table:
    """(rates, decays, seeds) → (seeds): at the lowest rate less at the highest."""
    difference: Table = (values[0] - values[-1]).mean(axis=0)
    return difference


def _without_less_with_decay(values: Table) -> Table:
    """(rates, decays, seeds) → (decays above 0, seeds)."""
    means = _by_decay(values)
    return means[:1] - means[1:]


def _chosen(grid: Grid) -> int:
    """Number of the report's choice among the candidates."""
    rate, decay = CHOSEN
    return list(grid.rates).index(rate) * len(grid.decays) + list(grid.decays).index(decay)


def _highest(grid: Grid) -> str:
    means = _by_candidate(grid.val_accuracy[..., -1]).mean(axis=1)
    rate, decay = divmod(int(np.argmax(means)), len(grid.decays))
    return (
        f"Highest here: rate {grid.rates[rate]:g}, decay {grid.decays[decay]:g}, "
        f"{means.max():.4f}; the report's choice: {means[_chosen(grid)]:.4f}."
    )


def _accuracy_at_decays(grid: Grid) -> str:
    decays = ", ".join(f"{decay:g}" for decay in grid.decays)
    means = _by_decay(grid.val_accuracy[..., -1]).mean(axis=1)
    return f"Means at decay {decays}: {', '.join(f'{mean:.4f}' for mean in means)}."


def _late_gains(grid: Grid) -> str:
    slow, *_, fast = _late_change(grid.val_accuracy).mean(axis=(1, 2))
    return (
        f"Gains: {format_effect(slow, 'points')} at the lowest rate, "
        f"{format_effect(fast, 'points')} at the highest."
    )


def _falling_steps(grid: Grid) -> str:
    falling = np.diff(grid.train_loss) < 0
    return f"It falls in {falling.sum():,} of {falling.size:,} steps from one epoch to the next."


def _rising_losses(grid: Grid) -> str:
    means = _by_candidate(_late_change(grid.val_loss)).mean(axis=1)
    return f"On average it rises for {np.sum(means > 0)} of {len(means)} candidates."


def _late_losses(grid: Grid) -> str:
    none, *more = _by_decay(_late_change(grid.val_loss)).mean(axis=1)
    others = float(np.mean(more))
    return (
        f"Changes: {format_effect(none, 'nats')} without decay, "
        f"{format_effect(others, 'nats')} with."
    )


def _average_accuracies(grid: Grid) -> str:
    means = grid.val_accuracy[:, 0].mean(axis=(1, 2))
    each = (f"{mean:.4f} at {rate:g}" for mean, rate in zip(means, grid.rates, strict=True))
    return f"Means: {', '.join(each)}."


OBSERVATIONS: Final[list[Row[Grid]]] = [
    Row(
        Claim(
            name="C1",
            statement="The best of the nine candidates is rate 0.001 without decay.",
            measure="its mean validation accuracy after the last epoch, less that of the best "
            "other candidate; it holds if every other is distinguishably worse",
            against="another candidate that is distinguishably better",
            unit="points",
        ),
        lambda grid: sole_best(_by_candidate(grid.val_accuracy[..., -1]), _chosen(grid)),
        _highest,
    ),
    Row(
        Claim(
            name="C2",
            statement="No weight decay is best.",
            measure="mean validation accuracy after the last epoch without decay, less that with "
            "0.2 and with 0.4, over the three rates; the smaller of the two is shown and both "
            "must be above 0",
            against="a decay whose accuracy is higher",
            unit="points",
        ),
        lambda grid: all_above(_without_less_with_decay(grid.val_accuracy[..., -1])),
    ),
    Row(
        Claim(
            name="C3",
            statement="Accuracy falls as decay grows.",
            measure="how far the accuracy of C2 falls from decay 0 to 0.2, and from 0.2 to 0.4; "
            "the smaller fall is shown and both must be above 0",
            against="a step to more decay at which accuracy rises",
            unit="points",
        ),
        lambda grid: all_above(-np.diff(_by_decay(grid.val_accuracy[..., -1]), axis=0)),
        _accuracy_at_decays,
    ),
    Row(
        Claim(
            name="C4a",
            statement="A higher rate converges faster.",
            measure="mean training loss of the second epoch at the lowest rate, less that at the "
            "highest, over the decays; above 0",
            against="a lower training loss at the lower rate",
            unit="nats",
        ),
        lambda grid: mean_between(_slowest_less_fastest(grid.train_loss[..., 1]), low=0),
    ),
    Row(
        Claim(
            name="C4b",
            statement="At a higher rate accuracy flattens or falls late.",
            measure="what validation accuracy gains in the last three epochs over the three "
            "before, at the lowest rate less at the highest, over the decays; above 0",
            against="a later gain that is larger at the higher rate",
            unit="points",
        ),
        lambda grid: mean_between(_slowest_less_fastest(_late_change(grid.val_accuracy)), low=0),
        _late_gains,
    ),
    Row(
        Claim(
            name="C5a",
            statement="The lowest rate starts slower.",
            measure="mean validation accuracy after the first epoch at the two higher rates, less "
            "that at the lowest, over the decays; above 0",
            against="a first epoch that is better at the lowest rate",
            unit="points",
        ),
        lambda grid: mean_between(
            (grid.val_accuracy[1:, ..., 0] - grid.val_accuracy[0, ..., 0]).mean(axis=(0, 1)), low=0
        ),
    ),
    Row(
        Claim(
            name="C5b",
            statement="At the lowest rate accuracy improves steadily.",
            measure="how often in a run validation accuracy is lower than after the epoch before, "
            "at the lowest rate without decay; below once a run",
            against="a fall or more in every run",
            unit="count",
        ),
        lambda grid: mean_between(_falls(grid.val_accuracy)[0, 0], high=1),
        lambda grid: (
            f"At the highest rate it falls {_falls(grid.val_accuracy)[-1, 0].mean():.1f} times a "
            "run."
        ),
    ),
    Row(
        Claim(
            name="C6",
            statement="Training loss falls for every candidate.",
            measure="training loss of the first epoch less that of the last, of the candidate "
            "whose loss falls least; above 0 for all",
            against="a candidate whose training loss is higher at the end",
            unit="nats",
        ),
        lambda grid: all_above(_by_candidate(grid.train_loss[..., 0] - grid.train_loss[..., -1])),
        _falling_steps,
    ),
    Row(
        Claim(
            name="C7a",
            statement="Validation loss flattens or rises late for some candidates.",
            measure="mean validation loss of the last three epochs less that of the three before, "
            f"of the candidate for which it is highest; above −{FLAT:g} for at least one",
            against=f"a validation loss that still falls by more than {FLAT:g} for every candidate",
            unit="nats",
        ),
        lambda grid: any_above(_by_candidate(_late_change(grid.val_loss)), -FLAT),
        _rising_losses,
    ),
    Row(
        Claim(
            name="C7b",
            statement="Validation loss flattens or rises most clearly without decay.",
            measure="the change of C7a without decay, less that with decay, over the rates; "
            "above 0",
            against="a validation loss that rises more with decay",
            unit="nats",
        ),
        lambda grid: mean_between(
            _without_less_with_decay(_late_change(grid.val_loss)).mean(axis=0), low=0
        ),
        _late_losses,
    ),
    Row(
        Claim(
            name="C9",
            statement="Rate 0.001 balances speed and quality best.",
            measure="validation accuracy averaged over all epochs, which rewards a quick start "
            "and a good end alike, without decay: that of 0.001 less the best other rate's; it "
            "holds if both others are distinguishably worse",
            against="another rate that is distinguishably better",
            unit="points",
        ),
        lambda grid: sole_best(
            grid.val_accuracy[:, 0].mean(axis=-1), list(grid.rates).index(CHOSEN[0])
        ),
        _average_accuracies,
    ),
]
