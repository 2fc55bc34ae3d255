"""Errors of a command: a message of at most six lines and the exit code, no traceback."""

from __future__ import annotations

import re
import sys
import textwrap
import traceback
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any, Final

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)

from handstitch.cli import output
from handstitch.config.messages import choices, format_value, nearest_name
from handstitch.config.precedence import flags_of, format_flag
from handstitch.config.schema import field_types
from handstitch.errors import (
    Argument,
    Call,
    HandstitchError,
    MachineError,
    Phrase,
    UsageError,
    shell_word,
)

COMMANDS: Final = {
    "Config": "handstitch config",
    "Config.preset": "--preset",
    "PROGRAM": "-m handstitch search … --mpi",
    "config.precedence.resolve": "handstitch train",
    "data.loading.fetch": "handstitch data fetch",
    "file": "--config",
    "load": "handstitch test",
    "report.make": "handstitch report",
    "resume": "handstitch train --resume",
    "search.run": "handstitch search",
    "search.start_winner": "handstitch train --from-search",
    "train": "handstitch train",
}
"""Function or argument of the library → the words that do the same."""


_OF_A_NETWORK: Final = {"test", "predict", "report", "export"}
"""Verbs that take a trained network as it is."""


def print_error(error: Exception, words: Sequence[str], debug: bool) -> int:
    """Print the error on stderr; its exit code."""
    if debug:
        print(hidden("".join(traceback.format_exception(error)), words), file=sys.stderr, end="")
    message = translate(error, words)
    as_typed: dict[str, Any] = {
        name: phrase_typed(value)
        for name, value in vars(message).items()
        if isinstance(value, Phrase)
    }
    text = wrapped(
        f"handstitch: error: {replace(message, **as_typed)}", output.console(stderr=True).width
    )
    before, word, rest = text.partition("error")
    print(before + output.painted(word, "error", stderr=True) + rest, file=sys.stderr)
    return message.exit_code


def hidden(text: str, words: Sequence[str]) -> str:
    """`text` with *** for each of the command's words that may be an address with a password."""
    for before, word in pairwise(["", *words]):
        flag, _, value = word.partition("=") if word.startswith("-") else (before, "", word)
        if value and (
            nearest_name(flag, ["storage"]) or re.search("(?i)postgres|passw|:.*@", value)
        ):
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text)
    return text


def wrapped(message: str, width: int) -> str:
    """A message with its lines broken between words, indented to the column behind the labels.

    The fix stays as it is, or a command in it could not be copied.
    """
    indent = " " * max(map(len, re.findall(r"^  \w+ +", message, re.MULTILINE)), default=2)
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    facts, *fix = message.partition("\n  fix ")
    return "\n".join(map(wrapper.fill, facts.split("\n"))) + "".join(fix)


def phrase_typed(phrase: Phrase) -> str:
    """A phrase with its arguments as flags."""
    return phrase.template.format(*map(typed, phrase.parts))


def typed(part: Argument | Call) -> str:
    """An argument of the library as a flag, a call as a command."""
    if isinstance(part, Call):
        words = (typed(x) if isinstance(x, Argument) else shell_word(x) for x in part.arguments)
        return " ".join([COMMANDS[part.function], *words])
    settings = part.value if isinstance(part.value, dict) else {part.name: part.value}
    is_word = part.value is None or isinstance(part.value, str | Path)  # a path is written whole
    if not is_word and settings.keys() <= field_types().keys():
        return " ".join(starmap(format_flag, settings.items()))
    flag = COMMANDS.get(part.name) or flags_of(part.name)[0]
    return flag if part.value is None else f"{flag} {shell_word(part.value)}"


def translate(error: Exception, words: Sequence[str]) -> HandstitchError:
    """The error of a command as one of the package's own."""
    match error:
        case HandstitchError():
            return error
        case CycloptsError():
            return _usage(error, words)
        case ImportError():
            return MachineError(
                "a library that Handstitch is installed with cannot be imported",
                found=str(error),
                fix="install handstitch again; its dependencies come with it",
            )
        case MemoryError():
            return MachineError(
                "there is not enough memory",
                found=str(error) or "an allocation failed",
                wanted="memory for the network and one batch",
                fix="a narrower network (--hidden) or a smaller --batch-size",
            )
        case OSError():
            return MachineError(
                "the operating system reported an error",
                file=error.filename,
                found=error.strerror or str(error),
                fix="check disk space and permissions; --debug shows where it happened",
            )
    return HandstitchError(
        f"this is a bug: {type(error).__name__}: {hidden(str(error), words)}",
        found=_typed(words),
        fix="please report it with the output of the same command and --debug",
    )


def _typed(words: Sequence[str]) -> str:
    return " ".join(["handstitch", *(shell_word(hidden(word, words)) for word in words)])


def _usage(error: CycloptsError, words: Sequence[str]) -> UsageError:
    from handstitch.cli import VERBS

    verbs = error.command_chain or [word for word in words[:1] if word in VERBS]
    kind = _invalid if error.argument is not None else _combination
    if isinstance(error, UnknownCommandError | UnknownOptionError):
        kind = _unknown
    return kind(error, " ".join(["handstitch", *verbs]), words)


def _unknown(error: Any, command: str, words: Sequence[str]) -> UsageError:
    """An unknown command or flag, with the nearest known one."""
    if isinstance(error, UnknownOptionError):
        word = error.token.keyword or error.token.value
        names = [name for argument in error.argument_collection for name in argument.names]
    else:
        word, names = str(error.unused_tokens[0]), list(error.app)
    word, is_flag = hidden(word, words).partition("=")[0], word.startswith("-")
    known = [name for name in (*names, "--help", "--debug") if name.startswith("-") == is_flag]
    nearest, fix = nearest_name(word, known), f"see all of them: {command} --help"
    if word == "reproduce":
        fix = "in a checkout of the repository: make reproduce"
    elif command.partition(" ")[2] in _OF_A_NETWORK and any(
        word in flags_of(name) for name in field_types()
    ):
        fix = f"leave it out: the network keeps what was chosen by: handstitch train {word} …"
    return UsageError(
        f"{command} has no {'flag' if is_flag else 'command'} {format_value(word)}",
        found=_typed(words),
        wanted=nearest,
        fix=fix,
    )


def _invalid(error: Any, command: str, words: Sequence[str]) -> UsageError:
    """A value that is missing, of the wrong type or out of bounds."""
    argument = error.argument
    valid = choices(argument.hint)
    token = getattr(error, "token", None) or next(iter(argument.tokens), None)
    flag = getattr(error, "keyword", None) or getattr(token, "keyword", None)
    name, value = flag or argument.name, hidden(getattr(token, "value", ""), words)
    kind = {"N": "a whole number", "X": "a number"}.get(argument.parameter.metavar, "")
    bound = getattr(error, "exception_message", "").removeprefix("Must be ").rstrip(".")
    nearest = nearest_name(value, valid)
    return UsageError(
        f"{name} needs a value"
        if isinstance(error, MissingArgumentError)
        else f"invalid value for {name}: {format_value(value) or '(empty)'}",
        found=_typed(words),
        wanted=", ".join(valid) or f"{kind} {bound}".strip() or None,
        means=argument.parameter.help,
        fix=f"perhaps: {nearest}" if nearest else f"see: {command} --help",
    )


def _combination(error: Any, command: str, words: Sequence[str]) -> UsageError:
    """An unexpected, repeated or mutually exclusive argument."""
    problem, unused = " ".join(str(error).split()), error.unused_tokens
    fix = f"leave one out; see: {command} --help"
    if isinstance(error, RepeatArgumentError):
        problem = f"{error.token.keyword} is given twice"
    elif isinstance(error, UnusedCliTokensError):
        problem = f"unexpected argument: {format_value(hidden(unused[0], words))}"
        if flag := _flag_meant(command, unused[0], words):
            at = words.index(unused[0])
            fix = _typed([*words[:at], flag, *words[at:]])
    elif isinstance(error, ValidationError):  # of a group: "Mutually exclusive arguments: {…}"
        rule, _, names = error.exception_message.partition(": {")
        problem = f"{names[:-1].replace(', ', ' and ')} cannot be used together" if names else rule
    return UsageError(problem, found=_typed(words), fix=fix)


def _flag_meant(command: str, word: str, words: Sequence[str]) -> str | None:
    """The flag that a data set or a run was typed without, for verbs that train."""
    from handstitch.data.catalog import TITLES
    from handstitch.runs.folder import CONFIG

    if command not in {"handstitch train", "handstitch search"} or word not in words:
        return None
    if (Path(word) / CONFIG).is_file():
        return "--resume" if command.endswith("train") else None
    is_data = word in TITLES or Path(word).exists()
    return "--dataset" if is_data and "--dataset" not in words else None
