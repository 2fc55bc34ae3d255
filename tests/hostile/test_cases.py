"""A part of `make hostile`; one fault of each kind is planted, and the script sees it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from handstitch import cli, storage
from handstitch.data import loading
from handstitch.runs import folder as run_folder
from handstitch.runs.test_log import TEST_LOG
from handstitch.search import folder as search_folder
from handstitch.storage import sqlite
from tests.hostile import attack as attacking
from tests.hostile.attack import attack
from tests.hostile.cases import VERBS, changed, files_of, prepare, treatments

LINKS = ("link to a file", "link to a folder", "link to its like", "dangling link")
SPECIAL = (
    *("link to a device", "pipe", "socket", "folder", "empty", "1 GB sparse", "random bytes"),
    "SQLite journal",
)


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run and a search that somebody sent."""
    here, drawn = Path.cwd(), loading._SKETCH
    base = tmp_path_factory.mktemp("received").resolve()
    prepare(base)
    yield base
    os.chdir(here)
    loading._SKETCH = drawn  # type: ignore[misc]


@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize(
    ("file", "verb"),
    [
        ("run/.lock", "resume"),
        ("run/config.toml", "show"),
        ("run/history.csv", "show"),
        ("run/summary.json", "report"),
        ("run/report.html", "report"),
        ("run/README.md", "resume"),
        ("run/curves.png", "show"),
        ("run/weights", "resume"),
        ("run/weights/best.safetensors", "test"),
        ("run/weights/last.safetensors", "resume"),
        ("run/weights/start.safetensors", "resume"),
        ("run/start.json", "resume"),
        ("run/validation.json", "resume"),
        ("run/origin.json", "test"),
        ("search/search.json", "show SEARCH"),
        ("search/study.db", "search"),
        ("search/study.db-journal", "search"),
        ("search/study.db-wal", "search"),
        ("search/study.db-shm", "search"),
        ("search/.lock", "search"),
        ("search/trials", "show SEARCH"),
        ("search/trials/0000/trial.json", "show SEARCH"),
    ],
)
def test_no_link_is_followed(received, what, file, verb):
    words = VERBS[verb]
    outcome = attack(received, file, words, treatments()[what])
    assert not outcome.faults, outcome.text
    # The page of a run is made without what cannot be read, and says so.
    assert outcome.code in {2, 3, 4, 5} or verb == "report", outcome.text
    assert "a link to" in outcome.text


@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize("file", ["run/test/.lock", "run/test", "run/test/log.json"])
def test_a_test_result_stands_where_its_log_is_a_link(received, what, file):
    outcome = attack(received, file, VERBS["test"], treatments()[what])
    assert not outcome.faults
    assert "this test evaluation is not recorded" in outcome.text
    assert "Test accuracy" in outcome.text


@pytest.mark.parametrize("what", SPECIAL)
@pytest.mark.parametrize(
    ("file", "verb"),
    [
        ("run/config.toml", "show"),
        ("run/history.csv", "show"),
        ("run/summary.json", "report"),
        ("run/test/log.json", "test"),
        ("run/weights/last.safetensors", "resume"),
        ("run/weights/start.safetensors", "resume"),
        ("run/start.json", "resume"),
        ("run/validation.json", "resume"),
        ("run/.lock", "resume"),
        ("run/origin.json", "test"),
        ("search/search.json", "show SEARCH"),
        ("search/trials/0000/trial.json", "from-search"),
        ("search/study.db", "search"),
        ("search/study.db-journal", "search"),
        ("search/study.db-wal", "search"),
        ("search/study.db-shm", "search"),
    ],
)
def test_a_special_file_has_an_answer(received, what, file, verb):
    outcome = attack(received, file, VERBS[verb], treatments()[what])
    assert not outcome.faults, outcome.text


@pytest.mark.parametrize(
    ("file", "verb"),
    [
        ("run/config.toml", "resume"),
        ("run/history.csv", "show"),
        ("run/summary.json", "report"),
        ("run/test/log.json", "report"),
        ("run/start.json", "resume"),
        ("run/validation.json", "resume"),
        ("run/origin.json", "test"),
        ("search/search.json", "show SEARCH"),
        ("search/trials/0000/trial.json", "show SEARCH"),
    ],
)
def test_a_changed_record_is_no_bug(received, file, verb):
    path = received / file
    content = (path if path.exists() else received / path.name).read_bytes()
    edits = list(changed(file, content))
    for what, text in [*edits[:6:2], *edits[6 :: len(edits) // 4]]:
        outcome = attack(received, file, VERBS[verb], partial(Path.write_bytes, data=text))
        assert not outcome.faults, (what, outcome.text)


def test_every_file_of_a_run_and_a_search_is_replaced(received):
    files = files_of(received)
    of_run = {name for word, name in vars(run_folder).items() if word.isupper() and word != "RUNS"}
    of_search = {search_folder.SEARCH, search_folder.STUDY, search_folder.TRIALS, "candidates.csv"}
    for folder, names in (("run", of_run), ("search", of_search)):
        for name in (*names, TEST_LOG, "test/.lock", ".lock"):
            assert f"{folder}/{name}" in files


def test_a_record_names_no_search_that_its_writer_did_not_know(received):
    log = received / "search" / "test" / "log.json"
    before = log.read_bytes()
    text = (received / "run" / "origin.json").read_bytes()
    study = text.split(b'"study": "')[1].split(b'"')[0]
    for content, recorded in [(text, True), (text.replace(study, b"search-00000000"), False)]:
        outcome = attack(
            received,
            "run/origin.json",
            VERBS["test"],
            partial(Path.write_bytes, data=content),
        )
        assert outcome.code == 0
        assert ("of its search" in outcome.text) == recorded
        after = (received / "case" / "search" / "test" / "log.json").read_bytes()
        assert (after != before) == recorded


def test_the_folder_that_is_named_may_be_a_link(received):
    words = ("show", "elsewhere")
    outcome = attack(received, "elsewhere", words, lambda path: path.symlink_to(received / "run"))
    assert outcome.code == 0, outcome.text


def test_a_second_name_of_a_file_keeps_its_content(received):
    outcome = attack(
        received, "run/.lock", VERBS["resume"], lambda path: path.hardlink_to("outside/victim")
    )
    assert not outcome.written
    assert outcome.code == 0


def test_sqlite_removes_no_file_that_a_journal_names(received, monkeypatch):
    case = (received, "search/study.db-journal", VERBS["search"])
    put = treatments()["SQLite journal"]
    outcome = attack(*case, put)
    assert not outcome.faults
    assert outcome.code == 5
    assert "study.db-journal" in outcome.text
    # Where nobody looks, SQLite does remove it.
    monkeypatch.setattr(sqlite, "_NAMES_A_FILE", b"another end")
    assert "write outside" in attack(*case, put).faults


def sleep() -> None:
    time.sleep(60)


def compute() -> None:
    while True:
        pass


def fail() -> None:
    raise ZeroDivisionError


def obey() -> None:
    sys.stdout.write("\x1b[2J")


def grow() -> None:
    assert bytearray(b"x") * 2**29


def write() -> None:
    Path("outside", "victim").write_text("", "utf-8")


def write_elsewhere() -> None:
    Path("..", "elsewhere").mkdir()


def remove() -> None:
    Path("outside", "victim").unlink()


def read() -> None:
    Path("run", "..", "outside", "victim").read_bytes()


def listed() -> None:
    list(Path("outside").iterdir())


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (sleep, "hang"), (compute, "hang"), (fail, "bug"), (obey, "bug"), (grow, "memory"),
        (write, "write outside"), (write_elsewhere, "write outside"), (remove, "write outside"),
        (read, "read outside"), (listed, "read outside"),
    ],
)  # fmt: skip
def test_planted_faults_are_seen(received, monkeypatch, plant: Callable[[], None], fault: str):
    def run(words: list[str]) -> int:
        plant()
        return 0

    monkeypatch.setattr(cli, "run", run)
    monkeypatch.setattr(attacking, "LIMIT", 0.3 if plant is sleep else 60.0)
    monkeypatch.setattr(attacking, "CPU_LIMIT", 1 if plant is compute else 60)
    assert attack(received, "run/nothing", ("show",), lambda path: None).faults == [fault]


def test_links_that_are_followed_are_seen(received, monkeypatch):
    monkeypatch.setattr(storage, "inside", lambda folder, name: Path(folder) / name)
    put = treatments()
    faults = attack(received, "run/README.md", VERBS["resume"], put["link to a file"]).faults
    assert "write outside" in faults
    for what in ("link to a file", "link to its like"):
        faults = attack(received, "run/history.csv", VERBS["show"], put[what]).faults
        assert "read outside" in faults
