"""What Optuna's study holds, where it is kept, and what is said when it cannot be."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import psycopg
import pytest

from handstitch import cli
from handstitch import search as searches
from handstitch.cli import error_messages
from handstitch.errors import HandstitchError
from handstitch.records import Trial
from handstitch.search.study import parse, shown
from tests.search import searching
from tests.search.searching import GRID, table

PROGRAMS = ("initdb", "pg_ctl", "postgres")
PASSWORD = "s3cret"


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """The folder of a finished search of eight trials."""
    assert searching.run_here(*GRID, "--out", str(tmp_path / "grid")) == 0
    return tmp_path / "grid"


def studied(url: str) -> list[optuna.trial.FrozenTrial]:
    """The trials of the only study there, as Optuna reads them."""
    storage = optuna.storages.RDBStorage(url)
    try:
        (name,) = optuna.get_all_study_names(storage)
        return optuna.load_study(study_name=name, storage=storage).get_trials()
    finally:
        storage.remove_session()
        storage.engine.dispose()


def in_file(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return studied(f"sqlite:///{folder / 'study.db'}")


def require_the_same(study: list[optuna.trial.FrozenTrial], folder: Path) -> None:
    """Fail unless a study says what a search's folder says."""
    found = searches.load(folder)
    assert [each.number for each in study] == [trial.number for trial in found.trials]
    for each, trial in zip(study, found.trials, strict=True):
        assert each.state.name.lower() == trial.state
        widths = ",".join(map(str, trial.parameters["hidden_sizes"]))
        assert each.params == trial.parameters | {"hidden_sizes": widths}
        accuracies = {record.epoch: record.val_accuracy or 0 for record in trial.history}
        assert each.intermediate_values == accuracies
        assert each.value == max(accuracies.values())
        told = each.user_attrs
        assert (told["seed"], told["candidate"], told["repeat"]) == (
            trial.seed, trial.candidate, trial.repeat,
        )  # fmt: skip
        assert (told["seconds"], told["threads"]) == (trial.seconds, 1)
        assert told["config"]["learning_rate"] == trial.parameters["learning_rate"]
        assert [epoch["val_loss"] for epoch in told["history"]] == [
            record.val_loss for record in trial.history
        ]


def test_the_study_says_what_the_folder_says(grid):
    require_the_same(in_file(grid), grid)


def test_a_study_that_is_gone_is_written_anew(grid, capsys):
    before = table(grid)
    (grid / "study.db").unlink()
    shutil.rmtree(grid / "trials" / "0003")
    assert searching.run_here(*GRID, "--out", str(grid)) == 0
    complaint = capsys.readouterr().err
    assert "Trial 3," in complaint
    assert "Trial 2," not in complaint
    assert table(grid) == before
    require_the_same(in_file(grid), grid)
    # Of a finished search, too.
    (grid / "study.db").unlink()
    assert searching.run_here(*GRID, "--out", str(grid)) == 0
    assert "nothing left to train" in capsys.readouterr().err
    require_the_same(in_file(grid), grid)


def test_a_search_does_not_need_its_study(grid, capsys):
    """A file that is no study: said once; removed, it is written anew."""
    before = table(grid)
    shutil.rmtree(grid / "trials" / "0003")
    shutil.rmtree(grid / "trials" / "0006")
    (grid / "study.db").write_bytes(b"no database" * 1000)
    assert searching.run_here(*GRID, "--out", str(grid)) == 0
    complaint = capsys.readouterr().err
    assert complaint.count("study.db cannot be written: file is not a database") == 1
    assert table(grid) == before
    (grid / "study.db").unlink()
    assert searching.run_here(*GRID, "--out", str(grid)) == 0
    require_the_same(in_file(grid), grid)


def test_a_study_that_is_damaged_in_the_middle_harms_nothing(grid, tmp_path, capsys, monkeypatch):
    other = tmp_path / "other"
    keep = searches.Search.keep

    def damaging(self: searches.Search, trial: Trial, best: bytes) -> None:
        keep(self, trial, best)
        if trial.number == 2:
            (other / "study.db").write_bytes(b"no database" * 1000)

    monkeypatch.setattr(searches.Search, "keep", damaging)
    assert searching.run_here(*GRID, "--out", str(other)) == 0
    assert capsys.readouterr().err.count("study.db cannot be written: ") == 1
    assert table(other) == table(grid)
    (other / "study.db").unlink()
    assert searching.run_here("--out", str(other)) == 0
    require_the_same(in_file(other), other)


@pytest.mark.parametrize(
    "planted",
    [
        ["CREATE TRIGGER endless AFTER INSERT ON trials BEGIN SELECT 1; END"],
        [
            "DROP TABLE version_info",
            """CREATE VIEW version_info AS WITH RECURSIVE n(i) AS
            (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS version_info_id FROM n""",
        ],
        ["CREATE VIRTUAL TABLE words USING fts5(word)"],
    ],
)
def test_a_study_with_a_program_in_it_is_left_alone(grid, capsys, planted):
    with closing(sqlite3.connect(grid / "study.db")) as connection:
        for statement in planted:
            connection.execute(statement)
        connection.commit()
    content = (grid / "study.db").read_bytes()
    shutil.rmtree(grid / "trials" / "0003")
    assert searching.run_here(*GRID, "--out", str(grid)) == 0
    assert "is no table and no index of one" in capsys.readouterr().err
    assert (grid / "study.db").read_bytes() == content
    assert (grid / "trials" / "0003").exists()


# ── PostgreSQL ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server on loopback, of which only these tests know."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no PostgreSQL here: {', '.join(missing)} not found")
    # It refuses to run as root.
    other = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "password").write_text(PASSWORD)
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        control = [*other, "pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log"]
        for step in (
            [*other, "initdb", "-D", f"{folder}/data", "-A", "scram-sha-256", "-U", "searcher",
             f"--pwfile={folder}/password", "--no-sync"],
            [*control, "-o", options, "start"],
        ):  # fmt: skip
            subprocess.run(step, check=True, capture_output=True, cwd=folder, timeout=60)
        try:
            yield f"postgresql://searcher:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True,
                           cwd=folder, timeout=60)  # fmt: skip


def test_the_same_table_with_postgresql(grid, server, tmp_path, capsys):
    other = tmp_path / "other"
    words = (*GRID, "--out", str(other), "--storage", server)
    assert searching.run_here(*words) == 0
    assert table(other) == table(grid)
    assert not (other / "study.db").exists()
    require_the_same(studied(server.replace("postgresql", "postgresql+psycopg")), other)

    shutil.rmtree(other / "trials" / "0005")
    assert searching.run_here(*words, "--bogus") == 2
    assert searching.run_here(*words) == 0
    assert table(other) == table(grid)
    # Any call may name another place: all of the search is shown there.
    assert searching.run_here("--out", str(other)) == 0
    require_the_same(in_file(other), other)
    (other / "study.db").unlink()
    said = capsys.readouterr()
    kept = b"".join(file.read_bytes() for file in other.rglob("*") if file.is_file())
    assert PASSWORD not in said.out + said.err
    assert PASSWORD.encode() not in kept


def test_a_server_that_ends_in_the_middle_harms_nothing(
    grid, server, tmp_path, capsys, monkeypatch
):
    """All its connections end, and it takes no new one until the search is over."""
    other = tmp_path / "other"
    words = (*GRID, "--out", str(other), "--storage", server.replace("/postgres", "/middle"))
    keep = searches.Search.keep
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE middle")

        def ending(self: searches.Search, trial: Trial, best: bytes) -> None:
            keep(self, trial, best)
            if trial.number == 2:
                connection.execute("ALTER DATABASE middle ALLOW_CONNECTIONS false")
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='middle'"
                )

        monkeypatch.setattr(searches.Search, "keep", ending)
        assert searching.run_here(*words) == 0
        said = capsys.readouterr().err
        assert said.count(f"{server.replace(PASSWORD, '***')[:-9]}/middle cannot be written: ") == 1
        assert PASSWORD not in said
        assert table(other) == table(grid)
        connection.execute("ALTER DATABASE middle ALLOW_CONNECTIONS true")
        assert searching.run_here(*words) == 0
    url = server.replace("postgresql", "postgresql+psycopg").replace("/postgres", "/middle")
    require_the_same(studied(url), other)


def test_a_wrong_password_is_exit_5_and_is_not_shown(server, tmp_path, capsys):
    words = ("--out", str(tmp_path / "grid"), "--storage", server.replace(PASSWORD, "wr0ng"))
    assert searching.run_here(*GRID, *words) == 5
    complaint = capsys.readouterr().err
    assert "password authentication failed" in complaint
    assert "searcher:***@127.0.0.1" in complaint
    assert "wr0ng" not in complaint
    assert not (tmp_path / "grid").exists()


def test_a_database_that_is_not_there_is_exit_5(tmp_path, capsys):
    nowhere = "postgresql://searcher:wr0ng@127.0.0.1:9/postgres"
    words = (*GRID, "--out", str(tmp_path / "grid"), "--storage", nowhere)
    assert searching.run_here(*words) == 5
    complaint = capsys.readouterr().err
    assert "found   postgresql://searcher:***@127.0.0.1:9/postgres: " in complaint
    assert "Connection refused" in complaint
    assert not (tmp_path / "grid").exists()


@pytest.mark.parametrize(
    "address", ["mysql://me:wr0ng@h/d", "me:wr0ng@h:x/d", "postgresql://me:wr0ng@h:port/d", "x"]
)
def test_what_is_no_database_is_refused(tmp_path, capsys, address):
    words = (*GRID, "--out", str(tmp_path / "grid"), "--storage", address)
    assert searching.run_here(*words) == 2
    complaint = capsys.readouterr().err
    assert "unsupported database" in complaint
    assert "wr0ng" not in complaint


def test_no_password_is_left_anywhere_by_a_search_that_succeeds(server, tmp_path, capsys):
    """In the query and percent-encoded; then a bad flag, and a server that refuses the secret."""
    place, query = server.rpartition("@")[2], f"user=searcher&password={PASSWORD}"
    encoded = "".join(f"%{ord(letter):02x}" for letter in PASSWORD)
    for number, address in enumerate(
        [f"postgresql://{place}?{query}", server.replace(PASSWORD, encoded)]
    ):
        words = (*GRID, "--out", str(tmp_path / str(number)), "--storage", address)
        assert searching.run_here(*words) == 0
        assert searching.run_here(*words, "--bogus") == 2
        wrong = address.replace(PASSWORD, f"{PASSWORD}0").replace(encoded, f"{encoded}0")
        assert searching.run_here(*words[:-1], wrong, "--debug") == 5
    said = capsys.readouterr()
    assert "postgresql://127.0.0.1:" in said.err
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for secret in (PASSWORD, encoded):
        assert secret not in said.out + said.err
        assert secret.encode() not in kept


SPELLINGS = [
    "postgresql://u:{}@127.0.0.1:9/d",
    "postgresql+psycopg://u:{}@127.0.0.1:9/d?sslmode=disable",
    "postgresql://127.0.0.1:9/d?user=u&password={}",
    "postgresql://127.0.0.1:9/d?PassWord={}",
    "postgresql://127.0.0.1:9/d?pass%77ord={}",
    "postgresql://127.0.0.1:9/d?sslpassword={}&connect_timeout=1",
    "postgresql://127.0.0.1:9/d?connect_timeout={}",
    "postgresql://127.0.0.1:9/d?{}=1",
    "postgresql://127.0.0.1:9/d?options=-cx%3D{}",
    "postgresql://127.0.0.1:9/d?service=nosuch&password={}",
    "postgresql://127.0.0.1:9/d?dbname=password%3D{}",
    "postgresql://127.0.0.1:9/d?dbname=postgresql://u:{}@h/d",
    "postgresql://127.0.0.1:9?password=p@{}",
    "postgresql://127.0.0.1?password=p@{}",
    "postgresql://127.0.0.1:9/d password={}",
    "postgresql://127.0.0.1:9/d%20password%3D{}",
    "postgresql://127.0.0.1:9%20password%3D{}/d",
    "postgresql://u%20password%3D{}@127.0.0.1:9/d",
    "postgresql://u:{}/d",
    "postgresql://u:{}",
    "postgresql:///u:{}",
    "postgresql:u:{}@127.0.0.1/d",
    "postgresql://u:p@{}@127.0.0.1:9/d",
    "postgresql://u:p@s/{}@127.0.0.1:9/d",
    "postgresql://u:p/{}@127.0.0.1:9/d",
    "postgresql://u:p?{}@127.0.0.1:9/d",
    "postgresql://u:p#{}@127.0.0.1:9/d",
    "postgresql://u:p:{}@127.0.0.1:9/d",
    "postgresql://[::1]:9/d?password={}",
    "postgres:/u:{}@127.0.0.1/d",
    "mysql://u:{}@127.0.0.1/d",
    "u:{}@127.0.0.1/d",
    "host=127.0.0.1 port=9 user=u password={}",
    "host=127.0.0.1 port=9 sslpassword='{}'",
    "u:{}",
    "{}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_password_is_shown_however_the_address_is_spelled(
    tmp_path, capsys, monkeypatch, spelling
):
    secret = "wr0ngS3cret"
    encoded = "".join(f"%{ord(letter):02X}" for letter in secret)
    monkeypatch.chdir(tmp_path)
    raised: list[BaseException] = []
    translate = error_messages.translate

    def keeping(error: Exception, words: list[str]) -> HandstitchError:
        raised.append(error)
        return translate(error, words)

    monkeypatch.setattr(error_messages, "translate", keeping)
    for address in map(spelling.format, (secret, encoded)):
        for words, code in (
            (("--storage", address), {2, 5}),
            ((f"--storage={address}", "--debug"), {2, 5}),
            (("--storage", address, "--bogus"), {2}),
            (("--storag", address), {2}),
            ((f"--storage={address}", "--seeds", "x", "--debug"), {2}),
        ):
            assert cli.run(["search", *GRID, "--out", "grid", *words]) in code
    for error in raised:
        if isinstance(error, HandstitchError):
            assert secret not in f"{error} {error!r} {vars(error)}"
            assert secret not in f"{error.__context__} {error.__context__!r}"
    said = capsys.readouterr()
    for text in (secret, encoded, secret[1:], secret[:-1]):
        assert text not in said.out + said.err
    assert not list(tmp_path.iterdir())


def test_what_is_no_secret_is_shown():
    for address in (
        "postgresql://me@server:5433/studies",
        "postgresql:///studies?host=%2Frun%2Fpostgresql&sslmode=require",
        "postgresql://[::1]:5433/studies?passfile=.pgpass&service=x",
    ):
        assert shown(parse(address)) == address
