"""Candidates ranked by validation accuracy, and which are indistinguishable from the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from handstitch.records import Trial, best_epoch
from handstitch.search import statistics
from handstitch.search.statistics import Interval, Table

By = Literal["best", "last"]
"""By the validation accuracy of each trial's best epoch, or of its last."""
_WIDEST: Final = 0.5
"""An interval wider than this says nothing about an accuracy."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate over its seeds. Accuracies are fractions of the validation images.

    Nothing here depends on when, where or by how many workers the trials were run.
    """

    number: int = msgspec.field(name="candidate")
    parameters: dict[str, Any]
    seeds: list[int]
    """Of its finished trials."""
    mean: float
    """Over the seeds, of the accuracy that the ranking is by."""
    interval: Interval | None
    """95 %, for this candidate alone; see `interval_over_seeds`."""
    deviation: float | None
    """Standard deviation over the seeds; None with one."""
    validation_error: float
    """√(p(1 − p)/n): the standard error of one trial's accuracy from its images alone."""
    indistinguishable: bool | None
    """Whether it is indistinguishable from the best; None if not compared: see `problem`."""
    best_epoch_accuracy: float
    """Mean over the seeds. A maximum over epochs on the images it is measured on."""
    last_epoch_accuracy: float
    problem: str
    """Why it was not compared; else empty."""


class FailedCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate without a complete trial: all failed, were pruned or are not run yet."""

    number: int = msgspec.field(name="candidate")
    parameters: dict[str, Any]
    problem: str


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates of a search, best first; those that could not be compared come last."""

    by: By
    candidates: list[Candidate]
    failed_candidates: list[FailedCandidate]
    winner: int | None
    """Number of the candidate with the highest mean; None if no trial is complete."""
    winner_by_best_epoch: int | None
    winner_by_last_epoch: int | None
    indistinguishable: list[int]
    """Numbers of the candidates that are indistinguishable from the winner, itself among them."""
    repeats: int
    """Seeds by which the candidates were compared."""
    critical_difference: float | None
    """A candidate that is worse than the best by this or more is lower; None if the winner is
    better than all others."""
    unbiased_score: float | None
    """Mean accuracy of the choice on seeds that were not used for choosing."""
    selection_bias: float | None
    """The winner's mean less `unbiased_score`: the optimism of a maximum."""
    importance: dict[str, float]
    """Parameter → share of the variance between trials that it explains, highest first."""
    importance_overlaps: bool
    """Whether the candidates are not a full grid: then the shares overlap, and may add up to
    more than 1."""
    trials: int
    failed: int
    pruned: int


class ComparedCandidates(NamedTuple):
    """The candidates that have the most repeats, all on the same ones."""

    candidates: list[int]
    table: Table
    """(candidates, repeats)."""
    parameters: list[dict[str, Any]]


def rank(trials: Sequence[Trial], by: By = "best", seeds: int | None = None) -> Ranking:
    """Rank the candidates of these trials.

    `seeds` is the number of trials that every candidate should have; by default, the most that
    any has. A candidate with fewer is listed and not compared: a mean over fewer seeds is another
    quantity.
    """
    wanted = seeds or max((trial.repeat + 1 for trial in trials), default=0)
    compared = compare(trials, _ACCURACIES[by])
    table, repeats = compared.table, compared.table.shape[1]
    flags = statistics.indistinguishable_from_best(table) if repeats else []
    verdicts = dict(zip(compared.candidates, flags, strict=True))
    every = _grouped(trials)
    complete = finished(trials)
    candidates = [
        _candidate(list(own.values()), by, verdicts.get(number), _problem(every[number], wanted))
        for number, own in complete.items()
    ]
    candidates.sort(key=lambda one: (one.indistinguishable is None, -one.mean, one.number))
    whole = [one for one in candidates if one.indistinguishable is not None]
    best, last = (
        max(whole, key=lambda one: (getattr(one, field), -one.number)).number if whole else None
        for field in ("best_epoch_accuracy", "last_epoch_accuracy")
    )
    tied = [one.number for one in whole if one.indistinguishable]
    score = difference = None
    if len(whole) > 1 and repeats > 1:
        score = statistics.unbiased_score(table)
        if len(tied) > 1:
            width = statistics.half_width(table, compared.candidates.index(tied[-1]))
            lower = [whole[0].mean - one.mean for one in whole if not one.indistinguishable]
            difference = min([width, *lower])
    return Ranking(
        by=by,
        candidates=candidates,
        failed_candidates=[
            FailedCandidate(
                number=number, parameters=own[0].parameters, problem=_problem(own, wanted)
            )
            for number, own in every.items()
            if number not in complete
        ],
        winner=best if by == "best" else last,
        winner_by_best_epoch=best,
        winner_by_last_epoch=last,
        indistinguishable=tied,
        repeats=repeats,
        critical_difference=difference,
        unbiased_score=score,
        selection_bias=None if score is None else whole[0].mean - score,
        importance=statistics.importance(table, compared.parameters),
        importance_overlaps=not statistics.is_full_grid(compared.parameters),
        trials=len(trials),
        **{state: sum(trial.state == state for trial in trials) for state in ("failed", "pruned")},
    )


def interval_over_seeds(accuracies: Sequence[float]) -> Interval | None:
    """95 % confidence interval of the mean accuracy, by Student's t over the seeds.

    None with fewer than three seeds (with two, t is 12.7), and where it reaches below 0 or above 1
    or is wider than one half.
    """
    if len(accuracies) < 3:
        return None
    low, high = statistics.mean_interval(accuracies) or (-inf, inf)
    return (low, high) if 0 <= low <= high <= min(1, low + _WIDEST) else None


def best_epoch_accuracy(trial: Trial) -> float:
    """Validation accuracy of the epoch whose weights are kept; 0 if no epoch was finished."""
    record = best_epoch(trial.history)
    return (record.val_accuracy or 0.0) if record else 0.0


def last_epoch_accuracy(trial: Trial) -> float:
    """Validation accuracy after the last epoch."""
    return trial.history[-1].val_accuracy or 0.0


_ACCURACIES: Final[dict[By, Callable[[Trial], float]]] = {
    "best": best_epoch_accuracy,
    "last": last_epoch_accuracy,
}


def finished(trials: Sequence[Trial]) -> dict[int, dict[int, Trial]]:
    """Candidate → repeat → trial, of the complete trials, in order of their numbers."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.history]
    return {
        number: {trial.repeat: trial for trial in own} for number, own in _grouped(complete).items()
    }


def compare(trials: Sequence[Trial], value: Callable[[Trial], float]) -> ComparedCandidates:
    """The candidates that have the most repeats, and `value` of their trials on those repeats."""
    found = finished(trials)
    repeats = next(iter(sorted(map(list, found.values()), key=len, reverse=True)), [])
    whole = {number: own for number, own in found.items() if own.keys() >= set(repeats)}
    table = [[value(own[repeat]) for repeat in repeats] for own in whole.values()]
    return ComparedCandidates(
        list(whole),
        np.array(table, np.float64).reshape(len(whole), len(repeats)),
        [own[repeats[0]].parameters for own in whole.values()],
    )


def _grouped(trials: Sequence[Trial]) -> dict[int, list[Trial]]:
    """Candidate → its trials, in order of their numbers."""
    found: dict[int, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        found.setdefault(trial.candidate, []).append(trial)
    return found


def _candidate(own: Sequence[Trial], by: By, verdict: bool | None, problem: str) -> Candidate:
    """A candidate's statistics, from its complete trials."""
    values = {name: [value(trial) for trial in own] for name, value in _ACCURACIES.items()}
    means = {name: float(np.mean(accuracies)) for name, accuracies in values.items()}
    return Candidate(
        number=own[0].candidate,
        parameters=own[0].parameters,
        seeds=[trial.seed for trial in own],
        mean=means[by],
        interval=interval_over_seeds(values[by]),
        deviation=float(np.std(values[by], ddof=1)) if len(own) > 1 else None,
        validation_error=statistics.binomial_error(means[by], own[0].val_images),
        indistinguishable=verdict,
        best_epoch_accuracy=means["best"],
        last_epoch_accuracy=means["last"],
        problem="" if verdict is not None else problem,
    )


def _problem(own: Sequence[Trial], wanted: int) -> str:
    """Why the candidate of these trials has fewer complete ones than others, in words."""
    failed = [trial.problem for trial in own if trial.state == "failed"]
    why = f" ({failed[0]})" if any(failed) else ""
    counts = {
        f"failed{why}": len(failed),
        "pruned": sum(trial.state == "pruned" for trial in own),
        "not run yet": wanted - len(own),
    }
    parts = [f"{count} of {wanted} trials {what}" for what, count in counts.items() if count > 0]
    return "; ".join(parts)
