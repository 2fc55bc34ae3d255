"""Claims F1 to F3: the course report's future work, as questions that trials answer.

Each function takes trials that differ in one parameter; candidate 0 is the report's choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handstitch.records import Trial
from handstitch.search.ranking import ComparedCandidates, compare, last_epoch_accuracy
from handstitch.search.statistics import ALPHA, indistinguishable_from_best
from reproduction.claims import Claim, JudgedClaim, Row, format_effect, format_interval
from reproduction.verdicts import ENOUGH, Effect, Verdict, is_beaten, mean_between

Trials = Sequence[Trial]


def _improved(trials: Trials) -> Effect:
    compared = compare(trials, last_epoch_accuracy)
    if len(compared.candidates) < 2 or compared.candidates[0] != 0:
        return Effect(None, None, "inconclusive")
    return is_beaten(compared.table, 0)


def _means(trials: Trials) -> str:
    compared = compare(trials, last_epoch_accuracy)
    rows = zip(
        _values(compared),
        compared.table,
        indistinguishable_from_best(compared.table),
        strict=True,
    )
    parts = [
        f"{_text(value)}: {row.mean():.4f}{'*' if indistinguishable else ''}"
        for value, row, indistinguishable in rows
    ]
    return f"Means: {'; '.join(parts)}. Those with a star are indistinguishable from the best."


def _better(name: str, statement: str, what: str) -> Row[Trials]:
    return Row(
        Claim(
            name=name,
            statement=statement,
            measure=f"mean validation accuracy after the last epoch of the best other {what}, "
            "less that of the report's; it holds if the report's is distinguishably worse than "
            f"the best, and does not if no other can be more than {100 * ENOUGH:g} points better",
            against=f"an interval that ends below {100 * ENOUGH:g} points",
            unit="points",
        ),
        _improved,
        _means,
    )


BETTER_RATE = _better("F1", "A finer range of rates has a better one than 0.001.", "rate")
BETTER_NETWORK = _better("F2", "Another network is better than 512,256.", "network")


def slight_decays(trials: Trials) -> list[JudgedClaim]:
    """Whether each decay narrows the gap between losses without costing accuracy."""
    accuracy, gap = compare(trials, last_epoch_accuracy), compare(trials, _gap)
    if 0 not in accuracy.candidates:
        return []
    # Two intervals for each decay, and all of them hold together.
    alpha = ALPHA / (2 * max(1, len(accuracy.candidates) - 1))
    return [
        _slight_decay(
            decay,
            mean_between(accuracy.table[row] - accuracy.table[0], -ENOUGH, alpha=alpha),
            mean_between(gap.table[0] - gap.table[row], 0, alpha=alpha),
        )
        for row, decay in enumerate(_values(accuracy))
        if row > 0
    ]


def _slight_decay(decay: float, gained: Effect, narrowed: Effect) -> JudgedClaim:
    verdict: Verdict = "inconclusive"
    if gained.verdict == narrowed.verdict == "holds":
        verdict = "holds"
    elif narrowed.verdict == "does not hold" or (gained.interval and gained.interval[1] < 0):
        verdict = "does not hold"
    between = f" ({format_interval(gained.interval, 'points')})" if gained.interval else ""
    claim = Claim(
        name=f"F3 {decay:g}",
        statement=f"Decay {decay:g} helps generalisation without costing accuracy.",
        measure="gap between validation and training loss after the last epoch without decay, less "
        f"that with {decay:g}; above 0, while accuracy loses less than {100 * ENOUGH:g} points; "
        "the intervals of all decays hold together",
        against="a gap that does not narrow, or a lower accuracy",
        unit="nats",
    )
    effect = Effect(narrowed.value, narrowed.interval, verdict)
    return JudgedClaim(
        claim, effect, f"Accuracy: {format_effect(gained.value, 'points')}{between}."
    )


def _gap(trial: Trial) -> float:
    return (trial.history[-1].val_loss or 0.0) - trial.history[-1].train_loss


def _values(compared: ComparedCandidates) -> list[Any]:
    """Each candidate's value of the parameter in which the trials differ."""
    return [value for parameters in compared.parameters for value in parameters.values()]


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else f"{value:g}"
