"""Ctrl-C and SIGTERM: the first stops a run after its current step, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from handstitch.cli import output


class Stoppable(Protocol):
    """A run or search that stops on request."""

    stop_asked: int


@contextmanager
def stopping(run: Stoppable, when: str = "after this step") -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM sets `run.stop_asked`; the second ends the process.

    Files are written atomically, so ending at any instruction loses only the steps since the
    last save.
    """

    def ask(number: int, _frame: Any) -> None:
        if run.stop_asked:
            os._exit(128 + number)
        run.stop_asked = number
        output.notice(f"stopping {when}; press Ctrl-C again to quit immediately")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
