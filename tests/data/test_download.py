"""Downloads against a server on this machine: the right files, from whoever has them, or none."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from handstitch.data import catalog, download, loading, sources
from handstitch.errors import DataError, MachineError
from tests.data.idx_files import SmallDataSets

HOMES = dict(download.MIRRORS)  # as shipped
SCHEME = download._SCHEME
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"

DEAD = "http://127.0.0.1:9/dead/"


class Server:
    """Two homes on one port: /first/ and /second/, each a dictionary of file name → answer."""

    def __init__(self) -> None:
        self.first: dict[str, bytes] = {}
        self.second: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.behaviour: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                if owner.behaviour(self):
                    return
                self.answer(whole=True)

            def do_HEAD(self) -> None:
                self.answer(whole=False)

            def answer(self, *, whole: bool) -> None:
                _, home, name = self.path.split("/")
                content = getattr(owner, home).get(name)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if whole:
                    self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def gets(self, home: str) -> list[str]:
        """The files asked of one home, in order."""
        return [path.split("/")[2] for path in self.asked if path.split("/")[1] == home]


@pytest.fixture
def server(
    empty_machine: Path, small: SmallDataSets, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    server = Server()
    for file in catalog.files_of("fashion-mnist"):
        server.first[file.name] = small.packed_file("fashion-mnist", file.name)
    server.second = dict(server.first)
    homes = (f"{server.url}/first/", f"{server.url}/second/")
    monkeypatch.setattr(download, "MIRRORS", {"fashion-mnist": homes})
    monkeypatch.setattr(download, "TIMEOUT", 2.0)
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def cache(empty_machine: Path) -> Path:
    return empty_machine / "cache/handstitch/fashion-mnist"


NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_what_is_absent_is_fetched_once_and_loaded(
    server: Server, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handstitch")
    assert sources.resolve("auto").name == "fashion-mnist"
    dataset = loading.load("fashion-mnist", "train")
    assert len(dataset) == 20
    assert dataset.location == str(cache)
    assert kept(cache) == sorted(NAMES)  # and nothing half done beside them
    assert server.gets("first") == NAMES
    assert server.gets("second") == []
    assert len(caplog.messages) == 4
    for line in caplog.messages:
        assert "fetching Fashion-MNIST's" in line
        assert str(cache) in line


def test_a_dead_home_is_passed_over(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = (DEAD, f"{server.url}/second/")
    monkeypatch.setattr(download, "MIRRORS", {"fashion-mnist": homes})
    assert loading.fetch("fashion-mnist").folder == cache
    assert kept(cache) == sorted(NAMES)
    assert server.gets("second") == NAMES


def test_a_home_without_the_files_is_passed_over(server: Server, cache: Path) -> None:
    server.first.clear()
    loading.fetch("fashion-mnist")
    assert kept(cache) == sorted(NAMES)
    assert server.gets("first") == []


def test_wrong_bytes_are_refused_and_the_next_home_is_asked(server: Server, cache: Path) -> None:
    sound = server.first[TRAIN_LABELS]
    server.first[TRAIN_LABELS] = sound[:-1] + b"!"
    loading.fetch("fashion-mnist")
    assert (cache / TRAIN_LABELS).read_bytes() == sound
    assert server.gets("first") == NAMES[:2]  # once it has lied it is not asked again
    assert server.gets("second") == NAMES[1:]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file[:-1] + b"!", "checksum mismatch"),
        (lambda file: file + b"!", "sent {} bytes instead of {}"),
    ],
    ids=["other bytes", "other length"],
)
def test_wrong_bytes_everywhere_leave_nothing(
    server: Server, cache: Path, change: Callable[[bytes], bytes], says: str
) -> None:
    length = len(server.first[NAMES[0]])
    for home in (server.first, server.second):
        home[NAMES[0]] = change(home[NAMES[0]])
    with pytest.raises(MachineError) as caught:
        loading.fetch("fashion-mnist")
    assert caught.value.exit_code == 5
    assert str(caught.value.found).count(says.format(length + 1, length)) == 2
    assert kept(cache) == []


def test_an_answer_that_breaks_off_is_not_kept(server: Server, cache: Path) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> bool:
        if not handler.path.endswith(f"/first/{TRAIN_LABELS}"):
            return False
        content = server.first[TRAIN_LABELS]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:20])
        handler.close_connection = True
        return True

    server.behaviour = break_off
    loading.fetch("fashion-mnist")
    assert (cache / TRAIN_LABELS).read_bytes() == server.first[TRAIN_LABELS]
    assert kept(cache) == sorted(NAMES)
    assert server.gets("second") == NAMES[1:]


def test_a_network_that_dies_midway_keeps_what_came_and_goes_on_later(
    server: Server, cache: Path
) -> None:
    rest = {name: server.first.pop(name) for name in NAMES[2:]}
    server.second.clear()
    with pytest.raises(MachineError):
        loading.fetch("fashion-mnist")
    assert kept(cache) == sorted(NAMES[:2])
    with pytest.raises(DataError) as caught:  # not asked for: the data are what is wanting
        loading.load("fashion-mnist", "train")
    assert caught.value.wanted == ", ".join(NAMES[2:])
    assert sources.resolve("auto").name == "sketch"
    server.first.update(rest)
    server.asked.clear()
    loading.fetch("fashion-mnist")
    assert server.gets("first") == NAMES[2:]
    assert len(loading.load("fashion-mnist", "train")) == 20


def test_homes_that_say_nothing_are_given_up(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    silence = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> bool:
        silence.wait(5)
        return True

    server.behaviour = wait
    start = time.monotonic()
    with pytest.raises(MachineError) as caught:
        loading.fetch("fashion-mnist")
    seconds = time.monotonic() - start
    silence.set()
    assert seconds < 2
    assert str(caught.value.found).count("no answer within") == 2
    assert kept(cache) == []


def test_a_lookup_that_never_ends_is_left_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    end = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        end.wait(5)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    start = time.monotonic()
    assert sources.resolve("auto").name == "sketch"
    seconds = time.monotonic() - start
    end.set()
    assert seconds < 1


def test_a_bad_file_in_the_cache_is_reported_not_replaced(server: Server, cache: Path) -> None:
    loading.fetch("fashion-mnist")
    (cache / TRAIN_LABELS).write_bytes(b"mine")
    server.asked.clear()
    for call in (loading.fetch, lambda name: loading.load(name, "train")):
        with pytest.raises(DataError) as caught:
            call("fashion-mnist")
        assert caught.value.fix == (
            "move it aside and run: handstitch.data.loading.fetch('fashion-mnist')"
        )
    assert (cache / TRAIN_LABELS).read_bytes() == b"mine"
    assert server.asked == []
    (cache / TRAIN_LABELS).rename(cache / "aside")  # what the message says
    loading.fetch("fashion-mnist")
    assert len(loading.load("fashion-mnist", "train")) == 20


def test_a_folder_given_is_where_the_files_go(
    server: Server, cache: Path, tmp_path: Path, small: SmallDataSets
) -> None:
    location = loading.fetch("fashion-mnist", tmp_path / "new")
    assert location.folder == tmp_path / "new/fashion-mnist"
    assert len(loading.load("fashion-mnist", "train", tmp_path / "new")) == 20
    begun = small.write("fashion-mnist", tmp_path / "begun")
    (begun / TRAIN_LABELS).unlink()
    assert loading.fetch("fashion-mnist", begun).folder == begun
    assert kept(begun) == sorted(NAMES)
    assert kept(cache) == []


def test_a_disk_that_takes_nothing_is_the_machines_fault(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MachineError) as caught:
        loading.fetch("fashion-mnist", tmp_path / "file")
    assert caught.value.exit_code == 5
    assert "could not be saved" in caught.value.problem
    error = caught.value
    assert error.found is not None
    assert error.wanted
    assert error.fix


def test_no_network_when_fetching_was_asked_for(empty_machine: Path) -> None:
    with pytest.raises(MachineError) as caught:
        loading.fetch("mnist")
    assert caught.value.exit_code == 5
    assert caught.value.problem == "MNIST could not be downloaded"
    assert "no connection" in str(caught.value.found)
    assert "data_dir" in str(caught.value.fix)


# ── As shipped ─────────────────────────────────────────────────────────────────────────────────


def test_each_data_set_has_two_homes_on_different_hosts_over_https() -> None:
    assert set(HOMES) == {"fashion-mnist", "mnist"}
    assert SCHEME == "https://"
    for homes in HOMES.values():
        assert len({urlsplit(home).netloc for home in homes}) >= 2
        assert all(home.startswith("https://") and home.endswith("/") for home in homes)


def test_all_waiting_together_stays_within_fifteen_seconds() -> None:
    for homes in HOMES.values():
        assert download.TIMEOUT * (1 + len(homes)) <= 15


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://example.org/x", None),
        ("https://example.org/x", "http://example.org/y"),
        ("https://example.org/x", "ftp://example.org/y"),
    ],
)
def test_a_way_that_leaves_https_is_refused(url: str, location: str | None) -> None:
    inspect = download._downloader(catalog.FILES[0]).kwargs["hooks"]["response"]
    headers = {"Location": location} if location else {}
    with pytest.raises(ValueError, match="https"):
        inspect(SimpleNamespace(url=url, headers=headers, status_code=302))
    inspect(
        SimpleNamespace(url="https://example.org/x", headers={"Location": "/y"}, status_code=302)
    )
