"""The command line: each verb parses its flags, calls the library and prints.

Verbs are imported lazily, so that `--help` is fast.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from errno import EIO, ENOSPC
from inspect import cleandoc
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

from cyclopts import App, Group

from handstitch._version import __version__
from handstitch.cli.notices import log_notices
from handstitch.errors import Interrupted

VERBS = {
    "train": ("handstitch.cli.train:train", "Train a network; its run folder holds the result."),
    "test": ("handstitch.cli.test:test", "Evaluate a trained network on the test set."),
    "search": ("handstitch.cli.search:search", "Search hyper-parameters and rank the candidates."),
    "predict": ("handstitch.cli.predict:predict", "Classify pictures, or images of a data set."),
    "show": ("handstitch.cli.show:app", "Show a run, a search, or the weights in a model file."),
    "report": ("handstitch.cli.report:report", "Make the page of a run."),
    "compare": (
        "handstitch.cli.compare:compare",
        "Compare networks, image by image and seed by seed.",
    ),
    "export": (
        "handstitch.cli.export:export",
        "Write a trained network into files of other programs.",
    ),
    "data": ("handstitch.cli.data:app", "Download, describe or examine a data set."),
    "config": ("handstitch.cli.config:config", "Print all settings as a TOML config file."),
    "doctor": ("handstitch.cli.doctor:doctor", "Describe this machine and what is installed."),
    "gradcheck": (
        "handstitch.cli.gradcheck:gradcheck",
        "Check back-propagation against complex-step derivatives.",
    ),
    "bench": ("handstitch.cli.bench:bench", "Benchmark training and inference."),
}

_YOUNG: Final = 100_000
"""New objects until Python looks for cycles among them: imports make many, and no garbage."""

app = App(
    name="handstitch",
    help="A neural-network image classifier written out by hand in NumPy.",
    help_epilogue="Add --debug to any command for the traceback of an error.",
    help_format="plaintext",  # other formats are slower
    version=f"handstitch {__version__}",
    result_action="return_value",
    group_arguments=Group("Arguments", sort_key=0),
    group_parameters=Group("Flags", sort_key=1),
)
for _order, (_verb, (_place, _help)) in enumerate(VERBS.items()):
    app.command(_place, name=_verb, help=_help, sort_key=_order)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    gc.set_threshold(_YOUNG)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the parent process
            devnull = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (stays open)
            setattr(sys, name, devnull)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # λ as an escape where the terminal has none
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:] if argv is None else list(argv))
    gc.freeze()  # at exit nothing is taken apart piece by piece: numba's pieces take 0.2 s
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run one command; its exit code (see `errors`). Every error becomes a message."""
    debug = "--debug" in argv
    words = [word for word in argv if word != "--debug"]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    try:
        with log_notices():
            return _run(words)
    except (BrokenPipeError, SystemExit) as error:
        # rich exits by itself when a pipe is closed.
        if not any(isinstance(cause, BrokenPipeError) for cause in (error, error.__context__)):
            raise
        _discard(sys.stdout)
        return 141
    except KeyboardInterrupt:
        return 130
    except Interrupted as error:
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (every error becomes a message)
        from handstitch.cli import error_messages

        if isinstance(error, OSError) and error.errno in {ENOSPC, EIO}:
            _discard(sys.stdout)  # if stdout is full, Python would retry at exit
        try:
            return error_messages.print_error(error, words, debug)
        except OSError:  # stderr is full or closed
            _discard(sys.stderr)
            return error_messages.translate(error, words).exit_code


def _run(words: list[str]) -> int:
    verb = app[words[0]] if words and words[0] in VERBS else app
    listed = verb.help
    if verb.default_command is not None:
        # The verb's own page is its whole docstring, each paragraph one line for wrapping.
        paragraphs = cleandoc(verb.default_command.__doc__ or "").split("\n\n")
        verb.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    try:
        code = app(words, exit_on_error=False, print_error=False)
    finally:
        verb.help = listed
    sys.stdout.flush()
    return int(code or 0)


def _discard(stream: TextIO) -> None:
    """Discard the rest of a stream; flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
