"""Progress bars: of a run, and of anything that takes a second; on stderr, in terminals only."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from threading import Timer
from typing import TYPE_CHECKING, Final

from handstitch.cli.output import console, painted

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

    from handstitch.records import EpochRecord
    from handstitch.runs import Run
    from handstitch.training import State

AFTER: Final = 1.0
"""Seconds from which on something that is waited for shows a sign of life."""
EVERY = 16
"""Steps between updates of the bar, which is redrawn four times a second at most."""
WIDE = 100
"""Columns of a terminal with room for learning rate and seconds."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[str, float], None]]:
    """A bar that moves while something takes over a second; nothing where stderr is no terminal.

    What it gives may be told what is done now, and which part of that.
    """
    if not sys.stderr.isatty():
        yield lambda _what, _part: None
        return
    from rich.progress import TextColumn, TimeElapsedColumn  # which take their time

    shown = bar(TimeElapsedColumn(), TextColumn("{task.fields[part]}"))
    task = shown.add_task(what, total=None, part="")

    def tell(what: str, part: float) -> None:
        shown.update(task, description=what, total=1.0, completed=part, part=f"{part:.0%}")

    timer = Timer(AFTER, shown.start)
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        timer.join()
        shown.stop()


def bar(*columns: ProgressColumn) -> Bar:
    """A bar on stderr: what is done, how far, and these columns; disabled without a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        *columns,
        console=console(stderr=True),
        refresh_per_second=4,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        disable=not sys.stderr.isatty(),
    )


class RunProgress:
    """Progress of a run on stderr, while `bar` is entered; `after_step` and `epoch` update it.

    Without a terminal there is no bar.
    """

    def __init__(self, run: Run, *, quiet: bool = False) -> None:
        self._run, self._quiet, self._steps = run, quiet, len(run.trainer.batches)
        self.bar: Bar | None = None
        if not sys.stderr.isatty():
            return
        from rich.progress import TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.bar = bar(
            TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.fields[live]}")
        )
        self._task = self.bar.add_task("", total=run.config.epochs * self._steps, live="")

    def after_step(self, state: State) -> None:
        """Update the bar, every few steps."""
        if self.bar is None or state.batch % EVERY:
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
        from handstitch.runs.history import epoch_line

        text = epoch_line(record)
        if self.bar is not None:
            self.bar.update(self._task, completed=record.epoch * self._steps)
        # With --json, stdout is for the one object. The streams are looked up here, as rich
        # replaces them while the bar is shown.
        stream = sys.stderr if self._quiet else sys.stdout
        if record.is_best:
            text = re.sub("best$", lambda word: painted(word[0], "best", stderr=self._quiet), text)
        if stream.isatty() and get_terminal_size().columns >= WIDE:
            text += f" (rate {record.learning_rate:.3g}, {record.seconds:.2f} s)"
        print(text, file=stream, flush=True)
