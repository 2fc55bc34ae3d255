"""From trials to settings: which are best, and which of them cannot be told from the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting over its seeds. Accuracies are fractions of the validation images.

    Nothing here depends on when, where or by how many workers the trials were run.
    """

    setting: int
    parameters: dict[str, Any]
    seeds: list[int]
    """Of its finished trials."""
    mean: float
    """Over the seeds, of the figure that the ranking is by."""
    interval: Interval | None
    """95 %, Student's t over the seeds, for this setting alone; None with one seed."""
    deviation: float | None
    """Standard deviation over the seeds; None with one."""
    validation_error: float
    """√(p(1 − p)/n): the standard error of one trial's accuracy from its images alone."""
    tied: bool | None
    """Whether it cannot be told from the best; None if it was not compared: see `problem`."""
    best_epoch_accuracy: float
    """Mean over the seeds. A maximum over epochs on the images it is measured on."""
    last_epoch_accuracy: float
    problem: str
    """Why it was not compared; else empty."""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A setting none of whose trials was trained to the end."""

    setting: int
    parameters: dict[str, Any]
    problem: str


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a search, best first; those that could not be compared stand last."""

    by: By
    settings: list[Setting]
    lost: list[Lost]
    winner: int | None
    """Number of the setting with the highest mean; None if no trial was finished."""
    winner_by_best_epoch: int | None
    winner_by_last_epoch: int | None
    tied: list[int]
    """Numbers of the settings that cannot be told from the winner, itself among them."""
    repeats: int
    """Seeds by which the settings were compared."""
    chance_range: float | None
    """How far the highest and the lowest mean of so many equal settings as are tied, and as
    unsteady, lie apart at most in nineteen searches of twenty; None if none is tied with it."""
    score_of_choice: float | None
    """Mean accuracy of the choice on seeds that had no say in it."""
    optimism: float | None
    """The winner's mean less `score_of_choice`: what picking a maximum adds."""
    importance: dict[str, float]
    """Parameter → share of the variance between trials that it explains alone, highest first."""
    trials: int
    failed: int
    pruned: int


class Compared(NamedTuple):
    """The part of a search that has every setting on the same seeds."""

    settings: list[int]
    repeats: list[int]
    table: Table
    """(settings, repeats)."""


def rank(trials: Sequence[Trial], by: By = "best", seeds: int | None = None) -> Ranking:
    """The settings in order, with what can be said of them.

    `seeds` is how many trials each setting was to have; by default, as many as any has. Settings
    that lack one are listed and not compared: a mean over fewer seeds is another figure.
    """
    wanted = seeds or max((trial.repeat + 1 for trial in trials), default=0)
    found = finished(trials)
    compared = compare(trials, figure(by))
    tied = statistics.tied_with_best(compared.table) if compared.settings else []
    verdicts = dict(zip(compared.settings, tied, strict=True))
    settings = [
        _setting(number, found[number], by, verdicts.get(number), _problem(trials, number, wanted))
        for number in sorted(found)
    ]
    settings.sort(key=lambda each: (each.tied is None, -each.mean, each.setting))
    winner = settings[0].setting if settings else None
    judged = statistics.score_of_choice(compared.table) if _is_repeated(compared) else None
    return Ranking(
        by=by,
        settings=settings,
        lost=[
            Lost(
                setting=trial.setting,
                parameters=trial.parameters,
                problem=_problem(trials, trial.setting, wanted),
            )
            for number, trial in sorted({each.setting: each for each in trials}.items())
            if number not in found
        ],
        winner=winner,
        winner_by_best_epoch=_winner(trials, "best"),
        winner_by_last_epoch=_winner(trials, "last"),
        tied=[each.setting for each in settings if each.tied],
        repeats=len(compared.repeats),
        chance_range=_chance_range(compared, tied),
        score_of_choice=judged,
        optimism=None if judged is None else settings[0].mean - judged,
        importance=importance(trials, by),
        trials=len(trials),
        failed=sum(trial.state == "failed" for trial in trials),
        pruned=sum(trial.state == "pruned" for trial in trials),
    )


def figure(by: By) -> Callable[[Trial], float]:
    """Trial → the validation accuracy of its best epoch, or of its last."""
    return best_epoch_accuracy if by == "best" else last_epoch_accuracy


def best_epoch_accuracy(trial: Trial) -> float:
    """The validation accuracy of the epoch whose weights are kept."""
    return next(record.val_accuracy for record in reversed(trial.history) if record.is_best)


def last_epoch_accuracy(trial: Trial) -> float:
    """The validation accuracy after the last epoch."""
    return trial.history[-1].val_accuracy


def finished(trials: Sequence[Trial]) -> dict[int, dict[int, Trial]]:
    """Setting → repeat → trial, of those that were trained to the end."""
    found: dict[int, dict[int, Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.number):
        if trial.state == "complete" and trial.history:
            found.setdefault(trial.setting, {})[trial.repeat] = trial
    return found


def compare(trials: Sequence[Trial], value: Callable[[Trial], float]) -> Compared:
    """The settings that have most repeats, and `value` of their trials on those repeats."""
    found = finished(trials)
    most = max(map(len, found.values()), default=0)
    repeats = next((sorted(each) for each in found.values() if len(each) == most), [])
    settings = [number for number, each in found.items() if set(repeats) <= set(each)]
    table = [[value(found[number][repeat]) for repeat in repeats] for number in settings]
    shape = (len(settings), len(repeats))
    return Compared(settings, repeats, np.array(table, np.float64).reshape(shape))


def importance(trials: Sequence[Trial], by: By = "best") -> dict[str, float]:
    """Parameter → share of the variance between trials that it explains by itself, highest first.

    ω² of a one-way analysis of variance (W. L. Hays, Statistics for Psychologists, 1963): what
    chance alone would explain is taken off, so a parameter without effect gets about 0. What the
    seeds do to all settings alike is taken out first. A parameter with many values is cut into
    quarters. Shares need not add up to 1: seeds and interplay have theirs. Optuna's own measures
    want a forest of scikit-learn's, or ask what sets the best tenth apart, which nine settings
    cannot answer.
    """
    compared = compare(trials, figure(by))
    if len(compared.settings) < 2:
        return {}
    values = compared.table - compared.table.mean(axis=0)
    found = finished(trials)
    first = [next(iter(found[number].values())).parameters for number in compared.settings]
    shares = {name: _explained(values, [each.get(name) for each in first]) for name in first[0]}
    known = {name: share for name, share in shares.items() if share is not None}
    return dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))


def _explained(values: Table, levels: list[Any]) -> float | None:
    """ω² of the groups that `levels`, one for each row, make; None where it cannot be had."""
    groups = _grouped(levels)
    total, within = values.size, 0.0
    for group in set(groups):
        part = values[[each == group for each in groups]]
        within += float(np.sum((part - part.mean()) ** 2))
    count = len(set(groups))
    if count < 2 or total <= count:
        return None
    everything = float(np.sum((values - values.mean()) ** 2))
    left = within / (total - count)
    if everything <= 0:
        return 0.0
    return max(0.0, (everything - within - (count - 1) * left) / (everything + left))


def _grouped(levels: list[Any]) -> list[int]:
    """For each level the number of its group: its own, or a quarter of a long list of numbers.

    A network counts by its number of hidden units.
    """
    sizes = [_units(each) for each in levels]
    numbers = all(isinstance(each, int | float) for each in sizes)
    if numbers and len(set(sizes)) > _FEW:
        ranks = np.argsort(np.argsort(np.array(sizes, np.float64), kind="stable"))
        return [int(each) * _GROUPS // len(levels) for each in ranks]
    known = [repr(each) for each in levels]
    return [known.index(each) for each in known]


def _units(level: Any) -> Any:
    is_network = isinstance(level, list) and all(isinstance(each, int) for each in level)
    return sum(level) if is_network else level


def _setting(
    number: int, trials: Mapping[int, Trial], by: By, tied: bool | None, problem: str
) -> Setting:
    """What a setting's finished trials, by repeat, say."""
    each = [trials[repeat] for repeat in sorted(trials)]
    values = [figure(by)(trial) for trial in each]
    mean = sum(values) / len(values)
    return Setting(
        setting=number,
        parameters=each[0].parameters,
        seeds=[trial.seed for trial in each],
        mean=mean,
        interval=_clipped(statistics.mean_interval(values)),
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        validation_error=statistics.binomial_error(mean, each[0].val_images),
        tied=tied,
        best_epoch_accuracy=sum(map(best_epoch_accuracy, each)) / len(each),
        last_epoch_accuracy=sum(map(last_epoch_accuracy, each)) / len(each),
        problem="" if tied is not None else problem,
    )


def _clipped(interval: Interval | None) -> Interval | None:
    """No accuracy is below 0 or above 1."""
    return None if interval is None else (max(0.0, interval[0]), min(1.0, interval[1]))


def _problem(trials: Sequence[Trial], number: int, wanted: int) -> str:
    """Why this setting has fewer finished trials than others, in words."""
    own = [trial for trial in trials if trial.setting == number]
    failed = [trial for trial in own if trial.state == "failed"]
    pruned = sum(trial.state == "pruned" for trial in own)
    missing = wanted - len(own)
    parts = []
    if failed:
        why = f" ({failed[0].problem})" if failed[0].problem else ""
        parts.append(f"{len(failed)} of {wanted} trials failed{why}")
    if pruned:
        parts.append(f"{pruned} of {wanted} trials pruned")
    if missing > 0:
        parts.append(f"{missing} of {wanted} trials not run yet")
    return "; ".join(parts)


def _winner(trials: Sequence[Trial], by: By) -> int | None:
    compared = compare(trials, figure(by))
    if not compared.settings:
        return None
    return compared.settings[int(np.argmax(compared.table.mean(axis=1)))]


def _is_repeated(compared: Compared) -> bool:
    return len(compared.settings) > 1 and len(compared.repeats) > 1


def _chance_range(compared: Compared, tied: list[bool]) -> float | None:
    if sum(tied) < 2 or len(compared.repeats) < 2:
        return None
    return statistics.chance_range(compared.table[np.array(tied)])
