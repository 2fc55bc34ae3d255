"""The same table from every worker pool, and nothing lost whatever dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handstitch.errors import MachineError
from handstitch.search import executors
from tests.search import searching
from tests.search.searching import GRID, table

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The table of the grid from this process, which trains by itself."""
    folder = tmp_path_factory.mktemp("undisturbed") / "grid"
    assert searching.run_here(*GRID, "--out", str(folder)) == 0
    found = table(folder)
    assert len(found) == 8
    assert len({str(row["best.safetensors"]) for row in found}) == 8
    return found


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        pytest.param(0, ("--workers", "2"), id="2 workers"),
        pytest.param(3, ("--mpi",), id="MPI"),
    ],
)
def test_the_same_table_from_every_worker_pool(tmp_path, undisturbed, ranks, words):
    if ranks and not Path(sys.executable).with_name("mpiexec").exists():
        pytest.skip("no mpiexec beside this Python")
    code, _, complaint = searching.run(*GRID, *words, "--out", str(tmp_path / "grid"), ranks=ranks)
    assert code == 0, complaint
    assert table(tmp_path / "grid") == undisturbed


def caused(text: str, cause: str) -> OSError:
    error = OSError(text)
    error.__cause__ = ConnectionRefusedError(cause)
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("timed out"), "timed out"),
        (OSError("<a comm>: gone"), "gone"),
        (OSError(), "OSError"),
        (caused("timed out", "refused"), "refused"),
    ],
)
def test_the_reason_why_a_scheduler_is_out_of_reach_is_shown(monkeypatch, error, reason):
    distributed = pytest.importorskip("distributed")

    def refuse(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(MachineError) as caught, executors.dask("tls://host:1"):
        pass
    assert caught.value.found == f"tls://host:1: {reason}"


def test_tpe_proposes_the_same_to_any_number_of_workers(tmp_path):
    words = ("--dataset", "sketch", "--epochs", "1", "--lr", "log:0.01..0.3", "--hidden", "8..32")
    tpe = (*words, "--sampler", "tpe", "--trials", "10", "--out")
    assert searching.run_here(*tpe, str(tmp_path / "alone")) == 0
    code, _, complaint = searching.run(*tpe, str(tmp_path / "two"), "--workers", "2")
    assert code == 0, complaint
    alone = table(tmp_path / "alone")
    assert table(tmp_path / "two") == alone
    assert len({str(row["parameters"]) for row in alone}) == 10
    for number in (3, 8):
        shutil.rmtree(tmp_path / "alone" / "trials" / f"{number:04d}")
    assert searching.run_here("--out", str(tmp_path / "alone")) == 0
    assert table(tmp_path / "alone") == alone


def test_a_deadly_trial_is_left_to_the_next_call(tmp_path, undisturbed):
    folder = tmp_path / "grid"
    words = (*GRID, "--out", str(folder), "--workers")
    code, _, complaint = searching.run(*words, "2", DEADLY="8 0.1 1")
    assert code == 5
    assert complaint.count("a worker died; trial 3 is trained again") == 2
    assert "trial 3 is skipped: it crashed 3 workers" in complaint
    assert "found   each of these trials crashed 3 workers: 3" in complaint
    assert table(folder) == undisturbed[:3] + undisturbed[4:]
    assert searching.run(*words, "1")[0] == 0
    assert table(folder) == undisturbed


def test_no_finished_trial_is_lost_when_processes_are_killed(tmp_path, undisturbed):
    """A worker, whose trial is trained again at once; then the parent, with which all end."""
    folder = tmp_path / "grid"
    words = (*GRID, "--workers", "2", "--out", str(folder))
    once = str(tmp_path / "once")
    process = searching.start(*words, SLOW="0.15", DEADLY="8 0.1 0", ONCE=once)
    assert searching.wait_for(lambda: searching.finished(folder) >= 4, 30)
    workers = searching.workers(process.pid)
    assert len(workers) == 2
    process.kill()
    _, complaint = process.communicate()
    assert complaint.count("a worker died") == 1
    assert "a worker died; trial 2 is trained again" in complaint
    # The campaign proper gives them one second.
    assert searching.wait_for(lambda: not any(map(searching.alive, workers)), 10)

    kept = {file: file.stat().st_ino for file in folder.glob("trials/[0-9]*/trial.json")}
    code, _, complaint = searching.run(*words)
    assert code == 0, complaint
    assert f"; {len(kept)} finished before" in complaint
    assert all(file.stat().st_ino == inode for file, inode in kept.items())
    assert table(folder) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_search_prints_how_to_resume(tmp_path, number):
    folder = tmp_path / "a grid"
    process = searching.start(*GRID, "--workers", "2", "--out", str(folder), SLOW="0.2")
    assert searching.wait_for(lambda: searching.finished(folder) >= 1, 30)
    workers = searching.workers(process.pid)
    # Ctrl-C reaches every process of the terminal, SIGTERM the one it is sent to.
    to = os.killpg if number == signal.SIGINT else os.kill
    to(process.pid, number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert not any(map(searching.alive, workers))
    assert "Traceback" not in complaint
    kept = searching.finished(folder)
    assert 1 <= kept < 8
    said, command = complaint.splitlines()[-2:]
    assert said.endswith("every finished trial is kept. Resume with:")
    words = searching.words_of(command)
    assert words[-2:] == ["--workers", "2"]
    assert searching.run_here(*words[:-2]) == 0
    assert searching.finished(folder) == 8


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate and its key, as Dask's configuration in the environment names them."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("certificate")
    key, public = str(folder / "key.pem"), str(folder / "certificate.pem")
    make = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=handstitch-test"
    subprocess.run(
        [openssl, *make.split(), "-keyout", key, "-out", public], check=True, capture_output=True
    )
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    ends = {f"{tls}{end}__{part}": file for end in ("SCHEDULER", "WORKER", "CLIENT")
            for part, file in (("CERT", public), ("KEY", key))}  # fmt: skip
    return {f"{tls}CA_FILE": public, **ends}


@pytest.fixture(scope="module")
def cluster(certificate: dict[str, str]) -> Iterator[str]:
    """The address of a Dask cluster of two workers that asks for the certificate.

    The tests of this file end with it: even while nothing is to do, such a cluster takes time.
    """
    code = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None,"
        " protocol='tls', host='127.0.0.1', preload='tests.search.program') as cluster:\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=searching.ROOT,
        env={
            **os.environ,
            **certificate,
            "OPENBLAS_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate(timeout=60)


def test_the_same_table_from_a_dask_cluster(tmp_path, undisturbed, cluster, certificate):
    words = (*GRID, "--dask", cluster, "--out", str(tmp_path / "grid"))
    code, _, complaint = searching.run(*words, **certificate)
    assert code == 0, complaint
    assert "is not TLS" not in complaint
    assert table(tmp_path / "grid") == undisturbed


def test_a_dask_cluster_answers_nobody_without_its_certificate(tmp_path, cluster):
    for address in (cluster, cluster.replace("tls", "tcp")):
        code, _, complaint = searching.run(
            *GRID, "--dask", address, "--out", str(tmp_path / "grid")
        )
        assert code == 5
        assert "the Dask scheduler cannot be reached" in complaint
        assert ("is not TLS" in complaint) == address.startswith("tcp")
        assert not (tmp_path / "grid").exists()
