"""How a command fails: six lines at most, the right exit code, no traceback."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from cyclopts import CycloptsError, UnknownCommandError, UnknownOptionError

from handstitch.config import nearest
from handstitch.errors import HandstitchError, MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def report(error: Exception, words: Sequence[str], debug: bool) -> int:
    """Print the error on stderr; the exit code."""
    if debug:
        traceback.print_exception(error)
    told = translated(error, words)
    if told is None:
        print(_bug(error), file=sys.stderr)
        return 1
    print(f"handstitch: error: {told}", file=sys.stderr)
    return told.exit_code


def translated(error: Exception, words: Sequence[str]) -> HandstitchError | None:
    """The error in our own words; None if it is a bug."""
    if isinstance(error, HandstitchError):
        return error
    if isinstance(error, CycloptsError):
        return _usage(error, words)
    if isinstance(error, MemoryError):
        return MachineError(
            "there is not enough memory",
            found=str(error) or "the system gave none",
            wanted="memory for the network and one batch",
            fix="a narrower network (--hidden) or a smaller --batch-size",
        )
    return None


def _usage(error: CycloptsError, words: Sequence[str]) -> UsageError:
    from handstitch.cli import VERBS

    typed = " ".join(["handstitch", *words])
    chain = getattr(error, "command_chain", None) or ()
    verb = chain[0] if chain else next((word for word in words if word in VERBS), None)
    help_command = f"handstitch {verb} --help" if verb else "handstitch --help"
    if isinstance(error, UnknownCommandError):
        word = next((each for each in words if not each.startswith("-")), "")
        return UsageError(
            f"there is no verb {word}",
            found=typed,
            wanted=", ".join(VERBS),
            fix=f"perhaps: handstitch {nearest(word, VERBS)}",
        )
    if isinstance(error, UnknownOptionError) and verb is not None:
        from handstitch.cli import app

        flag = str(error.token.keyword or error.token.value)
        known = sorted(
            name
            for argument in app[verb].assemble_argument_collection()
            for name in argument.names
            if name.startswith("--")
        )
        return UsageError(
            f"{verb} has no flag {flag}",
            found=typed,
            wanted=nearest(flag, known) if known else None,
            fix=f"perhaps that one; all of them: {help_command}",
        )
    return UsageError(
        "this command cannot be understood",
        found=typed,
        wanted=" ".join(str(error).split()),
        fix=f"see: {help_command}",
    )


def _bug(error: Exception) -> str:
    return (
        f"handstitch: this is a bug: {type(error).__name__}: {error}\n"
        "  please report it with the command and what --debug prints"
    )
