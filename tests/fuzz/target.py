"""A parser under fuzz: any bytes in, and only our own errors out, soon and within memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch.errors import HandstitchError

SECONDS: Final = 1.0
"""More than this for one input is a finding."""
BYTES: Final = 32 * 2**20
"""And so is growth of the process by more than this."""
CUT: Final = b"\0#\0"
"""Between the parts of an input that has several."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, and what to feed it with."""

    parse: Callable[[bytes, Path], None]
    """Parse an input, by way of a file at the path. Raises HandstitchError, or something is wrong.
    """
    seeds: Callable[[Path], Iterator[bytes]]
    """Sound inputs to begin with; the path is free for a file."""
    words: tuple[bytes, ...] = ()
    """What an input of this kind is likely to hold."""


def attempt(target: Target, data: bytes, path: Path) -> bool:
    """Give the target one input; whether it was accepted. Raises AssertionError for a finding."""
    before, start = _highest(), time.process_time()
    refusal: HandstitchError | None = None
    try:
        target.parse(data, path)
    except HandstitchError as error:
        refusal = error
    seconds, growth = time.process_time() - start, _highest() - before
    assert seconds < SECONDS, f"{seconds:.2f} s"
    assert growth < BYTES, f"{growth:,} bytes"
    if refusal is not None:
        message = str(refusal)
        assert 2 <= refusal.exit_code <= 5, message
        assert len(message.split("\n")) <= 6, message
        assert all(character.isprintable() for character in message.replace("\n", "")), message
        message.encode()
    return refusal is None


def _highest() -> int:
    """Bytes that the process had at most so far; macOS counts in bytes, everyone else in KiB."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if highest > 2**32 else 1024 * highest


def parts_of(data: bytes, most: int) -> list[bytes]:
    found = data.split(CUT, most - 1)
    return found + [b""] * (most - len(found))
