"""The command line: a thin shell. Each verb parses, calls the library and prints.

Verbs are named here as text and imported when they are used, so that `--help` stays quick.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cyclopts import App

from handstitch import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "train": ("handstitch.cli.train:train", "Train a network; its run folder holds the result."),
    "test": ("handstitch.cli.test:test", "Measure a trained network on the test set."),
    "predict": ("handstitch.cli.predict:predict", "Say what is on images of a data set."),
    "data": ("handstitch.cli.data:app", "Fetch a data set, or say what is in it."),
    "config": ("handstitch.cli.config:config", "Print every setting as TOML that can be fed back."),
    "doctor": ("handstitch.cli.doctor:doctor", "Say what this machine offers and what is found."),
    "gradcheck": (
        "handstitch.cli.gradcheck:gradcheck",
        "Hold back-propagation against an independent derivative.",
    ),
}

app = App(
    name="handstitch",
    help="A neural-network image classifier written out by hand in NumPy.",
    help_epilogue="Add --debug to any command to see where an error comes from.",
    version=__version__,
    result_action="return_value",
)
for _verb, (_place, _help) in VERBS.items():
    app.command(_place, name=_verb, help=_help)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:] if argv is None else list(argv)))


def run(argv: list[str]) -> int:
    """Run one command; its exit code (see `errors`). Nothing but a bug is raised, with --debug."""
    debug = "--debug" in argv
    words = [word for word in argv if word != "--debug"]
    try:
        code = app(words, exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return int(code or 0)
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain once more while closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 (the last resort: everything ends in a message)
        from handstitch.cli import failure

        return failure.report(error, words, debug)
