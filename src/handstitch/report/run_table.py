"""The table of many runs: a line for each, recipe by recipe, with the mean over its seeds."""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from handstitch.data.catalog import TITLES
from handstitch.evaluation import wilson_interval
from handstitch.report import inline_charts
from handstitch.report.charts import percent
from handstitch.report.collection import ListedRun, Mean, mean_over_seeds, recipes
from handstitch.report.inline_charts import Curve
from handstitch.report.languages import Words
from handstitch.runs.folder import PAGE
from handstitch.search.statistics import Interval

_PLAIN: Final = f"{string.ascii_letters}{string.digits}-._~/".encode()
"""Bytes that stand for themselves in an address (RFC 3986, section 2.3)."""
_OWN_COLUMNS: Final = {"seed", "dataset"}
"""Settings that have a column, or a heading, whether the runs differ in them or not."""


class Cell(NamedTuple):
    """A cell of the table."""

    text: str = ""
    notes: Sequence[str] = ()
    """Further lines."""
    value: str = ""
    """What it is sorted by, where that is not its text."""


class Line(NamedTuple):
    """A line of the table: of a run, or of a recipe over its seeds."""

    name: Cell
    link: str
    """Relative address of the run's page; empty where there is none."""
    validation: Cell
    test: Cell
    curves: list[Curve]
    alt: str
    """The curve in words."""
    others: list[Cell]
    """Those of the other columns."""


class Column(NamedTuple):
    """A column's head, and what is in it."""

    head: str
    kind: str
    """`name`, `accuracy`, `curve`, `number`, `text` or `setting`."""


class RunTable:
    """The table of these runs, to stand on a page in the folder `target`.

    Data set by data set, the recipe with the highest validation accuracy first, so its runs.
    """

    def __init__(self, runs: Sequence[ListedRun], words: Words, target: Path) -> None:
        self.runs, self.target = runs, target
        self.words, self.own = words, words.all_runs
        self.varied = _varied(runs)
        self.datasets = sorted({run.dataset for run in runs})
        self.contents = {
            name: {run.origin[0] for run in runs if run.dataset == name and run.origin}
            for name in self.datasets
        }
        """Data set → the digests of what bore this name."""
        self.names_data = max(len(self.datasets), *map(len, self.contents.values()), 0) > 1
        self.scales = {
            name: inline_charts.scale_of(run.history for run in runs if run.dataset == name)
            for name in self.datasets
        }
        self.groups = self._groups()

    @property
    def columns(self) -> list[Column]:
        """Those of a line, from left to right."""
        heads = self.own["columns"]
        return [
            Column(heads["name"], "name"),
            Column(heads["validation"], "accuracy"),
            Column(heads["test"], "accuracy"),
            Column(heads["curve"], "curve"),
            *([Column(heads["dataset"], "text")] if self.names_data else []),
            *(Column(heads[name], "number") for name in ("seed", "epochs", "seconds")),
            *(Column(name, "setting") for name in self.varied),
        ]

    def _groups(self) -> list[list[Line]]:
        found: list[tuple[str, float, list[Line]]] = []
        for group in recipes(self.runs):
            ordered = sorted(group, key=lambda run: (-(run.validated or 0), run.name))
            lines = list(map(self._line, ordered))
            mean = mean_over_seeds(group, lambda run: run.validated)
            best = mean.accuracy if mean else ordered[0].validated or 0
            if len(group) > 1:
                lines.insert(0, self._recipe(group, lines, mean))
            found.append((group[0].dataset, -best, lines))
        return [lines for _, _, lines in sorted(found, key=lambda each: each[:2])]

    def _line(self, run: ListedRun) -> Line:
        drawn = inline_charts.curve(run.history, run.config.epochs, self.scales[run.dataset])
        done, seconds = len(run.history), sum(record.seconds for record in run.history)
        unfinished = self.own["unfinished"].format(done=done, epochs=run.config.epochs)
        tests = [self.own["tests"].format(n=run.tests)] * (run.tests > 1)
        is_shared = len(self.contents[run.dataset]) > 1  # a name of several data sets
        digest = [run.origin[0][:8]] if run.origin and is_shared else []
        return Line(
            name=Cell(run.name, [unfinished] * (not run.is_finished)),
            link=address_of_page(run.folder, self.target),
            validation=_accuracy(run.validated, run.summary.val_images if run.summary else 0),
            test=_accuracy(run.test_accuracy, run.tested.n if run.tested else 0, tests),
            curves=[drawn] if drawn else [],
            alt=self._alt(run),
            others=[
                *([Cell(TITLES.get(run.dataset, run.dataset), digest)] if self.names_data else []),
                Cell(str(run.config.seed)),
                Cell(f"{done:,}", value=str(done)),
                Cell(f"{seconds:,.1f}", value=str(seconds)) if seconds else Cell(),
                *(Cell(run.settings[name]) for name in self.varied),
            ],
        )

    def _recipe(self, group: Sequence[ListedRun], lines: Sequence[Line], mean: Mean | None) -> Line:
        """The line over those of a recipe's runs: means, all curves, and what the runs share."""
        columns = zip(*(line.others for line in lines), strict=True)
        return Line(
            name=Cell(self.own["recipe"].format(runs=len(group))),
            link="",
            validation=self._mean(mean),
            test=self._mean(mean_over_seeds(group, lambda run: run.test_accuracy)),
            curves=[curve for line in lines for curve in line.curves],
            alt=self.own["recipe_alt"].format(runs=len(group)),
            others=[cells[0] if all(c == cells[0] for c in cells) else Cell() for cells in columns],
        )

    def _alt(self, run: ListedRun) -> str:
        values = [record.val_accuracy for record in run.history if record.val_accuracy is not None]
        if not values:
            return ""
        first, last, best = map(percent, (values[0], values[-1], max(values)))
        return str(self.own["curve_alt"].format(first=first, last=last, best=best))

    def _mean(self, mean: Mean | None) -> Cell:
        if mean is None:
            return Cell()
        notes = [interval_text(mean.interval)] if mean.interval else []
        notes.append(self.own["seeds"].format(n=mean.seeds))
        return Cell(percent(mean.accuracy), notes, f"{mean.accuracy:.6f}")


def address_of_page(folder: Path, target: Path) -> str:
    """The relative address, from the folder `target`, of the page of the run or search in `folder`;
    empty where there is none. Nothing in it is taken for a scheme.
    """
    page = folder / PAGE
    if not page.is_file():
        return ""
    path = Path(os.path.relpath(page.absolute(), target.absolute())).as_posix()
    return "".join(chr(x) if x in _PLAIN else f"%{x:02X}" for x in os.fsencode(path))


def interval_text(interval: Interval) -> str:
    """An interval in percent, to stand below a percentage."""
    return " – ".join(f"{100 * end:.2f}" for end in interval)


def _varied(runs: Sequence[ListedRun]) -> list[str]:
    """The settings in which the runs differ."""
    known: dict[str, set[str]] = {}
    for run in runs:
        for name, value in run.settings.items():
            known.setdefault(name, set()).add(value)
    return [name for name, each in known.items() if len(each) > 1 and name not in _OWN_COLUMNS]


def _accuracy(accuracy: float | None, n: int, notes: Sequence[str] = ()) -> Cell:
    """An accuracy with the Wilson interval of `n` images, where that number is known."""
    if accuracy is None:
        return Cell()
    interval = [interval_text(wilson_interval(round(accuracy * n), n))] if n else []
    return Cell(percent(accuracy), [*interval, *notes], f"{accuracy:.6f}")
