"""A received run and search, and what is done to each of their files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import socket
import struct
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from handstitch import runs
from handstitch.config import Config
from handstitch.config.messages import pretty_json
from handstitch.config.toml import format_toml
from handstitch.data import loading
from handstitch.runs.validation_set import ValidationSet
from tests.fuzz import targets
from tests.fuzz.target import CUT
from tests.hostile.attack import attack, captured

Words = tuple[str, ...]
CONFIG = Config(
    dataset="sketch", epochs=3, threads=1, backend="numpy", batch_size=50, hidden_sizes=(8,)
)
RUN_VERBS = {
    "show": ("show", "run"),
    "show --json": ("show", "run", "--json"),
    "show weights": ("show", "weights", "run"),
    "test": ("test", "run"),
    "test FILE": ("test", "run/weights/best.safetensors"),
    "predict": ("predict", "run", "--rows", "0:3"),
    "report": ("report", "run"),
    "compare": ("compare", "run", "run/weights/last.safetensors"),
    "resume": ("train", "--resume", "run"),
}
SEARCH_VERBS = {
    "show SEARCH": ("show", "search"),
    "show SEARCH --json": ("show", "search", "--json"),
    "search": (
        *("search", "--dataset", "sketch", "--epochs", "2", "--threads", "1", "--backend", "numpy"),
        *("--batch-size", "50", "--hidden", "8", "--lr", "0.1", "0.2", "--seeds", "3"),
        *("--workers", "0", "--out", "search"),
    ),
    "from-search": ("train", "--from-search", "search", "--out", "new/winner"),
    "compare SEARCH": ("compare", "search:0", "search"),
    "test TRIAL": ("test", "search/trials/0000/best.safetensors"),
}
VERBS = RUN_VERBS | SEARCH_VERBS
_ALIKE = {"show --json", "show SEARCH --json", "test FILE", "predict"}
"""Verbs that read a record by the same call as another: every file is replaced for them, too."""
_EXTRA = {
    "run": ("validation.json",),  # of a run with a validation set of its own
    "search": ("study.db-journal", "study.db-wal", "study.db-shm"),  # SQLite removes them
}
_DIGEST = re.compile("[0-9a-f]{64}")
_AS_BEFORE = re.compile("trials/000[1-4]")
"""Trials that are read as the first is; the last is trained again."""
RECORDS = (
    *("run/config.toml", "run/history.csv", "run/summary.json", "run/origin.json"),
    *("run/test/log.json", "search/search.json", "search/trials/0000/trial.json"),
    *("search/test/log.json", "run/weights/best.safetensors", "run/weights/last.safetensors"),
    *("run/start.json", "run/weights/start.safetensors", "run/validation.json"),
)


def prepare(base: Path) -> None:
    """Make a run, interrupted after two of three epochs, and a search, after five of six trials.

    Goes to the folder `base`. A summary and the record of a validation set, which such a run has
    not, lie beside.
    """
    os.chdir(base)
    loading._SKETCH = {"train": (300, 1), "test": (60, 2)}  # type: ignore[misc]
    _run("search")
    _run("from-search")
    origin = Path("new/winner/origin.json").read_bytes()
    beside = {"origin.json": origin.replace(b"../../search", b"../search")}
    shutil.copy("new/winner/summary.json", "summary.json")
    own = ValidationSet(name="own", digest="0" * 64)
    Path("validation.json").write_bytes(pretty_json(own))
    with runs.create(CONFIG, out="new/start") as run:
        next(run.train())
    start = runs.Origin.of("new/start")
    shutil.rmtree("new")
    shutil.rmtree("search/trials/0005")
    with runs.create(CONFIG, out="run", beside=beside, origin=start) as run:
        list(islice(run.train(), 2))
    for verb in ("test TRIAL", "test", "test", "report", "show SEARCH"):
        _run(verb)


def _run(verb: str) -> None:
    code, text = captured(VERBS[verb])
    assert code == 0, text


def files_of(base: Path) -> dict[str, dict[str, Words]]:
    """Every file and folder that a verb reads or makes, with the verbs of its folder."""
    found: dict[str, dict[str, Words]] = {}
    for folder, verbs in (("run", RUN_VERBS), ("search", SEARCH_VERBS)):
        names = {f"{folder}/{name}" for name in _EXTRA[folder]}
        for words in verbs.values():
            attack(base, f"{folder}/nothing", words, lambda path: None)
            for place in (base, base / "case"):
                names |= {str(path.relative_to(place)) for path in (place / folder).rglob("*")}
        found |= {name: verbs for name in sorted(names) if not _AS_BEFORE.search(name)}
    return found


def records_of(base: Path) -> Iterator[tuple[str, bytes, dict[str, Words]]]:
    """Every record, its content, and the verbs that read it."""
    for name in RECORDS:
        path = base / name
        content = (path if path.exists() else base / path.name).read_bytes()
        put = partial(Path.write_bytes, data=content)
        verbs = RUN_VERBS if name.startswith("run/") else SEARCH_VERBS
        yield (
            name,
            content,
            {
                verb: words
                for verb, words in VERBS.items()
                if words in verbs.values()
                and verb not in _ALIKE
                and name in attack(base, name, words, put).opened
            },
        )


def treatments() -> dict[str, Callable[[Path], object]]:
    """Name → what is put in the place of a file, which is no longer there."""
    return {
        "link to a file": lambda path: path.symlink_to(Path("outside", "victim").absolute()),
        "link to a folder": lambda path: path.symlink_to(Path("outside").absolute()),
        "link to its like": _link_to_copy,
        "dangling link": lambda path: path.symlink_to(Path("outside", "new").absolute()),
        "link to itself": lambda path: path.symlink_to(path.name),
        "link to a device": lambda path: path.symlink_to("/dev/zero"),
        "pipe": os.mkfifo,
        "socket": _bind,
        "folder": Path.mkdir,
        "empty": Path.touch,
        "1 GB sparse": _stretch,
        "random bytes": lambda path: path.write_bytes(Random(path.name).randbytes(3000)),
        "SQLite journal": lambda path: path.write_bytes(journal_naming(Path("outside", "victim"))),
        "missing": lambda path: None,
    }


def journal_naming(file: Path) -> bytes:
    """A journal of SQLite that names another file, which SQLite removes when it has read it."""
    name, magic = str(file.absolute()).encode(), bytes.fromhex("d9d505f920a163d7")
    header = magic + struct.pack(">5I", 0, 0, 1, 512, 4096)  # of no page
    end = struct.pack(">II", len(name), sum(name)) + magic
    return header.ljust(512, b"\0") + struct.pack(">I", 1) + name + end


def _link_to_copy(path: Path) -> None:
    """A link to a sound copy outside of what stood here."""
    sound, copy = Path("..", path.relative_to(Path.cwd())), Path("outside", "like").absolute()
    if sound.is_dir():
        shutil.copytree(sound, copy)
    elif sound.exists():
        shutil.copy(sound, copy)
    path.symlink_to(copy)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def _stretch(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(10**9)


_ENDS: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**53, 2**53 + 1, 10**40, 1e300, -1e300, 1e308, 5e-324),
    *("", "\x1b[2J\u202e", "a" * 10**5, "../outside/victim", [], {}, [[]]),
)
"""The ends of the ranges in `records`, and what lies beyond them."""


def changed(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was done, a record with one change): every field missing and at its ends."""
    if not name.endswith(".safetensors"):
        yield "other encoding", content.decode().encode("utf-16")
        yield "not UTF-8", content.replace(b"e", b"\xff", 1)
        yield "nested", b'{"a": ' + b"[" * 100_000
        yield "twice", content * 2
        yield "no number", re.sub(rb"\d+(?=\s*[,\n])", b"NaN", content, count=1)
        yield "a long number", re.sub(rb"\d+(?=\s*[,\n])", b"9" * 5000, content, count=1)
    record, encoded = _parsed(name, content)
    for holder, key in _places(record):
        whole = holder[key]
        for end in _ENDS:
            holder[key] = end
            yield f"{key} = {json.dumps(end)[:12]}", encoded(record)
        if isinstance(holder, dict):
            del holder[key]
            yield f"{key} missing", encoded(record)
        holder[key] = whole


def _parsed(name: str, content: bytes) -> tuple[Any, Callable[[Any], bytes]]:
    """A record, and how it is written."""
    if name.endswith(".csv"):
        return list(csv.DictReader(io.StringIO(content.decode()))), _table
    if name.endswith(".toml"):
        return tomllib.loads(content.decode()), _settings
    if name.endswith(".safetensors"):  # the description, with the digest put right
        description, rest = targets._opened(content).split(CUT, 1)
        return json.loads(description), partial(_model, rest=rest)
    return json.loads(content), _json


def _json(record: Any) -> bytes:
    return json.dumps(record).encode()


def _settings(record: Any) -> bytes:
    return "\n".join(format_toml(*item) for item in record.items()).encode()


def _model(record: Any, rest: bytes) -> bytes:
    return targets._sealed(_json(record) + CUT + rest, 0)


def _table(record: Any) -> bytes:
    rows = [row for row in record if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    csv.writer(text).writerows([names, *([row.get(name) for name in names] for row in rows)])
    return text.getvalue().encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every field of a record; of a list, and of what is kept by its digest, the first."""
    keys: list[Any] = list(value if isinstance(value, dict) else range(len(value)))
    are_alike = isinstance(value, list) or _DIGEST.fullmatch(keys[0])
    for key in keys[:1] if are_alike else keys:
        yield value, key
        if value[key] and isinstance(value[key], (dict, list)):
            yield from _places(value[key])
