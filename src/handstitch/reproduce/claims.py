"""What the report says of its nine runs, as claims that trials decide.

Each rule is a pure function of trials, written before they were run. The same seeds train every
setting, so effects are differences seed by seed, and their intervals Student's over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from handstitch.records import EpochRecord, Trial
from handstitch.reproduce import published
from handstitch.reproduce.grid import Grid
from handstitch.reproduce.verdicts import (
    Claim,
    above,
    all_above,
    any_above,
    below,
    claim,
    sole_best,
)
from handstitch.search.ranking import last_epoch_accuracy

LATE: Final = 3
"""Epochs: the last three are late, the three before them are what they are held against."""
FLAT: Final = 0.01
"""A validation loss that falls by less from those to these, in nats, is flat."""


def of_grid(trials: Sequence[Trial]) -> list[Claim]:
    """C1 to C7 and C9, decided by the trials of the report's grid."""
    grid = Grid(trials)
    rules: list[Callable[[Grid], Claim]] = [
        best_setting,
        no_decay_is_best,
        falls_with_decay,
        converges_faster,
        flattens_late,
        starts_slower,
        improves_steadily,
        training_loss_falls,
        validation_loss_flattens,
        most_without_decay,
        best_balance,
    ]
    return [rule(grid) for rule in rules]


def best_setting(grid: Grid) -> Claim:
    """C1."""
    rate, decay = published.CHOSEN
    settings = [(r, d) for r in grid.rates for d in grid.decays]
    measured = sole_best(grid.table(last_epoch_accuracy), settings.index((rate, decay)))
    means = grid.table(last_epoch_accuracy).mean(axis=1)
    top = settings[int(np.argmax(means))]
    return claim(
        name="C1",
        statement="The best of the nine settings is rate 0.001 without decay.",
        measure="its mean validation accuracy after the last epoch, less that of the best other "
        "setting; "
        "it holds if every other setting can be told from it",
        against="another setting from which it can be told",
        unit="points",
        measured=measured,
        remark=f"Highest here: rate {top[0]:g}, decay {top[1]:g}, {means.max():.4f}; "
        f"the report's choice: {means[settings.index((rate, decay))]:.4f}.",
    )


def no_decay_is_best(grid: Grid) -> Claim:
    """C2."""
    none, *more = grid.decays
    groups = [
        grid.over_rates(none, last_epoch_accuracy) - grid.over_rates(decay, last_epoch_accuracy)
        for decay in more
    ]
    return claim(
        name="C2",
        statement="No weight decay is best.",
        measure="mean validation accuracy after the last epoch without decay, less that with 0.2 "
        "and with "
        "0.4, over the three rates; the smaller of the two is shown and both must be above 0",
        against="a decay whose accuracy is higher",
        unit="points",
        measured=all_above([group.tolist() for group in groups]),
    )


def falls_with_decay(grid: Grid) -> Claim:
    """C3."""
    means = [grid.over_rates(decay, last_epoch_accuracy) for decay in grid.decays]
    steps = [(less - more).tolist() for less, more in pairwise(means)]
    listed = ", ".join(f"{np.mean(each):.4f}" for each in means)
    return claim(
        name="C3",
        statement="Accuracy falls as decay grows.",
        measure="how far the accuracy of C2 falls from decay 0 to 0.2, and from 0.2 to 0.4; the "
        "smaller "
        "fall is shown and both must be above 0",
        against="a step to more decay at which accuracy rises",
        unit="points",
        measured=all_above(steps),
        remark=f"Means at decay 0, 0.2, 0.4: {listed}." if len(means) == 3 else "",
    )


def converges_faster(grid: Grid) -> Claim:
    """C4, first half."""
    low, high = grid.rates[0], grid.rates[-1]
    values = grid.over_decays(low, _early_loss) - grid.over_decays(high, _early_loss)
    return claim(
        name="C4a",
        statement="A higher rate converges faster.",
        measure="mean training loss of the second epoch at the lowest rate, less that at the "
        "highest, "
        "over the decays; above 0",
        against="a lower training loss at the lower rate",
        unit="nats",
        measured=above(values.tolist()),
    )


def flattens_late(grid: Grid) -> Claim:
    """C4, second half."""
    low, high = grid.rates[0], grid.rates[-1]
    gains = [grid.over_decays(rate, _late_gain) for rate in (low, high)]
    return claim(
        name="C4b",
        statement="At a higher rate accuracy flattens or falls late.",
        measure="what validation accuracy gains in the last three epochs over the three before, "
        "at the "
        "lowest rate less at the highest, over the decays; above 0",
        against="a later gain that is larger at the higher rate",
        unit="points",
        measured=above((gains[0] - gains[1]).tolist()),
        remark=f"Gains: {_points(gains[0])} at the lowest rate, {_points(gains[1])} at the "
        f"highest.",
    )


def starts_slower(grid: Grid) -> Claim:
    """C5, first half."""
    low, *more = grid.rates
    others = np.mean([grid.over_decays(rate, _first_accuracy) for rate in more], axis=0)
    values = others - grid.over_decays(low, _first_accuracy)
    return claim(
        name="C5a",
        statement="The lowest rate starts slower.",
        measure="mean validation accuracy after the first epoch at the two higher rates, less "
        "that at the "
        "lowest, over the decays; above 0",
        against="a first epoch that is better at the lowest rate",
        unit="points",
        measured=above(values.tolist()),
    )


def improves_steadily(grid: Grid) -> Claim:
    """C5, second half."""
    low, high, none = grid.rates[0], grid.rates[-1], grid.decays[0]
    falls = [_falls(trial) for trial in grid.at(low, none)]
    fast = float(np.mean([_falls(trial) for trial in grid.at(high, none)]))
    return claim(
        name="C5b",
        statement="At the lowest rate accuracy improves steadily.",
        measure="how often in a run validation accuracy is lower than after the epoch before, at "
        "the "
        "lowest rate without decay; below once a run",
        against="a fall or more in every run",
        unit="count",
        measured=below(falls, 1.0),
        remark=f"At the highest rate it falls {fast:.1f} times a run.",
    )


def training_loss_falls(grid: Grid) -> Claim:
    """C6."""
    falls = [
        [trial.history[0].train_loss - trial.history[-1].train_loss for trial in trials]
        for trials in grid.all()
    ]
    steps = [
        later.train_loss < earlier.train_loss
        for trials in grid.all()
        for trial in trials
        for earlier, later in pairwise(trial.history)
    ]
    return claim(
        name="C6",
        statement="Training loss falls in every setting.",
        measure="training loss of the first epoch less that of the last, in the setting where it "
        "falls "
        "least; above 0 in all",
        against="a setting whose training loss is higher at the end",
        unit="nats",
        measured=all_above(falls),
        remark=f"It falls in {sum(steps):,} of {len(steps):,} steps from one epoch to the next.",
    )


def validation_loss_flattens(grid: Grid) -> Claim:
    """C7, first half."""
    changes = [[_late_change(trial) for trial in trials] for trials in grid.all()]
    rising = sum(float(np.mean(each)) > 0 for each in changes)
    return claim(
        name="C7a",
        statement="Validation loss flattens or rises late in some settings.",
        measure="mean validation loss of the last three epochs less that of the three before, in "
        "the "
        f"setting where it is highest; above −{FLAT:g} in at least one",
        against=f"a validation loss that still falls by more than {FLAT:g} in every setting",
        unit="nats",
        measured=any_above(changes, -FLAT),
        remark=f"On average it rises in {rising} of {len(changes)} settings.",
    )


def most_without_decay(grid: Grid) -> Claim:
    """C7, second half."""
    none, *more = grid.decays
    others = np.mean([grid.over_rates(decay, _late_change) for decay in more], axis=0)
    without = grid.over_rates(none, _late_change)
    return claim(
        name="C7b",
        statement="Validation loss flattens or rises most clearly without decay.",
        measure="the change of C7a without decay, less that with decay, over the rates; above 0",
        against="a validation loss that rises more with decay",
        unit="nats",
        measured=above((without - others).tolist()),
        remark=f"Changes: {np.mean(without):+.4f} without decay, {np.mean(others):+.4f} with.",
    )


def best_balance(grid: Grid) -> Claim:
    """The report's summary of its rates."""
    rate, none = published.CHOSEN
    table = np.array([[_course(t) for t in grid.at(each, none)] for each in grid.rates])
    listed = ", ".join(
        f"{mean:.4f} at {each:g}" for each, mean in zip(grid.rates, table.mean(1), strict=True)
    )
    return claim(
        name="C9",
        statement="Rate 0.001 balances speed and quality best.",
        measure="validation accuracy averaged over all epochs, which rewards a quick start and a "
        "good end "
        "alike, without decay: that of 0.001 less the best other rate's; it holds if both others "
        "can be told from it",
        against="another rate from which it can be told",
        unit="points",
        measured=sole_best(table, grid.rates.index(rate)),
        remark=f"Means: {listed}.",
    )


def _early_loss(trial: Trial) -> float:
    return trial.history[min(1, len(trial.history) - 1)].train_loss


def _first_accuracy(trial: Trial) -> float:
    return trial.history[0].val_accuracy


def _late_gain(trial: Trial) -> float:
    return _late(trial, lambda record: record.val_accuracy)


def _late_change(trial: Trial) -> float:
    return _late(trial, lambda record: record.val_loss)


def _late(trial: Trial, value: Callable[[EpochRecord], float]) -> float:
    """The mean of the last LATE epochs less that of the LATE before."""
    values = [value(record) for record in trial.history[-2 * LATE :]]
    half = len(values) // 2
    return float(np.mean(values[half:]) - np.mean(values[:half])) if half else 0.0


def _falls(trial: Trial) -> float:
    accuracies = [record.val_accuracy for record in trial.history]
    return float(np.count_nonzero(np.diff(accuracies) < 0))


def _course(trial: Trial) -> float:
    return float(np.mean([record.val_accuracy for record in trial.history]))


def _points(values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return f"{100 * float(np.mean(values)):+.2f} points"
