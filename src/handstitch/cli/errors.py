"""How a command fails: six lines at most, the right exit code, no traceback."""

from __future__ import annotations

import shlex
import sys
import traceback
from typing import TYPE_CHECKING, Any

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)

from handstitch.config.messages import choices, format_value, nearest_name
from handstitch.errors import HandstitchError, MachineError, UsageError, mask_passwords

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_error(error: Exception, words: Sequence[str], debug: bool) -> int:
    """Print the error on stderr; the exit code."""
    if debug:
        traceback.print_exception(error)
    told = translate(error, words)
    if told is None:
        print(
            f"handstitch: this is a bug: {type(error).__name__}: {error}\n"
            "  please report it with the command and what --debug prints",
            file=sys.stderr,
        )
        return 1
    print(f"handstitch: error: {told}", file=sys.stderr)
    return told.exit_code


def translate(error: Exception, words: Sequence[str]) -> HandstitchError | None:
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
    if isinstance(error, OSError):
        return MachineError(
            "the operating system reported an error",
            file=error.filename,
            found=error.strerror or str(error),
            fix="free some space or change the permissions; --debug shows what was tried",
        )
    return None


def _usage(error: CycloptsError, words: Sequence[str]) -> UsageError:
    from handstitch.cli import VERBS

    verbs = error.command_chain or [word for word in words[:1] if word in VERBS]
    command = " ".join(["handstitch", *verbs])
    typed = mask_passwords(shlex.join(["handstitch", *words]))
    if isinstance(error, UnknownCommandError | UnknownOptionError):
        return _unknown(error, command, typed)
    if error.argument is not None:
        return _value(error, command, typed)
    return _combination(error, command, typed)


def _unknown(error: Any, command: str, typed: str) -> UsageError:
    """A command or a flag that does not exist, with the nearest that does."""
    if isinstance(error, UnknownOptionError):
        word = error.token.keyword or error.token.value
        names = [name for each in error.argument_collection for name in each.names]
    else:
        word, names = str(error.unused_tokens[0]), list(error.app)
    word, is_flag = word.partition("=")[0], word.startswith("-")
    known = [name for name in (*names, "--help", "--debug") if name.startswith("-") == is_flag]
    meant = nearest_name(word, known)
    return UsageError(
        f"{command} has no {'flag' if is_flag else 'command'} {format_value(word)}",
        found=typed,
        wanted=meant,
        fix=f"see all of them: {command} --help",
    )


def _value(error: Any, command: str, typed: str) -> UsageError:
    """A value that is missing, of the wrong kind or out of bounds."""
    argument = error.argument
    words = choices(argument.hint)
    token = getattr(error, "token", None) or next(iter(argument.tokens), None)
    typed_name = getattr(error, "keyword", None) or getattr(token, "keyword", None)
    name, value = typed_name or argument.name, getattr(token, "value", "")
    kind = {"N": "a whole number", "X": "a number"}.get(argument.parameter.metavar, "")
    bound = getattr(error, "exception_message", "").removeprefix("Must be ").rstrip(".")
    meant = nearest_name(value, words)
    return UsageError(
        f"{name} needs a value"
        if isinstance(error, MissingArgumentError)
        else f"invalid value for {name}: {format_value(value) or '(empty)'}",
        found=typed,
        wanted=", ".join(words) or f"{kind} {bound}".strip() or None,
        means=argument.parameter.help,
        fix=f"perhaps: {meant}" if meant else f"see: {command} --help",
    )


def _combination(error: Any, command: str, typed: str) -> UsageError:
    """Words that may not stand beside each other."""
    unused: Any = error.unused_tokens
    if isinstance(error, RepeatArgumentError):
        problem = f"{error.token.keyword} is given twice"
    elif isinstance(error, UnusedCliTokensError):
        problem = f"unexpected argument: {format_value(unused[0])}"
    elif isinstance(error, ValidationError):  # of a group: "Mutually exclusive arguments: {…}"
        rule, _, names = error.exception_message.partition(": {")
        problem = f"{names[:-1].replace(', ', ' and ')} do not go together" if names else rule
    else:
        problem = " ".join(str(error).split())
    return UsageError(
        problem,
        found=typed,
        fix=f"leave one out; see: {command} --help",
    )
