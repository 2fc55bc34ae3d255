"""What Optuna's study holds, where it is kept, and what is said when it cannot be."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import psycopg
import pytest

from handstitch import search as searches
from handstitch.errors import mask_passwords
from handstitch.records import Trial
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
        accuracies = {record.epoch: record.val_accuracy for record in trial.history}
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
        assert said.count(f"{mask_passwords(server)[:-9]}/middle cannot be written: ") == 1
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pa:s@s/w@h:1/d?x=1", "postgresql://me:***@h:1/d?x=1"),
        ("postgresql://h/d?password=p&x=1 --out a", "postgresql://h/d?password=***&x=1 --out a"),
        ("tcp://127.0.0.1:8786 a:b", "tcp://127.0.0.1:8786 a:b"),
    ],
)
def test_passwords_are_masked(text, shown):
    assert mask_passwords(text) == shown
