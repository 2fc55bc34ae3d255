"""What a refusal costs: processor seconds, and how far the process grows meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from time import process_time

SECONDS = 0.2
BYTES = 32 * 2**20


def cost(action: Callable[[], object]) -> tuple[float, int]:
    """Seconds and bytes that `action` takes; 0 bytes where the system does not tell.

    The least of three attempts counts, where the first takes long: a neighbour may have the core.
    """
    seconds, size = _cost(action)
    for _ in range(2):
        if seconds < SECONDS:
            break
        seconds = min(seconds, _cost(action)[0])
    return seconds, size


def _cost(action: Callable[[], object]) -> tuple[float, int]:
    gc.collect(1)  # the oldest generation would take as long as the attack
    gc.freeze()  # what other tests have left is not walked through again
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest mark so far
        before = _status("VmRSS")
    except OSError:
        before = 0
    start = process_time()
    action()
    seconds = process_time() - start
    gc.unfreeze()
    return seconds, _status("VmHWM") - before if before else 0


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(name)
