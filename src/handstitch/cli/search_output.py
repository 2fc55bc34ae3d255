"""Output of a search: a line for each trial, a progress bar, and the table at its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from handstitch.cli import output
from handstitch.config.messages import format_value, plural
from handstitch.errors import DivergedError, printable, shell_word
from handstitch.records import Trial, best_epoch
from handstitch.search import Search
from handstitch.search.summary import as_flags


class SearchProgress:
    """Progress of a search on stderr, while `bar` is entered; `begin` and `trial` are callbacks."""

    def __init__(self) -> None:
        self.search: Search | None = None
        """As it was when this call opened it; None until then."""
        self._best = 0.0
        self.bar = Progress(
            TextColumn("Trials"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            console=output.console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self.bar.add_task("", total=None, best="")

    def begin(self, search: Search) -> None:
        """Print what is to be trained."""
        self.search = search
        plan, done = search.plan, len(search.trials)
        if plan.config["dataset"] == "sketch":
            output.say_sketch("search", search.description.notice)
        if search.is_over:
            output.notice(f"{search.folder} is finished; there is nothing left to train")
            return
        size = f"{plural(plan.candidates, 'candidate')} × {plural(plan.seeds, 'seed')}"
        before = f"; {done:,} finished before" if done else ""
        output.notice(f"{plural(plan.trials, 'trial')}: {size}, in {search.folder}{before}")
        if plan.pruning != "none":
            output.notice("pruning compares trials with earlier ones: the order of trials matters")
        self._best = max(map(_accuracy, search.trials), default=0.0)
        self.bar.update(self._task, completed=done, total=plan.trials)

    def trial(self, trial: Trial, finished: int, of: int) -> None:
        """Print a trial's line, which stays."""
        self._best = max(self._best, _accuracy(trial))
        best = f"best so far {self._best:.4f}" if self._best else ""
        self.bar.update(self._task, completed=finished, best=best)
        output.notice(f"[{finished}/{of}] {_line(trial)}")


def say_result(search: Search, json: bool) -> None:
    """Print the results by candidate. Raises DivergedError if every trial failed."""
    rows = _rows(search)
    if json:
        output.print_json(
            {
                "search": str(search.folder),
                "kind": search.plan.kind,
                "trials": search.plan.trials,
                **_counts(search.trials),
                "candidates": rows,
            }
        )
    else:
        highest = max((row["val_accuracy"] or 0.0 for row in rows), default=0.0)
        lines = [
            (
                str(row["candidate"]),
                row["parameters"],
                ", ".join(
                    [
                        str(row["complete"]),
                        *(f"{row[s]} {s}" for s in ("pruned", "failed") if row[s]),
                    ]
                ),
                "–" if row["val_accuracy"] is None else f"{row['val_accuracy']:.4f}",
                "highest" if row["val_accuracy"] == highest else "",
            )
            for row in rows
        ]
        output.show(candidate_table(("candi-\ndate", "trials", "Val\nAccuracy", ""), lines))
        drawn = ", drawn data" if search.plan.config["dataset"] == "sketch" else ""
        print(f"Val Accuracy: of the best epoch, mean over a candidate's trials{drawn}")
        print(f"Search folder: {printable(search.folder)}")
        print(f"Ranking and figures: handstitch show {shell_word(search.folder)}")
    if search.trials and all(trial.state == "failed" for trial in search.trials):
        first = search.trials[0]
        raise DivergedError(
            "every trial of this search failed",
            file=search.folder,
            found=f"trial {first.number}: {first.problem}",
            wanted="at least one candidate that can be trained",
            fix="search smaller learning rates, with a new --out",
        )


def candidate_table(
    heads: Sequence[str], lines: Sequence[tuple[str, dict[str, Any], *tuple[str, ...]]]
) -> Table:
    """A line for each candidate: its label, parameters and figures.

    Every parameter has a column; where the terminal is too narrow for that, all share the last.
    """
    names = list(dict.fromkeys(name for _, parameters, *_ in lines for name in parameters))
    wide = output.table(
        (heads[0], *(name.replace("_", "\n") for name in names), *heads[1:]),
        (
            (label, *(format_value(values.get(name)) for name in names), *cells)
            for label, values, *cells in lines
        ),
    )
    narrow = output.table(
        (*heads, "parameters"),
        ((label, *cells, as_flags(values)) for label, values, *cells in lines),
    )
    narrow.columns[-1].justify = "left"
    console = output.console()
    width = Measurement.get(console, console.options.update_width(10_000), wide).maximum
    return wide if width <= console.width else narrow


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    """State → number of trials."""
    states = ("complete", "pruned", "failed")
    return {state: sum(trial.state == state for trial in trials) for state in states}


def _rows(search: Search) -> list[dict[str, Any]]:
    """For each candidate its parameters, trials by state, and mean best accuracy of the complete
    ones; None if there are none.
    """
    rows = []
    for candidate, group in groupby(search.trials, lambda trial: trial.candidate):
        trials = list(group)
        values = [_accuracy(trial) for trial in trials if trial.state == "complete"]
        rows.append(
            {
                "candidate": candidate,
                "parameters": trials[0].parameters,
                **_counts(trials),
                "val_accuracy": fmean(values) if values else None,
            }
        )
    return rows


def _accuracy(trial: Trial) -> float:
    """Validation accuracy of the best epoch; 0 for a trial that is not complete."""
    record = best_epoch(trial.history)
    return record.val_accuracy if record is not None and trial.state == "complete" else 0.0


def _line(trial: Trial) -> str:
    values = [f"{name} {format_value(value)}" for name, value in trial.parameters.items()]
    record = best_epoch(trial.history)
    figure = f"Val Accuracy: {record.val_accuracy:.4f} in epoch {record.epoch}" if record else ""
    if trial.state == "failed":
        figure = f"failed: {trial.problem}"
    elif trial.state == "pruned":
        figure += f", pruned after {len(trial.history)}"
    named = ", ".join([*values, f"seed {trial.seed}"])
    return f"Trial {trial.number}, {named}: {figure} ({trial.seconds:.1f} s)"
