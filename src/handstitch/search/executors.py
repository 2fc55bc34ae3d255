"""Worker pools: any `concurrent.futures.Executor` can train the trials of a search.

serial      a thread of this process, one trial after another
processes   processes of this machine, spawned, one trial at a time in each
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
    ThreadPoolExecutor,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, Final, TypeVar

from handstitch.errors import Argument, Interrupted, MachineError, Phrase, UsageError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Result = TypeVar("Result")

_TIMEOUT: Final = 4
"""Timeout in seconds, of the connection to a Dask scheduler and then of its first worker."""
_WORKERS: Final = Argument("workers", 2)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """An executor that trains on `workers` trials at a time.

    `worker_died` and `pool_lost` are what its futures raise when their own worker died, and when
    all are lost. Trials `in_process` can be interrupted after every step, others cannot. Workers
    that are not `is_here` have memory of their own.
    """

    executor: Executor
    workers: int
    worker_died: tuple[type[BaseException], ...] = ()
    pool_lost: tuple[type[BaseException], ...] = ()
    in_process: bool = False
    is_here: bool = True


class Processes(Executor):
    """`count` pools of one process: when a process dies, no other loses its trial.

    Takes at most `count` calls at a time. The next call replaces a process that died. All of them
    end shortly after this process, however it ends.
    """

    def __init__(self, count: int) -> None:
        self._workers = [_Worker() for _ in range(count)]

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run a call in an idle process. Its arguments must be picklable."""
        number = next(
            n for n, worker in enumerate(self._workers) if not worker.future or worker.future.done()
        )
        with _sigint_blocked():
            try:
                future = self._workers[number].pool.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._workers[number].end()
                self._workers[number] = _Worker()
                future = self._workers[number].pool.submit(fn, *args, **kwargs)
        self._workers[number].future = future
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002
        """Terminate all processes at once."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """A pool of one process, the pipe that keeps it alive, and its last call."""

    def __init__(self) -> None:
        from concurrent.futures import ProcessPoolExecutor  # which takes its time
        from multiprocessing import get_context

        # spawn: a fork would not copy the threads of BLAS, and OpenMP does not survive that.
        context = get_context("spawn")
        self._reader, self._lifeline = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(1, context, _init_worker, (self._reader,))
        self.future: Future[Any] | None = None

    def end(self) -> None:
        self._lifeline.close()
        self._reader.close()
        self.pool.shutdown(cancel_futures=True)


def _init_worker(lifeline: Connection) -> None:
    """Initialize a worker: ignore Ctrl-C, and exit when the pipe's other end is closed.

    Ctrl-C reaches every process of a terminal, and the parent decides what follows.
    """
    _defer_to_parent()
    Thread(target=_exit_with, args=(lifeline,), daemon=True).start()


def _exit_with(lifeline: Connection) -> None:
    # Nothing is ever sent: this returns when the parent closes its end or ends, and the kernel
    # closes the end of a killed process, too.
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Start workers with SIGINT blocked; whatever they start inherits the mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it unblocks SIGINT in the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def serial() -> Iterator[WorkerPool]:
    """A thread of this process: nothing to lose, nothing to send."""
    with ThreadPoolExecutor(1) as executor:
        yield WorkerPool(executor, 1, in_process=True)


@contextmanager
def processes(count: int) -> Iterator[WorkerPool]:
    """`count` processes of this machine, which end with the block."""
    with Processes(count) as executor:
        yield WorkerPool(executor, count, worker_died=(BrokenExecutor,))


@contextmanager
def dask(address: str) -> Iterator[WorkerPool]:
    """A Dask cluster by its scheduler's address, with the certificates of Dask's configuration.

    Raises MachineError if the scheduler or all workers are out of reach, UsageError without the
    package.
    """
    try:
        import distributed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise not_installed("distributed", "dask") from None
    if not address.startswith("tls://"):
        _logger.warning(
            "%s is not TLS: whoever reaches that scheduler can run code as its workers and as you",
            address,
        )
    library: Any = distributed  # its annotations are incomplete
    for part in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(part).setLevel(logging.CRITICAL)  # what matters becomes a MachineError
    with ExitStack() as stack:
        try:
            client = library.Client(address, timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 (the answer of another program may raise anything)
            found = str(error.__cause__ or error) or type(error).__name__
            raise MachineError(
                "the Dask scheduler cannot be reached",
                # Dask writes the failed object before the reason.
                found=f"{address}: {found.rpartition('>: ')[2]}",
                wanted="a scheduler as `dask scheduler` starts it; for tls:// certificates of its "
                "authority in Dask's configuration",
                fix=Phrase("start it, correct the address, or use {}", _WORKERS),
            ) from None
        stack.callback(_close, client)
        try:
            client.wait_for_workers(1, timeout=_TIMEOUT)
        except TimeoutError:
            raise MachineError(
                "the Dask cluster has no workers",
                found=f"{address}: none within {_TIMEOUT} s",
                wanted="at least one, as `dask worker ADDRESS` starts it",
                fix=Phrase("start one, or use {}", _WORKERS),
            ) from None
        executor = stack.enter_context(client.get_executor(pure=False, retries=0))
        stack.callback(executor.shutdown, wait=False)
        threads = client.nthreads().values()
        yield WorkerPool(
            executor, sum(threads), (KilledWorker,), (CancelledError, OSError), is_here=False
        )


def _close(client: Any) -> None:
    with suppress(TimeoutError):
        client.close(timeout=1)


@contextmanager
def mpi() -> Iterator[WorkerPool]:
    """All ranks of this MPI program but the first. Raises UsageError in any other program."""
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError) as error:  # RuntimeError: it finds no MPI library
        raise replace(not_installed("mpi4py", "mpi"), found=str(error).partition("\n")[0]) from None
    size = MPI.COMM_WORLD.Get_size()
    missing = "" if "mpi4py.futures" in sys.orig_argv else ", without -m mpi4py.futures"
    if size < 2 or missing:
        raise UsageError(
            "this was not started as an MPI program",
            found=f"MPI processes: {size}{missing}",
            wanted="one process that distributes trials, and one or more that train",
            fix=Phrase(
                "start it so: mpiexec -n 3 python -m mpi4py.futures {}", Argument("PROGRAM")
            ),
        )
    executor = MPIPoolExecutor(initializer=_defer_to_parent)
    try:
        yield WorkerPool(executor, size - 1, is_here=False)
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, Interrupted):
            # No rank can be interrupted, and MPI would wait for the end of all their trials.
            abort = Timer(1.0, MPI.COMM_WORLD.Abort, (error.exit_code,))
            abort.daemon = True
            abort.start()
        raise
    executor.shutdown()


def _defer_to_parent() -> None:
    """Leave Ctrl-C, and notices, to the process that distributes the trials."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parent has loaded the same data, and has logged what was odd about them.
    logging.getLogger("handstitch").setLevel(logging.ERROR)


def not_installed(
    package: str,
    extra: str,
    instead: Phrase = Phrase("use {}", _WORKERS),  # noqa: B008
) -> UsageError:
    """The error for a missing package that an extra of Handstitch installs."""
    return UsageError(
        f"{package} is not installed",
        found=f"no module {package}",
        wanted=f"Handstitch with its extra `{extra}`",
        fix=Phrase(f"pip install 'handstitch[{extra}]', or {instead.template}", *instead.parts),
    )
