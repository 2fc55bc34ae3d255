"""What a search says: a line for each trial, a bar, and the table at its end."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

from handstitch.cli import output
from handstitch.errors import DivergedError, printable
from handstitch.records import best_epoch

if TYPE_CHECKING:
    from handstitch.records import Trial
    from handstitch.search import Search


class SearchProgress:
    """Shows a search on stderr while it runs: `begin` and `trial` are told what happens."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.search: Search | None = None
        """As it stood when this call opened it; None until then."""
        self._best = 0.0
        self._bar = Progress(
            TextColumn("Trials"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            console=output.console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None, best="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, search: Search) -> None:
        """Say what there is to do."""
        self.search = search
        plan, done = search.plan, len(search.trials)
        if search.description.notice:
            output.loud(
                "NOT Fashion-MNIST",
                [
                    "This search learns from `sketch`, garments drawn by Handstitch itself.",
                    f"Why: {search.description.notice}",
                    "For the real data: handstitch data fetch fashion-mnist",
                    "or name a folder that has the files: handstitch search --data-dir FOLDER",
                ],
            )
        elif plan.config["dataset"] == "sketch":
            output.notice("searching on sketch, garments drawn by Handstitch: not Fashion-MNIST")
        if search.is_over:
            output.notice(f"{search.folder} is finished; there is nothing left to train")
            return
        candidates = f"{plan.candidates:,} setting" + ("" if plan.candidates == 1 else "s")
        seeds = "1 seed" if plan.seeds == 1 else f"{plan.seeds} seeds"
        trials = f"{plan.trials:,} trial" + ("" if plan.trials == 1 else "s")
        before = f"; {done:,} finished before" if done else ""
        output.notice(f"{trials}: {candidates} × {seeds}, in {search.folder}{before}")
        if plan.pruning != "none":
            output.notice("trials are ended early by what others reached: their order matters")
        self._best = max(map(_accuracy, search.trials), default=0.0)
        self._bar.update(self._task, completed=done, total=plan.trials)

    def trial(self, trial: Trial, finished: int, of: int) -> None:
        """Print a trial's line, which stays."""
        self._best = max(self._best, _accuracy(trial))
        best = f"best so far {self._best:.4f}" if self._best else ""
        self._bar.update(self._task, completed=finished, best=best)
        output.notice(f"[{finished}/{of}] {_line(trial)}")


def say_result(search: Search, json: bool) -> None:
    """Print what came out, setting by setting. Raises DivergedError if every trial failed."""
    from handstitch.config.messages import format_value

    rows = _rows(search)
    if json:
        states = Counter(trial.state for trial in search.trials)
        output.emit(
            {
                "search": str(search.folder),
                "kind": search.kind,
                "trials": search.plan.trials,
                "complete": states["complete"],
                "pruned": states["pruned"],
                "failed": states["failed"],
                "candidates": rows,
            }
        )
    else:
        names = list(search.parameters)
        table = output.table("candidate", *names, "trials", "Val Accuracy", "")
        highest = max((row["val_accuracy"] or 0.0 for row in rows), default=0.0)
        for row in rows:
            value = row["val_accuracy"]
            others = [f"{row[state]} {state}" for state in ("pruned", "failed") if row[state]]
            table.add_row(
                str(row["candidate"]),
                *(format_value(row["parameters"][name]) for name in names),
                ", ".join([str(row["complete"]), *others]),
                "–" if value is None else f"{value:.4f}",
                "highest" if value == highest else "",
            )
        output.show(table)
        drawn = ", drawn data" if search.plan.config["dataset"] == "sketch" else ""
        command = f"handstitch show {shlex.quote(str(search.folder))}"
        print(f"Val Accuracy: of the best epoch, mean over a setting's trials{drawn}")
        print(f"Search folder: {printable(search.folder)}")
        print(f"What can be told of it: {printable(command)}")
    if search.trials and all(trial.state == "failed" for trial in search.trials):
        first = search.trials[0]
        raise DivergedError(
            "every trial of this search failed",
            folder=search.folder,
            found=f"trial {first.number}: {first.problem}",
            wanted="at least one setting that can be trained",
            fix="search smaller learning rates, with a new --out",
        )


def _rows(search: Search) -> list[dict[str, Any]]:
    """One object for each setting: its parameters, trials by state, and mean best accuracy of
    those that are complete; None where none is.
    """
    groups: dict[int, list[Trial]] = {}
    for trial in search.trials:
        groups.setdefault(trial.candidate, []).append(trial)
    rows = []
    for candidate, trials in sorted(groups.items()):
        states = Counter(trial.state for trial in trials)
        values = [_accuracy(trial) for trial in trials if trial.state == "complete"]
        rows.append(
            {
                "candidate": candidate,
                "parameters": trials[0].parameters,
                "complete": states["complete"],
                "pruned": states["pruned"],
                "failed": states["failed"],
                "val_accuracy": fmean(values) if values else None,
            }
        )
    return rows


def _accuracy(trial: Trial) -> float:
    """Of its best epoch; 0 for a trial that was not trained to the end."""
    record = best_epoch(trial.history)
    return record.val_accuracy if record is not None and trial.state == "complete" else 0.0


def _line(trial: Trial) -> str:
    from handstitch.config.messages import format_value

    values = ", ".join(f"{name} {format_value(value)}" for name, value in trial.parameters.items())
    record = best_epoch(trial.history)
    figure = f"Val Accuracy: {record.val_accuracy:.4f} in epoch {record.epoch}" if record else ""
    if trial.state == "failed":
        figure = f"failed: {trial.problem}"
    elif trial.state == "pruned":
        figure += f", ended after {len(trial.history)}"
    named = f"{values}, seed {trial.seed}" if values else f"seed {trial.seed}"
    return f"Trial {trial.number}, {named}: {figure} ({trial.seconds:.1f} s)"
