"""How many threads: cores of this machine, `auto`, and the BLAS's pool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from handstitch.machine.build import blas_pools
from handstitch.machine.libraries import load_blas


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(wanted: int | str) -> int:
    """Threads for `auto`: one for each core, or fewer where the BLAS was told so from outside
    (OPENBLAS_NUM_THREADS and the like).
    """
    if isinstance(wanted, int):
        return wanted
    return min([cores(), *(int(pool["num_threads"]) for pool in blas_pools())])


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """`count` BLAS threads within, whatever it was before and after."""
    from threadpoolctl import threadpool_limits

    load_blas()  # a pool can be limited only once it is loaded
    with threadpool_limits(limits=count, user_api="blas"):
        yield
