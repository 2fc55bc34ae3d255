"""A ranking in sentences, which say how far to trust it, and as a CSV table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from msgspec import to_builtins

from handstitch.config.messages import format_value
from handstitch.config.precedence import format_flag
from handstitch.errors import printable
from handstitch.search.ranking import Candidate, Ranking

SENTENCES: Final[dict[str, str]] = {
    "nothing": "No trial is complete, so there is nothing to compare.",
    "alone": "Only one candidate has all its trials: there is nothing to compare it with.",
    "one seed": "Highest: {name}. With one seed for each candidate the variation from seed to seed "
    "is unknown: inconclusive, all are indistinguishable. Search with 5 seeds.",
    "best": "Best: {name}. Over {repeats} seeds every other candidate is significantly lower (5 % "
    "level, all compared at once).",
    "tied": "Highest: {name}. Over {repeats} seeds it is indistinguishable from {which}: "
    "{significant} (5 % level, all compared at once). More seeds detect smaller differences.",
    "some": "{others} of the {all_others} others",
    "all": "all {others} others",
    "only other": "the only other candidate",
    "no difference": "no difference would be significant",
    "difference": "only a difference of {difference} or more is significant",
    "same": "The same candidate is highest by best epoch and by last epoch.",
    "not same": "By best epoch {best} is highest, by last epoch {last}.",
    "optimism unknown": "The highest of several noisy accuracies is an optimistic estimate; by how "
    "much is unknown with one seed.",
    "optimism": "The winner's {mean:.4f} is the highest of several noisy means, an optimistic "
    "estimate. Chosen on all seeds but one and scored on that one, the choice gets {score:.4f} on "
    "average: {bias}",
    "bias": "about {bias} of the mean are selection bias.",
    "no bias": "no selection bias is visible here.",
    "best epoch": "Each trial's best epoch is a maximum, too: over its epochs, on the same "
    "validation images. Only the test set is free of both biases.",
    "error": "On this many validation images one trial's accuracy has a standard error of {error}.",
    "one missing": "1 candidate lacks finished trials and cannot be compared: a mean over fewer "
    "seeds is not comparable.",
    "missing": "{missing} candidates lack finished trials and cannot be compared: a mean over "
    "fewer seeds is not comparable.",
    "pruned": "Trials were pruned: candidates were dropped after their first epochs, depending on "
    "the order in which trials ran. The statements above do not cover them.",
    "points": "{points:.2f} points",
}
"""What may be said of a ranking; a language's own table has the same keys."""


def sentences(ranking: Ranking, said: Mapping[str, str] = SENTENCES) -> list[str]:
    """What a reader should know before using the winner, most important first."""
    if ranking.winner is None:
        return [said["nothing"]]
    lines = [_winner(ranking, said), _criteria(ranking, said), _selection_bias(ranking, said)]
    if ranking.by == "best" and ranking.selection_bias is not None:
        lines.append(said["best epoch"])
    error = _points(ranking.candidates[0].validation_error, said)
    lines.append(said["error"].format(error=error))
    missing = len(ranking.failed_candidates)
    missing += sum(candidate.indistinguishable is None for candidate in ranking.candidates)
    if missing:
        lines.append(said["one missing" if missing == 1 else "missing"].format(missing=missing))
    if ranking.pruned:
        lines.append(said["pruned"])
    return lines


def candidates_csv(ranking: Ranking) -> str:
    """The candidates, best first, one line each: its rank and the fields of `Candidate`.

    Each parameter has a column; lists are joined by commas. Numbers are exact; what is unknown is
    empty.
    """
    rows = to_builtins([*ranking.candidates, *ranking.failed_candidates])
    several = {
        "parameters": dict.fromkeys(name for row in rows for name in row["parameters"]),
        "interval": ("interval_low", "interval_high"),
    }
    fields = Candidate.__struct_encode_fields__
    columns = ["rank", *(name for field in fields for name in several.get(field, (field,)))]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for place, row in enumerate(rows, 1):
        row.update(row["parameters"])
        row["rank"] = place if row.get("indistinguishable") is not None else ""
        row["seeds"] = " ".join(map(str, row.get("seeds", ())))
        row["interval_low"], row["interval_high"] = row.get("interval") or ("", "")
        table.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def as_flags(parameters: dict[str, Any]) -> str:
    """A candidate as flags: --learning-rate 0.001 --weight-decay 0."""
    flags = printable(" ".join(format_flag(name, value) for name, value in parameters.items()))
    return flags or "the only candidate"


def _points(fraction: float, said: Mapping[str, str]) -> str:
    """A difference of accuracies in percentage points."""
    return said["points"].format(points=100 * fraction)


def _winner(ranking: Ranking, said: Mapping[str, str]) -> str:
    name = as_flags(ranking.candidates[0].parameters)
    compared = sum(candidate.indistinguishable is not None for candidate in ranking.candidates)
    if compared == 1:
        return said["alone"]
    if ranking.repeats < 2:
        return said["one seed"].format(name=name)
    if ranking.critical_difference is None:
        return said["best"].format(name=name, repeats=ranking.repeats)
    others, all_others = len(ranking.indistinguishable) - 1, compared - 1
    which = "some" if others < all_others else "only other" if others == 1 else "all"
    difference = ranking.critical_difference
    return said["tied"].format(
        name=name,
        repeats=ranking.repeats,
        which=said[which].format(others=others, all_others=all_others),
        significant=said["no difference" if difference >= 1 else "difference"].format(
            difference=_points(difference, said)
        ),
    )


def _criteria(ranking: Ranking, said: Mapping[str, str]) -> str:
    by_best, by_last = ranking.winner_by_best_epoch, ranking.winner_by_last_epoch
    if by_best == by_last:
        return said["same"]
    names: dict[int | None, str] = {
        candidate.number: as_flags(candidate.parameters) for candidate in ranking.candidates
    }
    return said["not same"].format(best=names[by_best], last=names[by_last])


def _selection_bias(ranking: Ranking, said: Mapping[str, str]) -> str:
    score, bias = ranking.unbiased_score, ranking.selection_bias
    if score is None or bias is None:
        return said["optimism unknown"]
    return said["optimism"].format(
        mean=ranking.candidates[0].mean,
        score=score,
        bias=said["bias" if bias > 0 else "no bias"].format(bias=_points(bias, said)),
    )


def _cell(value: Any) -> Any:
    """Text made safe; numbers as they are: csv writes them exactly, and None as nothing."""
    text = format_value(value) if isinstance(value, bool | list | tuple) else value
    # A spreadsheet takes a cell that starts like this for a formula.
    is_formula = isinstance(text, str) and text[:1] in set("=+-@\t\r")
    return f"'{text}" if is_formula else text
