"""The command line: a thin shell. Each verb parses, calls the library and prints.

Verbs are named here as text and imported when they are used, so that `--help` stays quick.
"""

from __future__ import annotations

import os
import sys
from errno import EIO, ENOSPC
from inspect import cleandoc
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App, Group

from handstitch._version import __version__
from handstitch.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "train": ("handstitch.cli.train:train", "Train a network; its run folder holds the result."),
    "test": ("handstitch.cli.test:test", "Measure a trained network on the test set."),
    "search": ("handstitch.cli.search:search", "Train many settings and compare them."),
    "predict": ("handstitch.cli.predict:predict", "Say what is on images of a data set."),
    "show": ("handstitch.cli.show:app", "Show a run, a search, or the weights in a model file."),
    "report": ("handstitch.cli.report:report", "Make a run's page with its pictures."),
    "data": ("handstitch.cli.data:app", "Fetch a data set, or say what is in it."),
    "config": ("handstitch.cli.config:config", "Print every setting as TOML that can be fed back."),
    "doctor": ("handstitch.cli.doctor:doctor", "Show this machine's BLAS, backend, data and runs."),
    "gradcheck": (
        "handstitch.cli.gradcheck:gradcheck",
        "Check back-propagation against an independent derivative.",
    ),
    "bench": ("handstitch.cli.bench:bench", "Benchmark training and inference."),
}

app = App(
    name="handstitch",
    help="A neural-network image classifier written out by hand in NumPy.",
    help_epilogue="Add --debug to any command to see where an error comes from.",
    help_format="plaintext",  # the other formats take a fifth of the time allowed
    version=f"handstitch {__version__}",
    result_action="return_value",
    group_arguments=Group("Arguments", sort_key=0),
    group_parameters=Group("Flags", sort_key=1),
)
for _order, (_verb, (_place, _help)) in enumerate(VERBS.items()):
    app.command(_place, name=_verb, help=_help, sort_key=_order)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end)
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without a λ gets an escape for it
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:] if argv is None else list(argv)))


def run(argv: list[str]) -> int:
    """Run one command; its exit code (see `errors`). Every error ends in a message."""
    debug = "--debug" in argv
    words = [word for word in argv if word != "--debug"]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    try:
        return _run(words)
    except (BrokenPipeError, SystemExit) as error:
        # rich ends the program itself when a pipe is closed.
        if not any(isinstance(each, BrokenPipeError) for each in (error, error.__context__)):
            raise
        _to_nowhere()
        return 141
    except KeyboardInterrupt:
        return 130
    except Interrupted as error:
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (the last resort: everything ends in a message)
        from handstitch.cli import errors

        if isinstance(error, OSError) and error.errno in {ENOSPC, EIO}:
            _to_nowhere()  # if it was stdout that is full, Python would try once more at the end
        return errors.report(error, words, debug)


def _run(words: list[str]) -> int:
    verb = app[words[0]] if words and words[0] in VERBS else app
    listed = verb.help
    if verb.default_command is not None:
        # The verb's own page has all of its docstring, each paragraph as one line to be wrapped.
        paragraphs = cleandoc(verb.default_command.__doc__ or "").split("\n\n")
        verb.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    try:
        code = app(words, exit_on_error=False, print_error=False)
    finally:
        verb.help = listed
    sys.stdout.flush()
    return int(code or 0)


def _to_nowhere() -> None:
    """Send what is still to be written to stdout nowhere; it would fail again when it is closed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
