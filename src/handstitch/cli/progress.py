"""Progress bar of a run: position, images per second, loss; on stderr, in terminals only."""

from __future__ import annotations

import sys
from shutil import get_terminal_size

from rich.progress import (
    BarColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from handstitch.cli.output import console
from handstitch.records import EpochRecord
from handstitch.runs import Run
from handstitch.runs.history import epoch_line
from handstitch.training import State

EVERY = 16
"""Steps between updates of the bar, which is redrawn four times a second at most."""
WIDE = 100
"""Columns of a terminal with room for learning rate and seconds."""


class Progress:
    """Progress of a run on stderr, while `bar` is entered; `after_step` and `epoch` update it."""

    def __init__(self, run: Run, *, quiet: bool = False) -> None:
        self._run, self._quiet, self._steps = run, quiet, len(run.trainer.batches)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[live]}"),
            console=console(stderr=True),
            refresh_per_second=4,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self.bar.add_task("", total=run.config.epochs * self._steps, live="")

    def after_step(self, state: State) -> None:
        """Update the bar, every few steps."""
        if self.bar.disable or state.batch % EVERY:
            return
        loss = state.loss / state.samples / self._run.trainer.batches.mean_weight
        rate = state.samples / state.train_seconds if state.train_seconds else 0.0
        self.bar.update(
            self._task,
            completed=state.epoch * self._steps + state.batch,
            description=f"Epoch {state.epoch + 1}/{self._run.config.epochs}",
            live=f"{rate:,.0f} images/s  loss {loss:.4f}"
            f"  accuracy {state.correct / state.samples:.4f}",
        )

    def epoch(self, record: EpochRecord) -> None:
        """Print the epoch's permanent line; with learning rate and seconds on a wide terminal."""
        text = epoch_line(record)
        self.bar.update(self._task, completed=record.epoch * self._steps)
        # With --json, stdout is for the one object. The streams are looked up here, as rich
        # replaces them while the bar is shown.
        stream = sys.stderr if self._quiet else sys.stdout
        if stream.isatty() and get_terminal_size().columns >= WIDE:
            text += f" (rate {record.learning_rate:.3g}, {record.seconds:.2f} s)"
        print(text, file=stream, flush=True)
