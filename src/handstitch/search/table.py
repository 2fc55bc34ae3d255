"""A ranking as a CSV table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from msgspec import to_builtins

from handstitch.config.messages import format_value
from handstitch.search.ranking import Candidate, Ranking


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


def _cell(value: Any) -> Any:
    """Text made safe; numbers as they are: csv writes them exactly, and None as nothing."""
    text = format_value(value) if isinstance(value, bool | list | tuple) else value
    # A spreadsheet takes a cell that starts like this for a formula.
    is_formula = isinstance(text, str) and text[:1] in set("=+-@\t\r")
    return f"'{text}" if is_formula else text
