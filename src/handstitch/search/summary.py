"""A ranking in sentences, which say how far to trust it, and as a CSV table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from msgspec import to_builtins

from handstitch.config.messages import format_value
from handstitch.config.precedence import format_flag
from handstitch.errors import printable
from handstitch.search.ranking import Candidate, Ranking


def sentences(ranking: Ranking) -> list[str]:
    """What a reader should know before using the winner, most important first."""
    if ranking.winner is None:
        return ["No trial is complete, so there is nothing to compare."]
    lines = [_winner(ranking), _criteria(ranking), _selection_bias(ranking)]
    if ranking.by == "best" and ranking.selection_bias is not None:
        lines.append(
            "Each trial's best epoch is a maximum, too: over its epochs, on the same validation "
            "images. Only the test set is free of both biases."
        )
    error = points(ranking.candidates[0].validation_error)
    lines.append(
        f"On this many validation images one trial's accuracy has a standard error of {error}."
    )
    missing = len(ranking.failed_candidates)
    missing += sum(candidate.indistinguishable is None for candidate in ranking.candidates)
    if missing:
        subject = "1 candidate lacks" if missing == 1 else f"{missing} candidates lack"
        lines.append(
            f"{subject} finished trials and cannot be compared: a mean over fewer seeds is not "
            "comparable."
        )
    if ranking.pruned:
        lines.append(
            "Trials were pruned: candidates were dropped after their first epochs, depending on "
            "the order in which trials ran. The statements above do not cover them."
        )
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


def points(fraction: float) -> str:
    """A difference of accuracies in percentage points."""
    return f"{100 * fraction:.2f} points"


def _winner(ranking: Ranking) -> str:
    name = as_flags(ranking.candidates[0].parameters)
    compared = sum(candidate.indistinguishable is not None for candidate in ranking.candidates)
    if compared == 1:
        return "Only one candidate has all its trials: there is nothing to compare it with."
    if ranking.repeats < 2:
        return (
            f"Highest: {name}. With one seed for each candidate the variation from seed to seed "
            "is unknown: inconclusive, all are indistinguishable. Search with 5 seeds."
        )
    if ranking.critical_difference is None:
        return (
            f"Best: {name}. Over {ranking.repeats} seeds every other candidate is significantly "
            "lower (5 % level, all compared at once)."
        )
    others, all_others = len(ranking.indistinguishable) - 1, compared - 1
    which = f"{others} of the {all_others} others"
    if others == all_others:
        which = "the only other candidate" if others == 1 else f"all {others} others"
    difference = ranking.critical_difference
    significant = (
        "no difference would be significant"
        if difference >= 1
        else f"only a difference of {points(difference)} or more is significant"
    )
    return (
        f"Highest: {name}. Over {ranking.repeats} seeds it is indistinguishable from {which}: "
        f"{significant} (5 % level, all compared at once). More seeds detect smaller differences."
    )


def _criteria(ranking: Ranking) -> str:
    by_best, by_last = ranking.winner_by_best_epoch, ranking.winner_by_last_epoch
    if by_best == by_last:
        return "The same candidate is highest by best epoch and by last epoch."
    names: dict[int | None, str] = {
        candidate.number: as_flags(candidate.parameters) for candidate in ranking.candidates
    }
    return f"By best epoch {names[by_best]} is highest, by last epoch {names[by_last]}."


def _selection_bias(ranking: Ranking) -> str:
    if ranking.unbiased_score is None or ranking.selection_bias is None:
        return (
            "The highest of several noisy accuracies is an optimistic estimate; by how much is "
            "unknown with one seed."
        )
    bias = (
        f"about {points(ranking.selection_bias)} of the mean are selection bias."
        if ranking.selection_bias > 0
        else "no selection bias is visible here."
    )
    return (
        f"The winner's {ranking.candidates[0].mean:.4f} is the highest of several noisy means, an "
        "optimistic estimate. Chosen on all seeds but one and scored on that one, the choice gets "
        f"{ranking.unbiased_score:.4f} on average: {bias}"
    )


def _cell(value: Any) -> Any:
    """Text made safe; numbers as they are: csv writes them exactly, and None as nothing."""
    text = format_value(value) if isinstance(value, bool | list | tuple) else value
    # A spreadsheet takes a cell that starts like this for a formula.
    is_formula = isinstance(text, str) and text[:1] in set("=+-@\t\r")
    return f"'{text}" if is_formula else text
