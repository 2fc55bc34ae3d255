"""Progress lines of long statistics; nothing is said where they are quick."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final, TypeVar

_logger = logging.getLogger(__name__)

LONG: Final = 10.0
"""Seconds: what is expected to take longer is announced, as often as they pass."""
_Item = TypeVar("_Item")


def announced(items: Sequence[_Item], what: str) -> Iterator[_Item]:
    """The items; if all are expected to take more than LONG seconds, with a line now and then.

    Expected from the seconds that the first of them took.
    """
    start, said = monotonic(), 0.0
    for done, item in enumerate(items):
        elapsed = monotonic() - start
        left = elapsed / max(done, 1) * (len(items) - done)
        is_long = elapsed > 1 and elapsed + left > LONG
        if is_long and (not said or elapsed - said > LONG):
            _logger.info("%s: %d of %d, about %.0f s more", what, done, len(items), left)
            said = elapsed
        yield item
