"""How a command fails: six lines at most, the right exit code, no traceback."""

from __future__ import annotations

import shlex
import sys
import traceback
from typing import TYPE_CHECKING, Any

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from handstitch.errors import HandstitchError, MachineError, UsageError, masked
from handstitch.wording import alike, choices, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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
    if isinstance(error, OSError):
        return MachineError(
            "the system refused something",
            file=error.filename,
            found=error.strerror or str(error),
            fix="make room or mend the rights; --debug shows what was tried",
        )
    return None


class _Line:
    """The command line that went wrong, as its owner sees it."""

    def __init__(self, error: CycloptsError, words: Sequence[str]) -> None:
        from handstitch.cli import VERBS, app

        chain = list(error.command_chain or ())
        if not chain and words and words[0] in VERBS:
            chain = [words[0]]
        self.app = app
        for name in chain:
            self.app = self.app[name]
        self.typed = masked(shlex.join(["handstitch", *words]))
        self.command = " ".join(["handstitch", *chain])
        self.help = f"{self.command} --help"
        self.verbs = [name for name in self.app if not name.startswith("-")]

    def flags(self) -> list[str]:
        """All that begins with -- here."""
        if not self.app.default_command:
            return ["--help", "--version", "--debug"]
        arguments = self.app.assemble_argument_collection()
        named = [name for argument in arguments for name in argument.names]
        return [*(name for name in named if name.startswith("--")), "--help", "--debug"]


def _usage(error: CycloptsError, words: Sequence[str]) -> UsageError:
    line = _Line(error, words)
    for kind, tell in _TOLD.items():
        if isinstance(error, kind):
            return tell(error, line)
    return UsageError(
        "this command cannot be understood",
        found=line.typed,
        wanted=" ".join(str(error).split()),
        fix=f"see: {line.help}",
    )


def _unknown_command(error: Any, line: _Line) -> UsageError:
    word = str(error.unused_tokens[0])
    if word.startswith("-"):
        return _no_flag(word, line)
    meant = alike(word, line.verbs)
    return UsageError(
        f"{line.command} has no command {shown(word)}",
        found=line.typed,
        wanted=", ".join(line.verbs),
        fix=f"perhaps: {line.command} {meant}" if meant else f"see: {line.help}",
    )


def _unknown_flag(error: Any, line: _Line) -> UsageError:
    return _no_flag(str(error.token.keyword or error.token.value), line)


def _no_flag(flag: str, line: _Line) -> UsageError:
    flag = flag.partition("=")[0]
    meant = alike(flag, line.flags())
    return UsageError(
        f"{line.command} has no flag {shown(flag)}",
        found=line.typed,
        wanted=meant,
        fix=f"{'perhaps that one; ' if meant else ''}all of them: {line.help}",
    )


def _missing(error: Any, line: _Line) -> UsageError:
    flag = error.keyword or error.argument.name
    return UsageError(
        f"{flag} needs a value",
        found=line.typed,
        wanted=_wanted(error.argument),
        means=error.argument.parameter.help,
        fix=f"write it behind {flag}, or leave {flag} out",
    )


def _repeated(error: Any, line: _Line) -> UsageError:
    return UsageError(
        f"{error.token.keyword} is given twice",
        found=line.typed,
        wanted="every flag once",
        fix="remove one of the two",
    )


def _unused(error: Any, line: _Line) -> UsageError:
    extra = [str(each) for each in error.unused_tokens]
    return UsageError(
        f"{line.command} does not know what to do with {shown(extra[0])}",
        found=line.typed,
        wanted="flags and their values",
        fix=f"remove it; what there is: {line.help}",
    )


def _wrong_word(error: Any, line: _Line) -> UsageError:
    argument, word = error.argument, error.token.value if error.token else ""
    name = error.token.keyword if error.token and error.token.keyword else argument.name
    words = choices(argument.hint)
    meant = alike(word, words) if words else None
    return UsageError(
        f"{name} cannot be {shown(word) or 'empty'}",
        found=line.typed,
        wanted=_wanted(argument),
        means=argument.parameter.help,
        fix=f"perhaps: {meant}" if meant else f"see: {line.help}",
    )


def _wanted(argument: Any) -> str | None:
    """What an argument may be: its choices, or what stands for it on the help page."""
    words = ", ".join(choices(argument.hint))
    return words or {"N": "a whole number", "X": "a number"}.get(argument.parameter.metavar)


_TOLD: dict[type[CycloptsError], Callable[[Any, _Line], UsageError]] = {
    UnknownCommandError: _unknown_command,
    UnknownOptionError: _unknown_flag,
    MissingArgumentError: _missing,
    RepeatArgumentError: _repeated,
    UnusedCliTokensError: _unused,
    CoercionError: _wrong_word,
}


def _bug(error: Exception) -> str:
    return (
        f"handstitch: this is a bug: {type(error).__name__}: {error}\n"
        "  please report it with the command and what --debug prints"
    )
