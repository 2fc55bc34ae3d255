"""The future work that the report names, as questions that trials answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from handstitch.records import Trial
from handstitch.reproduce import published
from handstitch.reproduce.grid import chosen, pooled
from handstitch.reproduce.verdicts import ENOUGH, Claim, Measured, Verdict, claim
from handstitch.search import statistics
from handstitch.search.ranking import Compared, finished, last_epoch_accuracy
from handstitch.search.statistics import ALPHA
from handstitch.wording import as_word

LARGEST_SLIGHT: Final = 0.1
"""Decay below this, on summed gradients, is what the report calls slight."""


def of_rates(base: dict[str, Any], trials: Sequence[Trial]) -> Claim:
    """Whether a finer range of rates has a better one than 0.001; `trials` differ in the rate."""
    return _improvement(
        base,
        trials,
        name="F1",
        statement="A finer range of rates has a better one than 0.001.",
        what="rate",
        learning_rate=published.CHOSEN[0],
    )


def of_networks(base: dict[str, Any], trials: Sequence[Trial]) -> Claim:
    """Whether another architecture is better than 512, 256; `trials` differ in hidden sizes."""
    return _improvement(
        base,
        trials,
        name="F2",
        statement=f"Another network is better than {as_word(base['hidden_sizes'])}.",
        what="network",
        hidden_sizes=base["hidden_sizes"],
    )


def of_decays(base: dict[str, Any], trials: Sequence[Trial]) -> list[Claim]:
    """Whether each slight decay narrows the gap of losses without costing accuracy."""
    wide = pooled(base, trials)
    accuracy, none = chosen(wide, last_epoch_accuracy, weight_decay=0.0)
    gap, _ = chosen(wide, _gap, weight_decay=0.0)
    if none is None:
        return []
    decays = _values(accuracy, wide, "weight_decay")
    rows = [row for row, decay in enumerate(decays) if 0 < decay <= LARGEST_SLIGHT]
    return [
        _decay(
            decays[row],
            (accuracy.table[row] - accuracy.table[none]).tolist(),
            (gap.table[none] - gap.table[row]).tolist(),
            ALPHA / (2 * len(rows)),
        )
        for row in rows
    ]


def _decay(decay: float, gained: list[float], narrowed: list[float], alpha: float) -> Claim:
    """One decay: `gained` accuracy, and the gap `narrowed`, seed by seed, both at 1 − alpha."""
    costs = statistics.mean_interval(gained, alpha)
    helps = statistics.mean_interval(narrowed, alpha)
    verdict: Verdict = "cannot be told"
    if costs is not None and helps is not None:
        if helps[0] > 0 and costs[0] > -ENOUGH:
            verdict = "holds"
        elif helps[1] < 0 or costs[1] < 0:
            verdict = "does not hold"
    gained_interval = "" if costs is None else f" ({100 * costs[0]:+.2f} to {100 * costs[1]:+.2f})"
    return claim(
        name=f"F3 {decay:g}",
        statement=f"Decay {decay:g} helps generalisation without costing accuracy.",
        measure="gap between validation and training loss after the last epoch without decay, less "
        f"that with {decay:g}; above 0, while accuracy loses less than {100 * ENOUGH:g} points; "
        "the intervals of all decays hold together",
        against="a gap that does not narrow, or a lower accuracy",
        unit="nats",
        measured=Measured(float(np.mean(narrowed)), helps, verdict),
        remark=f"Accuracy: {100 * float(np.mean(gained)):+.2f} points{gained_interval}.",
    )


def _improvement(
    base: dict[str, Any],
    trials: Sequence[Trial],
    *,
    name: str,
    statement: str,
    what: str,
    **reference: object,
) -> Claim:
    """Whether some setting beats the reference, seeds paired, intervals of all pairs at once."""
    wide = pooled(base, trials)
    compared, row = chosen(wide, last_epoch_accuracy, **reference)
    if row is None or len(compared.settings) < 2:
        measured, remark = Measured(None, None, "cannot be told"), ""
    else:
        measured, remark = _beaten(compared, row), _listed(compared, wide, *reference)
    return claim(
        name=name,
        statement=statement,
        measure=f"mean validation accuracy after the last epoch of the best other {what}, less "
        "that of the report's; it holds if the report's can be told from the best, and does not "
        f"if no other can be more than {100 * ENOUGH:g} points better",
        against=f"an interval that ends below {100 * ENOUGH:g} points",
        unit="points",
        measured=measured,
        remark=remark,
    )


def _beaten(compared: Compared, row: int) -> Measured:
    """Whether the setting in `row` can be told from the best."""
    means = compared.table.mean(axis=1)
    effect = float(np.delete(means, row).max() - means[row])
    if compared.table.shape[1] < 2:
        return Measured(effect, None, "cannot be told")
    half = statistics.decisive_width(compared.table, row)
    verdict: Verdict = "cannot be told"
    if not statistics.tied_with_best(compared.table)[row]:
        verdict = "holds"
    elif effect + half < ENOUGH:
        verdict = "does not hold"
    return Measured(effect, (effect - half, effect + half), verdict)


def _listed(compared: Compared, trials: Sequence[Trial], name: str) -> str:
    """Every setting with its mean; those that cannot be told from the best have a star."""
    values = _values(compared, trials, name)
    tied = statistics.tied_with_best(compared.table)
    means = compared.table.mean(axis=1)
    parts = [
        f"{as_word(value)}: {mean:.4f}{'*' if tie else ''}"
        for value, mean, tie in zip(values, means, tied, strict=True)
    ]
    return f"Means: {'; '.join(parts)}. Those with a star cannot be told from the best."


def _values(compared: Compared, trials: Sequence[Trial], name: str) -> list[Any]:
    found = finished(trials)
    return [next(iter(found[each].values())).parameters[name] for each in compared.settings]


def _gap(trial: Trial) -> float:
    return trial.history[-1].val_loss - trial.history[-1].train_loss
