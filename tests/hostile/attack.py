"""What a verb does in a received folder: in a fork, with limits, and watched.

Beside the folder lie files that nobody may read or write. What is opened is reported by an audit
hook; what was written is seen in the files, too.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from matplotlib.figure import Figure

import handstitch
from handstitch import cli, figures

LIMIT, CPU_LIMIT = 120.0, 20
"""Seconds for one verb, and of a processor; the slowest takes one where nothing else runs and the
numba backend is compiled already, as `make` does it."""
GROWTH = 256 * 2**20
"""Bytes that a verb may take more than it starts with."""
SECRET = b"content of a file outside\n" * 40
ENDED = {0, 2, 3, 4, 5, 6}
"""Exit codes that are an answer."""
_OF_ARRAYS = (
    *("heat_maps", "unit_tiles", "weights", "before_after", "worst_mistakes"),
    "reliability",
)
"""Figures that show nothing of a record."""
ANSWER = "answer.json"
_OWN = ("run", "search", "new")
"""Where a verb may write: the folders that were received, and one for a new run."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READERS = {"os.listdir", "os.scandir", "sqlite3.connect"}
_WRITERS = {
    *("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
}
_RAW = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
"""What a terminal would obey."""


class Outcome(NamedTuple):
    """How a verb ended."""

    code: int | None
    """None: it was stopped at a limit."""
    text: str
    opened: list[str]
    """What it opened, relative to the folder of the case."""
    read: list[str]
    """Files outside that were opened."""
    written: list[str]
    """Files outside that were written, or opened for writing."""
    seconds: float
    growth: int
    """Bytes."""

    @property
    def faults(self) -> list[str]:
        """What must not happen."""
        return [
            *(["hang"] if self.code is None else []),
            *(["bug"] if self.code not in {None, *ENDED} or _RAW.search(self.text) else []),
            *(["memory"] if self.growth > GROWTH else []),
            *(["write outside"] if self.written else []),
            *(["read outside"] if self.read else []),
        ]


def attack(
    base: Path,
    name: str,
    words: tuple[str, ...],
    change: Callable[[Path], object],
    *,
    draws: bool = False,
) -> Outcome:
    """What a verb does where the file `name` was changed; pictures are drawn only if `draws`.

    `base` holds the sound folders; they are copied to base/case, where `change` makes the file.
    """
    case = base / "case"
    shutil.rmtree(case, ignore_errors=True)
    for folder in ("run", "search"):
        shutil.copytree(base / folder, case / folder)
    (case / "new").mkdir()
    (case / "outside").mkdir()
    (case / "outside" / "victim").write_bytes(SECRET)
    path = case / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.chdir(case)
    change(path)
    before = _beside(case)
    outcome = _forked(case, words, draws)
    after = _beside(case)
    os.chdir(base)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    return outcome._replace(written=outcome.written + changed)


def captured(words: tuple[str, ...]) -> tuple[int, str]:
    """(exit code, what was printed) of a verb."""
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        code = cli.run(list(words))
    return code, text.getvalue()


def _beside(case: Path) -> dict[str, bytes]:
    """All that stands beside the folders in which verbs may write."""
    paths = [path for entry in case.iterdir() if entry.name not in _OWN for path in _below(entry)]
    return {
        str(path): path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        for path in paths
    }


def _below(path: Path) -> list[Path]:
    return [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]


def _forked(case: Path, words: tuple[str, ...], draws: bool) -> Outcome:
    """What a verb does, in a fork that has its imports already."""
    answer = case.parent / ANSWER
    answer.unlink(missing_ok=True)
    started = time.monotonic()
    gc.freeze()  # else the fork collects this process's garbage, and copies its memory for it
    child = os.fork()
    if not child:
        _child(case, words, draws, answer)
    gc.unfreeze()
    descriptor = os.pidfd_open(child)
    in_time, _, _ = select.select([descriptor], [], [], LIMIT)
    os.close(descriptor)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGKILL, signal.SIGXCPU}:
        return Outcome(None, "", [], [], [], seconds, 0)
    if not answer.exists():
        return Outcome(1, f"the process died: {status}", [], [], [], seconds, 0)
    code, text, opened, read, written, growth = json.loads(answer.read_text())
    return Outcome(code, text, opened, read, written, seconds, growth)


def _child(case: Path, words: tuple[str, ...], draws: bool, answer: Path) -> None:
    """Run a verb, write what it did, and end this process."""
    watch = _Watch(case)
    sys.dont_write_bytecode = True
    sys.addaudithook(watch)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**28, 2**28))
    if not draws:
        _draw_nothing()
    before = _highest()
    code, text = 1, ""
    try:
        code, text = captured(words)
    except BaseException as error:  # noqa: BLE001 (nothing may leave the fork)
        text = repr(error)
    found = watch.opened, watch.read, watch.written
    content = json.dumps([code, text, *found, _highest() - before])
    answer.write_text(content)
    os._exit(0)


def _draw_nothing() -> None:
    Figure.draw_without_rendering = lambda self: None  # type: ignore[method-assign]
    figures.png = lambda figure, dpi=0: b"a picture"
    figures.svg = lambda figure: "<svg/>"
    for name in _OF_ARRAYS:
        setattr(figures, name, lambda *arrays, **options: Figure())


def _highest() -> int:
    """Bytes that this process had at most so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _Watch:
    """An audit hook that lists what is opened, and of that what is outside."""

    def __init__(self, case: Path) -> None:
        self.opened: list[str] = []
        self.read: list[str] = []
        self.written: list[str] = []
        self._case = f"{case}{os.sep}"
        self._own = tuple(f"{case / name}{os.sep}" for name in _OWN)
        # Code that was compiled is kept in the package.
        self._writable = (*self._own, f"{Path(handstitch.__file__).parent}{os.sep}")
        self._sound = {self._case, f"{os.devnull}{os.sep}", f"{case.parent / ANSWER}{os.sep}"}

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An event of Python: https://docs.python.org/3/library/audit_events.html."""
        if event in _WRITERS:
            for each in arguments:
                self._note(event, each, writes=True, follows=False)
        elif event in _READERS or event == "open":
            writes = event == "open" and bool(arguments[2] & _WRITING)
            self._note(event, arguments[0], writes=writes, follows=True)

    def _note(self, event: str, path: object, *, writes: bool, follows: bool) -> None:
        """`follows`: what a link leads to is meant, not the link."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        if name.startswith("file:"):  # an address of SQLite
            name = unquote(urlsplit(name).path, errors="surrogateescape")
        here = os.path.normpath(Path.cwd() / name)
        real = os.path.realpath(here if follows else Path(here).parent) + os.sep
        here += os.sep
        if here.startswith(self._own):
            self.opened.append(here.removeprefix(self._case).removesuffix(os.sep))
        if real.startswith(self._writable) or real in self._sound or here in self._own:
            return
        if writes:
            self.written.append(f"{event} {name}")
        elif here.startswith(self._case) or real.startswith(self._case):
            self.read.append(f"{event} {name}")
