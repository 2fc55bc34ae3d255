"""A ranking as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from handstitch.config.messages import format_value
from handstitch.search.ranking import Candidate, FailedCandidate, Ranking

COLUMNS: Final = (
    "rank",
    "candidate",
    "seeds",
    "mean",
    "interval_low",
    "interval_high",
    "deviation",
    "validation_error",
    "indistinguishable",
    "best_epoch_accuracy",
    "last_epoch_accuracy",
    "problem",
)
"""Beside the searched keys. Numbers are written exactly; what is not known is empty."""


def candidates_csv(ranking: Ranking) -> str:
    """The candidates, best first, one line each with its parameters; lists joined by commas."""
    names = searched(ranking)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*COLUMNS[:2], *names, *COLUMNS[2:]])
    for number, each in enumerate(ranking.candidates, 1):
        cells = [
            number if each.indistinguishable is not None else "",
            each.number,
            *(each.parameters.get(name) for name in names),
            " ".join(map(str, each.seeds)),
            each.mean,
            *(each.interval or ("", "")),
            each.deviation,
            each.validation_error,
            each.indistinguishable,
            each.best_epoch_accuracy,
            each.last_epoch_accuracy,
            each.problem,
        ]
        table.writerow(map(_cell, cells))
    for failed in ranking.failed_candidates:
        values = [failed.parameters.get(name) for name in names]
        empty = [""] * (len(COLUMNS) - 3)
        table.writerow(map(_cell, ["", failed.number, *values, *empty, failed.problem]))
    return text.getvalue()


def searched(ranking: Ranking) -> list[str]:
    """The searched keys, in the order in which they stand in the table."""
    every: list[Candidate | FailedCandidate] = [*ranking.candidates, *ranking.failed_candidates]
    return list(dict.fromkeys(name for each in every for name in each.parameters))


def _cell(value: Any) -> Any:
    """Words made safe; numbers as they are: csv writes them exactly, and None as nothing."""
    text = format_value(value) if isinstance(value, bool | list | tuple) else value
    # A spreadsheet takes a cell that begins so for a formula.
    is_formula = isinstance(text, str) and text[:1] in set("=+-@\t\r")
    return f"'{text}" if is_formula else text
