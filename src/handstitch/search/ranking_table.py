"""A ranking as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

from handstitch.search.ranking import Ranking

COLUMNS: Final = (
    "rank",
    "setting",
    "seeds",
    "mean",
    "interval_low",
    "interval_high",
    "deviation",
    "validation_error",
    "tied",
    "best_epoch_accuracy",
    "last_epoch_accuracy",
    "problem",
)
"""Beside the searched keys. Numbers are written exactly; what is not known is empty."""


def settings_csv(ranking: Ranking) -> str:
    """The settings, best first, one line each with its parameters; lists are joined by commas."""
    names = searched(ranking)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([COLUMNS[0], COLUMNS[1], *names, *COLUMNS[2:]])
    for number, each in enumerate(ranking.settings, 1):
        low, high = each.interval or (None, None)
        figures = (each.mean, low, high, each.deviation, each.validation_error)
        table.writerow([
            number if each.tied is not None else "",
            each.setting,
            *(_cell(each.parameters.get(name)) for name in names),
            " ".join(map(str, each.seeds)),
            *map(_cell, figures),
            _cell(each.tied),
            *map(_cell, (each.best_epoch_accuracy, each.last_epoch_accuracy)),
            _cell(each.problem),
        ])  # fmt: skip
    for lost in ranking.lost:
        cells = [_cell(lost.parameters.get(name)) for name in names]
        empty = [""] * (len(COLUMNS) - 3)
        table.writerow(["", lost.setting, *cells, *empty, _cell(lost.problem)])
    return text.getvalue()


def searched(ranking: Ranking) -> list[str]:
    """The searched keys, in the order in which they stand in the table."""
    every = [each.parameters for each in ranking.settings]
    every += [each.parameters for each in ranking.lost]
    return list(dict.fromkeys(name for parameters in every for name in parameters))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(map(_cell, value))
    if isinstance(value, str):
        # A spreadsheet takes a cell that begins so for a formula.
        return "'" + value if value[:1] in set("=+-@\t\r") else value
    return json.dumps(value)
