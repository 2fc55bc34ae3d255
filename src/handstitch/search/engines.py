"""Who trains: the seam is `concurrent.futures.Executor`, and everything behind it somebody else's.

serial      this process, one trial after another
processes   processes of this machine, spawned, each with a trial at a time
dask        the workers of a Dask cluster
mpi         the ranks of an MPI program
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, Final, TypeVar

from handstitch.errors import MachineError, UsageError

Result = TypeVar("Result")

_PATIENCE: Final = 5
"""Seconds that a Dask scheduler, and after it its first worker, may take to answer."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An executor and what a search must know of it."""

    executor: Executor
    workers: int
    """Trials at a time."""
    name: str
    lost: tuple[type[BaseException], ...] = ()
    """What a future raises when its worker died."""
    broken: tuple[type[BaseException], ...] = ()
    """What a future raises when the whole engine is gone."""
    in_process: bool = False
    """Whether trials run in this very process, so that only they can look for a signal."""


class Serial(Executor):
    """Runs each call when it is submitted, here."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """A future that is done."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (a future carries any)
            future.set_exception(error)
        return future


class Processes(Executor):
    """So many processes, each a pool of one: when one dies no other loses its trial.

    At most as many calls as there are processes may be under way. A process that died is replaced
    by the next call. They end within a moment of this one, however it ends.
    """

    def __init__(self, count: int) -> None:
        self._seats = [_Seat() for _ in range(count)]

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run a call in a process that is free. Its arguments must be such as can be sent."""
        seat = next(seat for seat in self._seats if seat.is_free)
        return seat.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """End all processes at once, whatever they are doing."""
        for seat in self._seats:
            seat.end(wait=wait, cancel_futures=cancel_futures)


class _Seat:
    """A pool of one process, and the pipe that it lives by."""

    def __init__(self) -> None:
        self._future: Future[Any] | None = None
        self._open()

    def _open(self) -> None:
        # spawn, since a fork would copy the BLAS's threads half: OpenMP does not survive that.
        context = get_context("spawn")
        self._reader, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, _settle, (self._reader,))

    @property
    def is_free(self) -> bool:
        return self._future is None or self._future.done()

    def submit(self, fn: Callable[..., Result], *args: Any, **kwargs: Any) -> Future[Result]:
        with _no_interrupt():
            try:
                future = self._pool.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self.end()
                self._open()
                future = self._pool.submit(fn, *args, **kwargs)
        self._future = future
        return future

    def end(self, *, wait: bool = True, cancel_futures: bool = True) -> None:
        self._lifeline.close()
        self._reader.close()
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)


def _settle(lifeline: Connection) -> None:
    """In a new worker: live as long as the pipe's other end is open, and ignore Ctrl-C.

    Ctrl-C reaches every process of a terminal; what is to be done about it the parent decides.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    # Nothing is ever sent: this returns when the parent closes its end or is gone, and the kernel
    # closes it even for one that was killed.
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Within, processes are born deaf to Ctrl-C; they would meet it while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def serial() -> Iterator[Engine]:
    """The process that asks: no worker to be lost, and nothing to be sent."""
    yield Engine(Serial(), 1, "this process", in_process=True)


@contextmanager
def processes(count: int) -> Iterator[Engine]:
    """So many processes of this machine; they end when the block does."""
    executor = Processes(count)
    try:
        name = "1 process" if count == 1 else f"{count} processes"
        yield Engine(executor, count, name, lost=(BrokenExecutor,))
    finally:
        executor.shutdown()


@contextmanager
def dask(address: str, workers: int) -> Iterator[Engine]:
    """A Dask cluster by its scheduler's address; `local` starts one with so many workers here.

    Raises MachineError if the scheduler or all workers are out of reach, UsageError without the
    package or with an address that is none.
    """
    try:
        import distributed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise _not_installed("distributed", "dask") from None
    import logging

    engine: Any = distributed  # it ships annotations here and there
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    cluster = None
    try:
        if address == "local":
            cluster = engine.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        client = engine.Client(cluster or address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise MachineError(
            "the Dask scheduler cannot be reached",
            address=address,
            found=str(error.__cause__ or error) or type(error).__name__,
            wanted="a scheduler, as `dask scheduler` starts it: tcp://HOST:8786",
            fix="start it, correct the address, or take --workers N",
        ) from None
    try:
        count = _wait_for_workers(client, address)
        lost, broken = (KilledWorker,), (FutureCancelledError, OSError)
        with client.get_executor(pure=False, retries=0) as executor:
            try:
                yield Engine(executor, count, f"Dask, {count} workers", lost, broken)
            finally:
                executor.shutdown(wait=False, cancel_futures=True)
    finally:
        client.close(timeout=1)
        if cluster is not None:
            cluster.close(timeout=2)


def _wait_for_workers(client: Any, address: str) -> int:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError:
        raise MachineError(
            "the Dask cluster has no workers",
            address=address,
            found=f"none within {_PATIENCE} s",
            wanted="at least one, as `dask worker ADDRESS` starts it",
            fix="start one, or take --workers N",
        ) from None
    return int(sum(client.nthreads().values()))


@contextmanager
def mpi() -> Iterator[Engine]:
    """The ranks of this MPI program but the first. Raises UsageError if it is none."""
    command = "mpiexec -n 3 python -m mpi4py.futures -m handstitch search … --mpi"
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor
    except ImportError:
        raise _not_installed("mpi4py", "mpi") from None
    size = MPI.COMM_WORLD.Get_size()
    if size < 2 or "mpi4py.futures" not in sys.orig_argv:
        raise UsageError(
            "this was not started as an MPI program",
            found=f"{size} MPI process{'' if size == 1 else 'es'}"
            + ("" if "mpi4py.futures" in sys.orig_argv else ", without -m mpi4py.futures"),
            wanted="one process that asks, and one or more that train",
            fix=f"start it so: {command}",
        )
    with MPIPoolExecutor() as executor:
        try:
            yield Engine(executor, size - 1, f"MPI, {size - 1} workers")
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _not_installed(package: str, extra: str) -> UsageError:
    return UsageError(
        f"{package} is not installed",
        found=f"no module {package}",
        wanted=f"Handstitch with its extra `{extra}`",
        fix=f"pip install 'handstitch[{extra}]', or take --workers N",
    )
