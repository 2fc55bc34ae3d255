"""Thread counts: cores of this machine, `auto`, and the BLAS's pool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from handstitch.machine import libraries
from handstitch.machine.build import blas_pools


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(wanted: int | str) -> int:
    """The number of threads that `wanted` means.

    `auto` is one for each core, or fewer where OPENBLAS_NUM_THREADS or the like limits the BLAS.
    """
    if isinstance(wanted, int):
        return wanted
    return min([cores(), *(int(pool["num_threads"]) for pool in blas_pools())])


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Within, the BLAS uses `count` threads."""
    with libraries.blas_controller().limit(limits=count):
        yield
