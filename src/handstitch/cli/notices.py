"""What the library logs, printed on stderr as notices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from handstitch.cli import output
from handstitch.errors import Phrase, printable


class _NoticeHandler(logging.Handler):
    """Log handler: a record becomes a notice of its package."""

    def emit(self, record: logging.LogRecord) -> None:
        program, args = record.name.partition(".")[0], record.args
        if isinstance(args, tuple) and args and isinstance(args[0], Phrase):
            from handstitch.cli.error_messages import phrase_typed, wrapped

            # Broken between words: there is no command in it to be copied.
            text = wrapped(
                f"{program}: {printable(phrase_typed(args[0]))}", output.console(stderr=True).width
            )
            print(text, file=sys.stderr)
        else:
            output.notice(record.getMessage(), program)


@contextmanager
def log_notices(package: str = "handstitch") -> Iterator[None]:
    """A context in which what `package` logs, from level INFO on, is printed as notices."""
    logger, handler = logging.getLogger(package), _NoticeHandler()
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False  # or a handler of the calling program would print it again
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
