"""A ranking as a CSV table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from msgspec import to_builtins

from handstitch.config.messages import format_value
from handstitch.search.ranking import Ranking

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
"""Besides the searched parameters. Numbers are exact; what is unknown is empty."""


def candidates_csv(ranking: Ranking) -> str:
    """The candidates, best first, one line each with its parameters; lists joined by commas."""
    rows = to_builtins([*ranking.candidates, *ranking.failed_candidates])
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    text = io.StringIO()
    table = csv.DictWriter(
        text,
        [*COLUMNS[:2], *names, *COLUMNS[2:]],
        restval="",
        extrasaction="ignore",
        lineterminator="\n",
    )
    table.writeheader()
    for place, row in enumerate(rows, 1):
        row.update(row["parameters"])
        row["rank"] = place if row.get("indistinguishable") is not None else ""
        row["seeds"] = " ".join(map(str, row.get("seeds", ())))
        row["interval_low"], row["interval_high"] = row.get("interval") or ("", "")
        table.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text made safe; numbers as they are: csv writes them exactly, and None as nothing."""
    text = format_value(value) if isinstance(value, bool | list | tuple) else value
    # A spreadsheet takes a cell that starts like this for a formula.
    is_formula = isinstance(text, str) and text[:1] in set("=+-@\t\r")
    return f"'{text}" if is_formula else text
