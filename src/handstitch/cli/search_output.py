"""What a search says: a line for each trial, a bar, and the table at its end."""

from __future__ import annotations

import shlex
import sys
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

from handstitch.cli import console
from handstitch.errors import printable

if TYPE_CHECKING:
    from handstitch.records import EpochRecord, Trial
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
            console=console.console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None, best="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def begin(self, search: Search) -> None:
        """Say what there is to do."""
        self.search = search
        spec, done = search.spec, len(search.trials)
        if search.description.notice:
            _say_sketch(search.description.notice)
        elif spec.config["dataset"] == "sketch":
            console.notice("searching on sketch, garments drawn by Handstitch: not Fashion-MNIST")
        if search.is_over:
            console.notice(f"{search.folder} is finished; there is nothing left to train")
            return
        settings = f"{spec.settings:,} setting" + ("" if spec.settings == 1 else "s")
        seeds = "1 seed" if spec.seeds == 1 else f"{spec.seeds} seeds"
        trials = f"{spec.trials:,} trial" + ("" if spec.trials == 1 else "s")
        before = f"; {done:,} finished before" if done else ""
        console.notice(f"{trials}: {settings} × {seeds}, in {search.folder}{before}")
        if spec.pruning != "none":
            console.notice("trials are ended early by what others reached: their order matters")
        for trial in search.trials:
            self._note(trial)
        self._bar.update(self._task, completed=done, total=spec.trials)

    def trial(self, trial: Trial, finished: int, of: int) -> None:
        """Print a trial's line, which stays."""
        self._note(trial)
        best = f"best so far {self._best:.4f}" if self._best else ""
        self._bar.update(self._task, completed=finished, best=best)
        console.notice(f"[{finished}/{of}] {_line(trial)}")

    def _note(self, trial: Trial) -> None:
        record = best_record(trial)
        if record is not None and trial.state == "complete":
            self._best = max(self._best, record.val_accuracy)


def say_result(search: Search, json: bool) -> None:
    """Print what came out, setting by setting. Raises DivergedError if every trial failed."""
    from handstitch.search.space import typed

    rows = settings_of(search)
    if json:
        states = [trial.state for trial in search.trials]
        console.emit(
            {
                "search": str(search.folder),
                "kind": search.kind,
                "trials": search.spec.trials,
                **{state: states.count(state) for state in ("complete", "pruned", "failed")},
                "settings": rows,
            }
        )
    else:
        names = list(search.parameters)
        table = console.table("setting", *names, "trials", "Val Accuracy", "")
        known = [row["val_accuracy"] for row in rows if row["val_accuracy"] is not None]
        for row in rows:
            value = row["val_accuracy"]
            table.add_row(
                str(row["setting"]),
                *(typed(name, row["parameters"][name]) for name in names),
                _counted(row),
                "–" if value is None else f"{value:.4f}",
                "highest" if value is not None and value == max(known) else "",
            )
        console.show(table)
        drawn = ", drawn data" if search.spec.config["dataset"] == "sketch" else ""
        print(f"Val Accuracy: of the best epoch, mean over a setting's trials{drawn}")
        command = f"handstitch show {shlex.quote(str(search.folder))}"
        print(f"Search folder: {printable(search.folder)}")
        print(f"What can be told of it: {printable(command)}")
    _require_some(search)


def settings_of(search: Search) -> list[dict[str, Any]]:
    """One object for each setting: its parameters, trials by state, and mean best accuracy of
    those that are complete; None where none is.
    """
    rows: dict[int, list[Trial]] = {}
    for trial in search.trials:
        rows.setdefault(trial.setting, []).append(trial)
    found = []
    for setting, trials in sorted(rows.items()):
        complete = [each for each in trials if each.state == "complete"]
        best = [record.val_accuracy for each in complete if (record := best_record(each))]
        found.append(
            {
                "setting": setting,
                "parameters": trials[0].parameters,
                "complete": len(complete),
                "pruned": sum(each.state == "pruned" for each in trials),
                "failed": sum(each.state == "failed" for each in trials),
                "val_accuracy": fmean(best) if best else None,
            }
        )
    return found


def best_record(trial: Trial) -> EpochRecord | None:
    """A trial's best epoch; None if it finished none."""
    return next((each for each in reversed(trial.history) if each.is_best), None)


def _counted(row: dict[str, Any]) -> str:
    others = [f"{row[state]} {state}" for state in ("pruned", "failed") if row[state]]
    return ", ".join([str(row["complete"]), *others])


def _line(trial: Trial) -> str:
    from handstitch.search.space import typed

    values = ", ".join(f"{name} {typed(name, value)}" for name, value in trial.parameters.items())
    record = best_record(trial)
    figure = (
        f"Val Accuracy: {record.val_accuracy:.4f} in epoch {record.epoch}" if record else "no epoch"
    )
    if trial.state == "failed":
        figure = f"failed: {trial.problem}"
    elif trial.state == "pruned":
        figure += f", ended after {len(trial.history)}"
    named = f"{values}, seed {trial.seed}" if values else f"seed {trial.seed}"
    return f"Trial {trial.number}, {named}: {figure} ({trial.seconds:.1f} s)"


def _say_sketch(reason: str) -> None:
    console.loud(
        "NOT Fashion-MNIST",
        [
            "This search learns from `sketch`, garments drawn by Handstitch itself.",
            f"Why: {reason}",
            "For the real data: handstitch data fetch fashion-mnist",
            "or name a folder that has the files: handstitch search --data-dir FOLDER",
        ],
    )


def _require_some(search: Search) -> None:
    from handstitch.errors import DivergedError

    if search.trials and all(trial.state == "failed" for trial in search.trials):
        first = search.trials[0]
        raise DivergedError(
            "every trial of this search failed",
            folder=search.folder,
            found=f"trial {first.number}: {first.problem}",
            wanted="at least one setting that can be trained",
            fix="search smaller learning rates, with a new --out",
        )
