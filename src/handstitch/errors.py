"""The error tree, with the exit code of each class.

    HandstitchError                 1   (by itself: a bug of ours)
    ├── UsageError                  2   unknown command or flag, invalid value
    │   └── ConfigError             2   unknown setting or invalid value, wherever it was set
    ├── DataError                   3   data missing, damaged or not what they claim to be
    ├── ModelFileError              4   model file missing, damaged or of another network
    ├── MachineError                5   disk full, permission denied, out of memory, network down
    └── DivergedError               6   training diverged: loss not finite or far too high

    Interrupted                     130 after SIGINT, 143 after SIGTERM (not a HandstitchError:
                                    `except HandstitchError` must not swallow it)

A message has at most six lines: the problem, what was found, what was wanted, the fix.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial

_MESSAGE_LINES = 6
_LINE_LENGTH = 400


def printable(text: object) -> str:
    """`text` with control, bidirectional and other invisible characters as escape sequences.

    File names and class names are untrusted input; in a terminal they must stay text.
    """
    return "".join(
        character
        if character == " " or unicodedata.category(character)[0] not in "CZ"
        else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def mask_passwords(text: str) -> str:
    """`text` with the password in every URL replaced by ***."""
    text = re.sub(r"([\w.+-]*):(?!//)\S*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&]password=)[^&\s'\"]*", r"\1***", text)


class HandstitchError(Exception):
    """An error with a `problem` in one line and facts on labelled lines (file, found, wanted, fix).

    Facts that are None are left out; the others keep their order: `error.facts["found"]`.
    """

    exit_code = 1

    def __init__(self, problem: str, **facts: object) -> None:
        self.problem = problem
        self.facts = {name: value for name, value in facts.items() if value is not None}
        super().__init__(problem)

    def __str__(self) -> str:
        width = max((len(name) for name in self.facts), default=0)
        lines = [printable(self.problem)]
        for name, value in self.facts.items():
            # A str may have several lines (a table), indented under the first. Anything else,
            # such as an untrusted path, is one line whatever it contains.
            first, *more = value.split("\n") if isinstance(value, str) else [str(value)]
            lines.append(f"  {name:<{width}}  {printable(first)}")
            lines.extend(f"  {'':<{width}}  {printable(line)}" for line in more)
        return "\n".join(line[:_LINE_LENGTH] for line in lines[:_MESSAGE_LINES])

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes pickle errors for their parent; the default would lose the facts.
        return (partial(type(self), self.problem, **self.facts), ())


class UsageError(HandstitchError):
    """Unknown command or flag, invalid argument or value."""

    exit_code = 2


class ConfigError(UsageError):
    """Unknown setting or invalid value, from a flag, variable, config file or preset."""


class DataError(HandstitchError):
    """Data missing, damaged or not what they claim to be."""

    exit_code = 3


class ModelFileError(HandstitchError):
    """Model file missing, damaged, of an unsupported format or of another network."""

    exit_code = 4


class MachineError(HandstitchError):
    """Error of the machine: disk, permissions, memory, lock or network."""

    exit_code = 5


class DivergedError(HandstitchError):
    """Training diverged: a loss not finite, or far above that of random weights."""

    exit_code = 6


class Interrupted(BaseException):
    """Stop request by SIGINT or SIGTERM, raised between two training steps.

    Derives from BaseException, as KeyboardInterrupt does, so that no error handler swallows it.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
        super().__init__(f"interrupted by signal {signal_number}")
