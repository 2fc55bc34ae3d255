"""What is done to a file of a received folder, and what came of it.

A verb runs in a fork of this process with a limit on time. Outside the folder lies a file that
nobody may read or write: an audit hook reports whoever opens it.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from handstitch import cli, figures
from handstitch.data import loading

LIMIT, CPU_LIMIT = 300.0, 60
"""Seconds for one verb, and of a processor; the slowest takes two where nothing else runs."""
SECRET = b"content of a file outside\n" * 40
SETTINGS = (
    *("--dataset", "sketch", "--epochs", "2", "--threads", "1", "--backend", "numpy"),
    *("--batch-size", "50"),
)
RUN_FILES = (
    "config.toml", "history.csv", "summary.json", "origin.json", "train.log", "README.md",
    "report.html", "curves.png", "weights.png", "weights", "weights/best.safetensors",
    "weights/last.safetensors", "weights/last.previous.safetensors", "test", "test/log.json",
    "test/log.previous.json", "test/.lock", ".lock",
)  # fmt: skip
SEARCH_FILES = (
    "search.json", "study.db", "study.db-journal", "study.db-wal", "study.db-shm", ".lock",
    "pictures", "trials", "trials/0000", "trials/0000/trial.json", "trials/0000/best.safetensors",
    "trials/0001/trial.json", "test", "test/log.json",
)  # fmt: skip
RUN_VERBS = {
    "show": ("show", "run"),
    "show weights": ("show", "weights", "run"),
    "test": ("test", "run"),
    "test FILE": ("test", "run/weights/best.safetensors"),
    "report": ("report", "run"),
    "resume": ("train", "--resume", "run"),
}
SEARCH_VERBS = {
    "show SEARCH": ("show", "search"),
    "search": (
        *("search", *SETTINGS[2:], "--dataset", "sketch", "--hidden", "8", "--lr", "0.1", "0.2"),
        *("--workers", "0", "--out", "search"),
    ),
    "from-search": ("train", "--from-search", "search", "--out", "winner"),
    "test TRIAL": ("test", "search/trials/0000/best.safetensors"),
}


class Outcome(NamedTuple):
    """How a verb ended."""

    code: int | None
    """None: it was stopped after LIMIT."""
    text: str
    reads: int
    """How often the file outside was opened."""
    wrote: bool
    """Whether anything outside is another than before."""

    @property
    def faults(self) -> list[str]:
        """What must not happen."""
        return [
            *(["hang"] if self.code is None else []),
            *(["bug"] if self.code not in {None, 0, 2, 3, 4, 5, 6} else []),
            *(["write outside"] if self.wrote else []),
            *(["read outside"] if self.reads else []),
        ]


def prepare(work: Path) -> None:
    """Make a run, interrupted after one epoch, and a search in `work`; go there."""
    os.chdir(work)
    loading._SKETCH = {"train": (300, 1), "test": (60, 2)}  # type: ignore[misc]
    run = ("train", *SETTINGS, "--hidden", "8", "--out", "run")
    for words in (run, SEARCH_VERBS["search"], ("test", "run"), ("test", "run"), ("report", "run")):
        code, text = _captured(words)
        assert code == 0, text
    _captured(("test", SEARCH_VERBS["test TRIAL"][1]))
    _captured(("train", "--from-search", "search", "--out", "winner"))
    shutil.copy("winner/origin.json", "run/origin.json")
    shutil.rmtree("winner")
    Path("run/summary.json").unlink()  # resuming writes what the end of a run writes
    summary = _captured((*run[:-1], "other"))
    assert summary[0] == 0
    shutil.move("other/summary.json", "summary.json")
    shutil.rmtree("other")


def treatments() -> dict[str, Callable[[Path], object]]:
    """Name → what is put in the place of a file, which is no longer there."""
    return {
        "link to a file": lambda path: path.symlink_to(Path("outside", "victim").absolute()),
        "link to a folder": lambda path: path.symlink_to(Path("outside").absolute()),
        "dangling link": lambda path: path.symlink_to(Path("outside", "new").absolute()),
        "link to itself": lambda path: path.symlink_to(path.name),
        "link to a device": lambda path: path.symlink_to("/dev/zero"),
        "pipe": os.mkfifo,
        "socket": _bind,
        "folder": Path.mkdir,
        "empty": Path.touch,
        "1 GB sparse": _stretch,
        "random bytes": lambda path: path.write_bytes(os.urandom(3000)),
        "SQLite journal": lambda path: path.write_bytes(journal_naming(Path("outside", "victim"))),
        "missing": lambda path: None,
    }


def journal_naming(file: Path) -> bytes:
    """A journal of SQLite that names another file, which SQLite removes when it has read it."""
    name, magic = str(file.absolute()).encode(), bytes.fromhex("d9d505f920a163d7")
    header = magic + struct.pack(">5I", 0, 0, 1, 512, 4096)  # of no page
    end = struct.pack(">II", len(name), sum(name)) + magic
    return header.ljust(512, b"\0") + struct.pack(">I", 1) + name + end


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def _stretch(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(10**9)


_ENDS: tuple[Any, ...] = (
    None, True, -1, 0, 2**53 + 1, 10**40, 1e308, -1e308, 5e-324, "", "\x1b[2J\u202e", "a" * 10**5,
    [], {}, [[]],
)  # fmt: skip


def changed(text: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was done, a record with one change): every field missing and at its ends."""
    yield "other encoding", text.decode().encode("utf-16")
    yield "not UTF-8", text.replace(b'": ', b'\xff": ', 1)
    yield "nested", b'{"a": ' + b"[" * 100_000
    yield "no number", text.replace(b": 1", b": NaN", 1)
    try:
        record = json.loads(text)
    except ValueError:  # a table: its words one after another
        words = text.decode().split(",")
        for at in range(0, len(words), max(1, len(words) // 40)):
            for end in ("", "nan", "inf", "-1", "9" * 5000, "1e999", "x", '"', "\0"):
                yield (
                    f"word {at} {end[:9]}",
                    ",".join([*words[:at], end, *words[at + 1 :]]).encode(),
                )
        return
    for holder, key in _places(record):
        whole = holder[key]
        for end in _ENDS:
            holder[key] = end
            yield f"{key} {str(end)[:9]!r}", json.dumps(record).encode()
        if isinstance(holder, dict):
            del holder[key]
            yield f"{key} missing", json.dumps(record).encode()
        holder[key] = whole


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every field of a record; of a long list the first two."""
    keys = list(value) if isinstance(value, dict) else list(range(min(2, len(value))))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def attack(
    base: Path,
    name: str,
    verb: tuple[str, ...],
    change: Callable[[Path], object],
    *,
    draws: bool = False,
) -> Outcome:
    """What a verb answers where the file `name` was changed; pictures are drawn only if `draws`."""
    case = base / "case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir()
    for folder in ("run", "search"):
        shutil.copytree(base / folder, case / folder)
    (case / "outside").mkdir()
    (case / "outside" / "victim").write_bytes(SECRET)
    os.chdir(case)
    path = case / name
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    path.parent.mkdir(exist_ok=True)
    change(path)
    code, text, reads = _forked(verb, draws)
    outside = {file.name: file.read_bytes() for file in (case / "outside").iterdir()}
    os.chdir(base)
    return Outcome(code, text, reads, outside != {"victim": SECRET})


def _forked(words: tuple[str, ...], draws: bool) -> tuple[int | None, str, int]:
    """(exit code, what was printed, opened files outside) of a verb in a fork."""
    answer = Path("answer.json").absolute()
    child = os.fork()
    if not child:
        reads: list[str] = []
        outside = os.path.realpath("outside")

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event in {"open", "sqlite3.connect", "os.listdir", "os.scandir"} and isinstance(
                arguments[0], (str, os.PathLike)
            ):
                real = os.path.realpath(arguments[0])
                if real.startswith(outside):
                    reads.append(real)

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
        sys.addaudithook(watch)
        if not draws:
            _draw_nothing()
        code, text = 1, ""
        try:
            code, text = _captured(words)
        except BaseException as error:  # noqa: BLE001 (nothing may leave the fork)
            text = repr(error)
        answer.write_text(json.dumps([code, text, len(reads)]))
        os._exit(0)
    until = time.monotonic() + LIMIT
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None, "", 0
        time.sleep(0.005)
    if not answer.exists():
        return 1, "the process died", 0
    code, text, reads_ = json.loads(answer.read_text())
    return code, text, reads_


def _draw_nothing() -> None:
    Figure.draw_without_rendering = lambda self: None  # type: ignore[method-assign]
    figures.png = lambda figure, dpi=0: b"a picture"
    figures.svg = lambda figure: "<svg/>"


def _captured(words: tuple[str, ...]) -> tuple[int, str]:
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        code = cli.run(list(words))
    return code, text.getvalue()
