"""Every error the package raises on purpose, and the exit code that it gives a command.

    HandstitchError                 1   (on its own: a bug of ours)
    ├── UsageError                  2   an invalid flag, verb or value
    │   └── ConfigError             2   the same, found in a config file, preset or environment
    ├── DataError                   3   data that is missing, broken or not what it claims to be
    ├── ModelFileError              4   a model file that is missing, broken or of another network
    ├── MachineError                5   disk, permissions, memory, lock or network of this machine
    └── DivergedError               6   training left the finite numbers

    Interrupted                     130 after SIGINT, 143 after SIGTERM (not a HandstitchError:
                                    `except HandstitchError` must not swallow it)

Every message says what was found, what was wanted and how to mend it, in at most six lines.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial

_MESSAGE_LINES = 6
_LINE_LENGTH = 400


def printable(text: object) -> str:
    """`text` with control, bidirectional and other invisible characters written as escapes.

    File names and class names come from strangers; in a terminal they must stay text.
    """
    return "".join(
        character
        if character == " " or unicodedata.category(character)[0] not in "CZ"
        else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def mask_passwords(text: str) -> str:
    """`text` with the password of every address in it written as ***."""
    text = re.sub(r"([\w.+-]*):(?!//)\S*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&]password=)[^&\s'\"]*", r"\1***", text)


class HandstitchError(Exception):
    """An error with facts: `problem` in one line, then labelled lines (file, found, wanted, fix).

    Facts that are None are left out; order is the order given. Facts are also attributes:
    `error.facts["found"]`.
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
            # Text may hold several lines of its own (a table); each stays indented under the
            # first. Anything else, such as a path from a stranger, is one line whatever it holds.
            first, *more = value.split("\n") if isinstance(value, str) else [str(value)]
            lines.append(f"  {name:<{width}}  {printable(first)}")
            lines.extend(f"  {'':<{width}}  {printable(line)}" for line in more)
        return "\n".join(line[:_LINE_LENGTH] for line in lines[:_MESSAGE_LINES])

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes hand errors to their parent; the default would lose the facts.
        return (partial(type(self), self.problem, **self.facts), ())


class UsageError(HandstitchError):
    """An invalid flag, verb, argument or value."""

    exit_code = 2


class ConfigError(UsageError):
    """An invalid setting, wherever it was written: flag, environment, file or preset."""


class DataError(HandstitchError):
    """Data that is missing, broken or not what it claims to be."""

    exit_code = 3


class ModelFileError(HandstitchError):
    """A model file that is missing, broken, foreign or made for another network."""

    exit_code = 4


class MachineError(HandstitchError):
    """The environment stands in the way: disk, permissions, memory, a lock, the network."""

    exit_code = 5


class DivergedError(HandstitchError):
    """Training left the finite numbers, or a batch lost more than any sensible start could."""

    exit_code = 6


class Interrupted(BaseException):
    """Someone asked the program to stop (SIGINT, SIGTERM); raised between two steps.

    Derives from BaseException, as KeyboardInterrupt does, so that no handler for errors eats it.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
        super().__init__(f"interrupted by signal {signal_number}")
