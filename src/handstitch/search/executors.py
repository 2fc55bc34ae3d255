"""Who trains: the seam is `concurrent.futures.Executor`, and everything behind it somebody else's.

serial      this process, one trial after another
processes   processes of this machine, spawned, each with a trial at a time
dask        the workers of a Dask cluster
mpi         the ranks of an MPI program
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from threading import Thread, Timer
from typing import Any, Final, TypeVar

from handstitch.errors import Interrupted, MachineError, UsageError

Result = TypeVar("Result")

_PATIENCE: Final = 4
"""Seconds that a Dask scheduler, and after it its first worker, may take to answer."""
MPI_COMMAND: Final = "mpiexec -n 3 python -m mpi4py.futures -m handstitch search … --mpi"


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """An executor that trains so many trials at a time, and what its futures raise when a worker
    died, and when all of it is gone.

    Trials that run in this very process can be asked to stop; no other trial can.
    """

    executor: Executor
    workers: int
    worker_died: tuple[type[BaseException], ...] = ()
    engine_gone: tuple[type[BaseException], ...] = ()
    in_process: bool = False


class Processes(Executor):
    """So many processes, each a pool of one: when one dies no other loses its trial.

    At most as many calls as there are processes may be under way. A process that died is replaced
    by the next call. They end within a moment of this one, however it ends.
    """

    def __init__(self, count: int) -> None:
        self._workers = [_Worker() for _ in range(count)]

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run a call in a process that is free. Its arguments must be such as can be sent."""
        free = (
            n for n, worker in enumerate(self._workers) if not worker.future or worker.future.done()
        )
        number = next(free)
        with _no_interrupt():
            try:
                future = self._workers[number].pool.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._workers[number].end()
                self._workers[number] = _Worker()
                future = self._workers[number].pool.submit(fn, *args, **kwargs)
        self._workers[number].future = future
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002
        """End all processes at once, whatever they are doing."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """A pool of one process, the pipe that it lives by, and its last call."""

    def __init__(self) -> None:
        # spawn, since a fork would copy the BLAS's threads half: OpenMP does not survive that.
        context = get_context("spawn")
        self._reader, self._lifeline = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(1, context, _init_worker, (self._reader,))
        self.future: Future[Any] | None = None

    def end(self) -> None:
        self._lifeline.close()
        self._reader.close()
        self.pool.shutdown(cancel_futures=True)


def _init_worker(lifeline: Connection) -> None:
    """In a new worker: live as long as the pipe's other end is open, and ignore Ctrl-C.

    Ctrl-C reaches every process of a terminal; what is to be done about it the parent decides.
    """
    _ignore_interrupt()
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    # Nothing is ever sent: this returns when the parent closes its end or is gone, and the kernel
    # closes it even for one that was killed.
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Start threads and processes with SIGINT blocked; all that they start inherit that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it unblocks SIGINT in the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def serial() -> Iterator[WorkerPool]:
    """A thread of this process: no worker to be lost, and nothing to be sent."""
    with ThreadPoolExecutor(1) as executor:
        yield WorkerPool(executor, 1, in_process=True)


@contextmanager
def processes(count: int) -> Iterator[WorkerPool]:
    """So many processes of this machine; they end when the block does."""
    with Processes(count) as executor:
        yield WorkerPool(executor, count, worker_died=(BrokenExecutor,))


@contextmanager
def dask(address: str, workers: int) -> Iterator[WorkerPool]:
    """A Dask cluster by its scheduler's address; `local` starts one with so many workers here.

    Raises MachineError if the scheduler or all workers are out of reach, UsageError without the
    package or with an address that is none.
    """
    try:
        import distributed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise not_installed("distributed", "dask") from None
    library: Any = distributed  # it ships annotations here and there
    for part in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(part).setLevel(logging.CRITICAL)  # what matters becomes an error of ours
    with ExitStack() as opened:
        try:
            cluster = None
            if address == "local":
                with _no_interrupt():
                    cluster = library.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                    )
                opened.callback(_end, cluster)
            client = library.Client(cluster or address, timeout=_PATIENCE)
        except Exception as error:  # noqa: BLE001 (whatever the answer of another program sets off)
            found = str(error.__cause__ or error) or type(error).__name__
            raise MachineError(
                "the Dask scheduler cannot be reached",
                address=address,
                found=found.rpartition(">: ")[2],  # Dask names the object that failed before it
                wanted="a scheduler, as `dask scheduler` starts it: tcp://HOST:8786",
                fix="start it, correct the address, or take --workers N",
            ) from None
        opened.callback(_close, client)
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
        executor = opened.enter_context(client.get_executor(pure=False, retries=0))
        opened.callback(executor.shutdown, wait=False)
        count = sum(client.nthreads().values())
        yield WorkerPool(executor, count, (KilledWorker,), (CancelledError, OSError))


def _close(client: Any) -> None:
    with suppress(TimeoutError):
        client.close(timeout=1)


def _end(cluster: Any) -> None:
    """End a local cluster now. Asked to, its workers would first finish their trials."""
    for nanny in cluster.workers.values():
        worker = nanny.pid
        nanny.close_gracefully()  # no other takes its place
        if worker:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)
    with suppress(TimeoutError):
        cluster.close(timeout=2)


@contextmanager
def mpi() -> Iterator[WorkerPool]:
    """The ranks of this MPI program but the first. Raises UsageError if it is none."""
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor
    except ImportError:
        raise not_installed("mpi4py", "mpi") from None
    size = MPI.COMM_WORLD.Get_size()
    if size < 2 or "mpi4py.futures" not in sys.orig_argv:
        raise UsageError(
            "this was not started as an MPI program",
            found=f"MPI processes: {size}"
            + ("" if "mpi4py.futures" in sys.orig_argv else ", without -m mpi4py.futures"),
            wanted="one process that asks, and one or more that train",
            fix=f"start it so: {MPI_COMMAND}",
        )
    executor = MPIPoolExecutor(initializer=_ignore_interrupt)
    try:
        yield WorkerPool(executor, size - 1)
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, Interrupted):
            # No rank can be interrupted, and MPI would wait for all of them to end their trials.
            end = Timer(1.0, MPI.COMM_WORLD.Abort, (error.exit_code,))
            end.daemon = True
            end.start()
        raise
    executor.shutdown()


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def not_installed(package: str, extra: str, instead: str = "take --workers N") -> UsageError:
    """The error for a package that one of Handstitch's extras brings."""
    return UsageError(
        f"{package} is not installed",
        found=f"no module {package}",
        wanted=f"Handstitch with its extra `{extra}`",
        fix=f"pip install 'handstitch[{extra}]', or {instead}",
    )
