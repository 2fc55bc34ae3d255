"""The error tree, with the exit code of each class.

    HandstitchError                 1   (by itself: a bug of ours)
    ├── UsageError                  2   unknown command or flag, invalid value
    │   └── ConfigError             2   unknown setting or invalid value, wherever it was set
    ├── DataError                   3   data missing, damaged or not what they claim to be
    │                                   (a ValueError, too: scikit-learn expects one)
    ├── ModelFileError              4   model file missing, damaged or of another network
    ├── MachineError                5   disk full, permission denied, out of memory, network down
    └── DivergedError               6   training diverged: loss not finite or far too high

    Interrupted                     130 after SIGINT, 143 after SIGTERM (not a HandstitchError:
                                    `except HandstitchError` must not swallow it)

A message has at most six lines: the problem, what was found, what was wanted, the fix. In them an
`Argument` or a `Call` is written as Python; the command line writes the same as flags and commands.
"""

from __future__ import annotations

import os
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import NamedTuple, Self

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


def shell_word(value: object) -> str:
    r"""`value` as one printable word of a shell: a b is 'a b', and the byte 255 $'\377'."""
    text = str(value)
    if printable(text) == text:
        return shlex.quote(text)
    escaped = [
        letter
        if printable(letter) == letter and letter not in "\\'"
        else "".join(f"\\{byte:03o}" for byte in os.fsencode(letter))
        for letter in text
    ]
    return f"$'{''.join(escaped)}'"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return printable(", ".join(names[:most]) + more)


class Argument(NamedTuple):
    """An argument in a message: `learning_rate=0.01`, or without a value `learning_rate`."""

    name: str
    value: object = None

    def __repr__(self) -> str:
        return self.name if self.value is None else f"{self.name}={_python(self.value)}"


class Call:
    """A call of a public function in a message: `handstitch.resume('runs/a')`."""

    def __init__(self, function: str, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __repr__(self) -> str:
        return f"handstitch.{self.function}({', '.join(map(_python, self.arguments))})"


def _python(value: object) -> str:
    return repr(str(value) if isinstance(value, Path) else value)


class Phrase(str):  # noqa: SLOT000 (pickling keeps the parts only in a dict)
    """Text from a template, with arguments and calls in its braces, written as Python."""

    template: str
    parts: tuple[Argument | Call, ...]

    def __new__(cls, template: str, *parts: Argument | Call) -> Self:  # noqa: D102 (as the class)
        self = super().__new__(cls, template.format(*parts))
        self.template, self.parts = template, parts
        return self


@dataclass(eq=False, repr=False)
class HandstitchError(Exception):
    """An error: the problem in one line; on labelled lines the file or folder, what was found and
    wanted, what a setting means, and the fix.

    Fields keep their values. Who knows a better fix raises a copy from the error:
    `dataclasses.replace(error, fix=…)`.
    """

    exit_code = 1

    problem: str
    _: KW_ONLY
    file: object = None
    found: str | None = None
    wanted: str | None = None
    means: str | None = None
    fix: str | None = None

    def __post_init__(self) -> None:
        super().__init__(self.problem)  # the argument that pickling gives to the class

    def __str__(self) -> str:
        labelled = {
            field.name: value
            for field in fields(self)[1:]
            if (value := getattr(self, field.name)) is not None
        }
        width = max(map(len, labelled), default=0)
        lines = [printable(self.problem)]
        for name, value in labelled.items():
            # A str may have several lines (a table), indented under the first. Anything else,
            # such as an untrusted path, is one line whatever it contains.
            first, *more = value.split("\n") if isinstance(value, str) else [str(value)]
            lines.append(f"  {name:<{width}}  {printable(first)}")
            lines.extend(f"  {'':<{width}}  {printable(line)}" for line in more)
        return "\n".join(line[:_LINE_LENGTH] for line in lines[:_MESSAGE_LINES])


class UsageError(HandstitchError):
    """Unknown command or flag, invalid argument or value."""

    exit_code = 2


class ConfigError(UsageError):
    """Unknown setting or invalid value, from a flag, variable, config file or preset."""


class DataError(HandstitchError, ValueError):
    """Data missing, damaged or not what they claim to be."""

    exit_code = 3


class ModelFileError(HandstitchError):
    """Model file missing, damaged, of an unsupported format or of another network."""

    exit_code = 4


def overflow_error() -> ModelFileError:
    """The error for a network whose logits are too large for float32, or NaN."""
    return ModelFileError(
        "the network overflows on these images",
        found="outputs too large for float32",
        wanted="finite outputs",
        fix=Phrase("use other weights, or train again with a lower {}", Argument("learning_rate")),
    )


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
