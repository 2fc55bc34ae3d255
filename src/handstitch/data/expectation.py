"""What an IDX file should hold, and the words to say so when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Expected:
    """The checks that a reader makes of one file, and the texts of its errors."""

    rank: int
    """3 for images, 1 for labels."""
    shape: tuple[int, ...] | None = None
    """All dimensions; None: any."""
    classes: int = 256
    """For labels: each must be below this."""
    noun: str = ""
    """"training labels"; empty: by the rank."""
    wanted: str = ""
    """The `wanted` line of an error; empty: by the rank and shape."""
    fix: str = "get the file again from where it came"
    """The `fix` line of an error."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "noun", self.noun or ("labels" if self.rank == 1 else "images"))
        shape = in_words(self.shape) if self.shape else f"IDX {self.noun}"
        object.__setattr__(self, "wanted", self.wanted or f"{shape}, as gzip or plain")


IMAGES: Final = Expected(rank=3)
LABELS: Final = Expected(rank=1)


def in_words(shape: tuple[int, ...]) -> str:
    """A shape for a person: "60,000 IDX images of 28 × 28", "60,000 IDX labels"."""
    if len(shape) == 1:
        return f"{shape[0]:,} IDX labels"
    count, *size = shape
    return f"{count:,} IDX images of {' × '.join(f'{n:,}' for n in size)}"
