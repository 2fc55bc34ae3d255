"""Candidates ranked by validation accuracy, and which are indistinguishable from the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from handstitch.records import Trial
from handstitch.search import statistics
from handstitch.search.statistics import Interval, Table

By = Literal["best", "last"]
"""By the validation accuracy of each trial's best epoch, or of its last."""
_GROUPS: Final = 4
_FEW: Final = 6
"""A parameter with more values than this is cut into _GROUPS of equal size."""
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
    """Over the seeds, of the figure that the ranking is by."""
    interval: Interval | None
    """95 %, Student's t over the seeds, for this candidate alone; None with fewer than three
    seeds, and where it reaches below 0 or above 1 or spans more than half of what lies between."""
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
    """A candidate none of whose trials was trained to the end."""

    number: int = msgspec.field(name="candidate")
    parameters: dict[str, Any]
    problem: str


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates of a search, best first; those that could not be compared stand last."""

    by: By
    candidates: list[Candidate]
    failed_candidates: list[FailedCandidate]
    winner: int | None
    """Number of the candidate with the highest mean; None if no trial was finished."""
    winner_by_best_epoch: int | None
    winner_by_last_epoch: int | None
    indistinguishable: list[int]
    """Numbers of the candidates that are indistinguishable from the winner, itself among them."""
    repeats: int
    """Seeds by which the candidates were compared."""
    critical_difference: float | None
    """The critical difference: a candidate that lies so far below the best, or farther, is lower;
    None if the winner stands alone."""
    unbiased_score: float | None
    """Mean accuracy of the choice on seeds that had no say in it."""
    selection_bias: float | None
    """The winner's mean less `unbiased_score`: what picking a maximum adds."""
    importance: dict[str, float]
    """Parameter → share of the variance between trials that goes with it, highest first."""
    importance_overlaps: bool
    """Whether the candidates are no full grid: then the shares overlap, and may add up to
    more than 1."""
    trials: int
    failed: int
    pruned: int


class Compared(NamedTuple):
    """The part of a search that has every candidate on the same seeds."""

    candidates: list[int]
    repeats: list[int]
    table: Table
    """(candidates, repeats)."""
    parameters: list[dict[str, Any]]


def rank(trials: Sequence[Trial], by: By = "best", seeds: int | None = None) -> Ranking:
    """The candidates in order, with what can be said of them.

    `seeds` is how many trials each candidate was to have; by default, as many as any has. One
    that lacks a trial is listed and not compared: a mean over fewer seeds is another figure.
    """
    wanted = seeds or max((trial.repeat + 1 for trial in trials), default=0)
    found = finished(trials)
    compared = compare(trials, _FIGURES[by])
    indistinguishable = (
        statistics.indistinguishable_from_best(compared.table) if compared.candidates else []
    )
    verdicts = dict(zip(compared.candidates, indistinguishable, strict=True))
    candidates = [
        _candidate(
            number, found[number], by, verdicts.get(number), _problem(trials, number, wanted)
        )
        for number in sorted(found)
    ]
    whole = [each for each in candidates if each.indistinguishable is not None]
    best = max(whole, key=lambda each: each.best_epoch_accuracy, default=None)
    last = max(whole, key=lambda each: each.last_epoch_accuracy, default=None)
    candidates.sort(key=lambda each: (each.indistinguishable is None, -each.mean, each.number))
    is_repeated = len(compared.candidates) > 1 and len(compared.repeats) > 1
    judged = statistics.unbiased_score(compared.table) if is_repeated else None
    together = [each.number for each in candidates if each.indistinguishable]
    chance = None
    if is_repeated and len(together) > 1:
        width = statistics.half_width(compared.table, compared.candidates.index(together[-1]))
        chance = min(
            [
                width,
                *(candidates[0].mean - each.mean for each in whole if not each.indistinguishable),
            ]
        )
    return Ranking(
        by=by,
        candidates=candidates,
        failed_candidates=[
            FailedCandidate(
                number=number,
                parameters=trial.parameters,
                problem=_problem(trials, number, wanted),
            )
            for number, trial in sorted({each.candidate: each for each in trials}.items())
            if number not in found
        ],
        winner=candidates[0].number if candidates else None,
        winner_by_best_epoch=None if best is None else best.number,
        winner_by_last_epoch=None if last is None else last.number,
        indistinguishable=together,
        repeats=len(compared.repeats),
        critical_difference=chance,
        unbiased_score=judged,
        selection_bias=None if judged is None else candidates[0].mean - judged,
        importance=importance(trials, by),
        importance_overlaps=not _is_full_grid(compared.parameters),
        trials=len(trials),
        failed=sum(trial.state == "failed" for trial in trials),
        pruned=sum(trial.state == "pruned" for trial in trials),
    )


def best_epoch_accuracy(trial: Trial) -> float:
    """The validation accuracy of the epoch whose weights are kept."""
    return next(record.val_accuracy for record in reversed(trial.history) if record.is_best)


def last_epoch_accuracy(trial: Trial) -> float:
    """The validation accuracy after the last epoch."""
    return trial.history[-1].val_accuracy


_FIGURES: Final[dict[By, Callable[[Trial], float]]] = {
    "best": best_epoch_accuracy,
    "last": last_epoch_accuracy,
}


def finished(trials: Sequence[Trial]) -> dict[int, dict[int, Trial]]:
    """Candidate → repeat → trial, of those that were trained to the end."""
    found: dict[int, dict[int, Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.number):
        if trial.state == "complete" and trial.history:
            found.setdefault(trial.candidate, {})[trial.repeat] = trial
    return found


def compare(trials: Sequence[Trial], value: Callable[[Trial], float]) -> Compared:
    """The candidates that have most repeats, and `value` of their trials on those repeats."""
    found = finished(trials)
    most = max(map(len, found.values()), default=0)
    repeats = next((sorted(each) for each in found.values() if len(each) == most), [])
    candidates = [number for number, each in found.items() if set(repeats) <= set(each)]
    table = [[value(found[number][repeat]) for repeat in repeats] for number in candidates]
    shape = (len(candidates), len(repeats))
    parameters = [found[number][repeats[0]].parameters for number in candidates]
    return Compared(candidates, repeats, np.array(table, np.float64).reshape(shape), parameters)


def importance(trials: Sequence[Trial], by: By = "best") -> dict[str, float]:
    """Parameter → ω², the share of the variance between trials that goes with it, highest first.

    From a one-way analysis of variance for each parameter (W. L. Hays, Statistics for
    Psychologists, 1963): what the seeds do to all candidates alike is taken out first, and then
    what the other parameters and chance would give. A parameter with many values is cut into
    quarters. In a full grid these are the main effects, and they add up to 1 at most. Elsewhere
    parameters vary together, and what they share counts for each of them. A parameter none of
    whose groups has two candidates is left out: it would explain everything.
    """
    compared = compare(trials, _FIGURES[by])
    names = compared.parameters[0] if compared.parameters else ()
    shares = {
        name: _explained(compared.table, _grouped([each.get(name) for each in compared.parameters]))
        for name in names
    }
    known = {name: share for name, share in shares.items() if share is not None}
    return dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))


def _is_full_grid(parameters: Sequence[dict[str, Any]]) -> bool:
    """Whether every combination of the parameters' values occurs, each once."""
    combinations = {tuple(map(repr, each.values())) for each in parameters}
    sizes = [len(set(column)) for column in zip(*combinations, strict=True)]
    return len(combinations) == len(parameters) == prod(sizes)


def _explained(table: Table, groups: list[int]) -> float | None:
    """ω² of the groups of rows; None where it cannot be had."""
    candidates, repeats = table.shape
    values: Table = table - table.mean(axis=0)
    count = len(set(groups))
    if count < 2 or candidates == count:
        return None
    means = values.mean(axis=1)
    labels = np.array(groups)
    fitted = np.array([means[labels == group].mean() for group in groups])
    between = repeats * float(np.sum((fitted - means.mean()) ** 2))
    # Trials of one candidate are no independent witnesses: candidates within a group are the error.
    error = repeats * float(np.sum((means - fitted) ** 2)) / (candidates - count)
    everything = float(np.sum(values**2))
    if everything < 1e-12:  # rounding: one image in 6,000 gives 3e-8
        return 0.0
    return float(max(0.0, (between - (count - 1) * error) / (everything + error)))


def _grouped(levels: list[Any]) -> list[int]:
    """For each level the number of its group: its own, or a quarter of a long list of numbers.

    A network counts by its number of hidden units.
    """
    sizes = [
        sum(each) if isinstance(each, list) and all(isinstance(one, int) for one in each) else each
        for each in levels
    ]
    names = list(map(repr, levels))
    if len(set(names)) > _FEW and all(isinstance(each, int | float) for each in sizes):
        steps = sorted(set(sizes))
        return [steps.index(each) * _GROUPS // len(steps) for each in sizes]
    return [names.index(each) for each in names]


def _candidate(
    number: int, trials: Mapping[int, Trial], by: By, indistinguishable: bool | None, problem: str
) -> Candidate:
    """What a candidate's finished trials, by repeat, say."""
    each = [trials[repeat] for repeat in sorted(trials)]
    values = {name: [value(trial) for trial in each] for name, value in _FIGURES.items()}
    means = {name: float(np.mean(accuracies)) for name, accuracies in values.items()}
    return Candidate(
        number=number,
        parameters=each[0].parameters,
        seeds=[trial.seed for trial in each],
        mean=means[by],
        interval=_interval(values[by]),
        deviation=float(np.std(values[by], ddof=1)) if len(each) > 1 else None,
        validation_error=statistics.binomial_error(means[by], each[0].val_images),
        indistinguishable=indistinguishable,
        best_epoch_accuracy=means["best"],
        last_epoch_accuracy=means["last"],
        problem="" if indistinguishable is not None else problem,
    )


def _interval(values: Sequence[float]) -> Interval | None:
    """Student's interval of the mean, where it says something about an accuracy."""
    found = statistics.mean_interval(values)
    if found is None or len(values) < 3:  # with two, t is 12.7
        return None
    low, high = found
    return found if low >= 0 and high <= 1 and high - low <= _WIDEST else None


def _problem(trials: Sequence[Trial], number: int, wanted: int) -> str:
    """Why this candidate has fewer finished trials than others, in words."""
    own = [trial for trial in trials if trial.candidate == number]
    failed = [trial.problem for trial in own if trial.state == "failed"]
    why = f" ({failed[0]})" if any(failed) else ""
    counts = {
        f"failed{why}": len(failed),
        "pruned": sum(trial.state == "pruned" for trial in own),
        "not run yet": wanted - len(own),
    }
    parts = [f"{count} of {wanted} trials {what}" for what, count in counts.items() if count > 0]
    return "; ".join(parts)
