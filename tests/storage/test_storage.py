"""Files are whole or not there, folders belong to one process, and refusals are explained."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch
from handstitch import storage
from handstitch.errors import HandstitchError, MachineError, UsageError
from handstitch.storage import atomic, disk
from handstitch.storage.os_errors import translate_os_errors
from tests.faults.faulty_disk import FaultyDisk, installed, leftovers

CONFIG = {"config.toml": b"seed = 0\n"}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fact(caught: pytest.ExceptionInfo[HandstitchError], name: str) -> str:
    return str(getattr(caught.value, name))


# ── write ──────────────────────────────────────────────────────────────────────────────────────


def test_write_replaces_a_file(tmp_path):
    path = tmp_path / "file"
    storage.write(path, b"old content")
    storage.write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("content", [b"", b"x", b"0123456789" * 100_000])
def test_write_takes_bytes_of_any_length(tmp_path, content):
    storage.write(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == content


def test_write_takes_pieces(tmp_path):
    pieces: tuple[Any, ...] = (
        b"ab",
        bytearray(b"cd"),
        memoryview(b"ef"),
        np.arange(6, dtype="u1").reshape(2, 3),
    )
    storage.write(tmp_path / "file", (piece for piece in (*pieces, np.zeros((0, 3)))))
    assert (tmp_path / "file").read_bytes() == b"abcdef\0\1\2\3\4\5"


def test_write_makes_folders(tmp_path):
    storage.write(tmp_path / "a" / "b" / "file", b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"


def test_write_keeps_a_symbolic_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "real")
    storage.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == b"new"
    assert not leftovers(tmp_path)


def test_write_through_a_link_that_leads_nowhere_yet(tmp_path):
    (tmp_path / "link").symlink_to("target")
    storage.write(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_write_never_replaces_a_device_or_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(MachineError) as caught:
            storage.write(path, b"x")
        assert fact(caught, "found") == "a special file"
    assert not Path(os.devnull).is_file()


def test_names_may_be_long(tmp_path):
    path = tmp_path / ("ä" * 120)  # 240 bytes of the 255 that file systems allow
    storage.write(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ["disk is full", "bytes free", "wanted", "10 bytes"]),
        (errno.EDQUOT, ["disk is full", "10 bytes"]),
        (errno.EACCES, ["permission denied", "a folder of user"]),
        (errno.EPERM, ["permission denied"]),
        (errno.EROFS, ["could not be written", os.strerror(errno.EROFS)]),
        (errno.EIO, ["could not be written", os.strerror(errno.EIO)]),
    ],
)
def test_refusals_are_explained(tmp_path, number, words):
    (tmp_path / "file").write_bytes(b"old")
    for k in range(6):
        with installed(FaultyDisk(k, number)), pytest.raises(MachineError) as caught:
            storage.write(tmp_path / "file", b"0123456789")
        message = str(caught.value)
        assert str(tmp_path / "file") in message
        assert all(word in message for word in (*words, "fix"))
        assert message.count("\n") <= 5
        assert (tmp_path / "file").read_bytes() in {b"old", b"0123456789"}


def test_where_nobody_knows_the_number_of_bytes_none_is_wanted(tmp_path):
    with pytest.raises(MachineError) as caught, translate_os_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.problem == "the disk is full"
    assert caught.value.wanted is None


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(MachineError) as caught:
        storage.write(tmp_path / "folder", b"x")
    assert fact(caught, "found") == "a folder"
    (tmp_path / "file").touch()
    with pytest.raises(MachineError) as caught:
        storage.write(tmp_path / "file" / "inside", b"x")
    assert "a file in the path" in fact(caught, "found")


def test_a_name_too_long_is_named(tmp_path):
    with pytest.raises(MachineError) as caught:
        storage.write(tmp_path / ("x" * 300), b"x")
    assert "too long" in str(caught.value)


def test_an_interruption_leaves_nothing(tmp_path):
    class Interrupted(disk.Files):
        def fsync(self, descriptor: int) -> None:
            raise KeyboardInterrupt

    with installed(Interrupted()), pytest.raises(KeyboardInterrupt):
        storage.write(tmp_path / "file", b"x")
    assert not names_in(tmp_path)


# ── backups ────────────────────────────────────────────────────────────────────────────────────


def test_one_backup_is_kept(tmp_path):
    path = tmp_path / "last.safetensors"
    assert storage.existing_copies(path) == []
    for number in range(4):
        storage.write(path, b"%d" % number, backup=True)
        found = [each.name for each in storage.existing_copies(path)]
        assert found == ["last.safetensors", "last.previous.safetensors"][: number + 1]
    assert path.read_bytes() == b"3"
    assert storage.backup_of(path).read_bytes() == b"2"
    assert len(names_in(tmp_path)) == 2


def test_backups_without_hard_links(tmp_path):
    path = tmp_path / "last.safetensors"
    with installed(FaultyDisk(no_links=True)):
        for number in range(3):
            storage.write(path, b"%d" % number, backup=True)
    assert [each.read_bytes() for each in storage.existing_copies(path)] == [b"2", b"1"]
    assert len(names_in(tmp_path)) == 2


# ── folders ────────────────────────────────────────────────────────────────────────────────────


def test_run_folders_are_counted(tmp_path):
    made = [storage.new_folder(tmp_path / "runs", "train", CONFIG) for _ in range(3)]
    assert [path.name for path in made] == ["train", "train-2", "train-3"]
    assert all((path / "config.toml").read_bytes() == b"seed = 0\n" for path in made)
    assert len(names_in(tmp_path / "runs")) == 3


def test_whatever_has_the_name_keeps_it(tmp_path):
    (tmp_path / "train").touch()
    (tmp_path / "train-2").mkdir()
    (tmp_path / "train-3").symlink_to("nowhere")
    assert storage.new_folder(tmp_path, "train", CONFIG).name == "train-4"
    assert not names_in(tmp_path / "train-2")


def test_many_at_once_get_a_folder_each(tmp_path):
    made: list[Path] = []
    barrier = threading.Barrier(8)

    def make(number: int) -> None:
        barrier.wait()
        made.append(storage.new_folder(tmp_path, "train", {"config.toml": b"%d" % number}))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name for path in made} == {"train", *(f"train-{n}" for n in range(2, 9))}
    assert {(path / "config.toml").read_bytes() for path in made} == {b"%d" % n for n in range(8)}


class Overtaken(disk.Files):
    """Another process takes the name between our look and our rename."""

    def rename_folder(self, source: Path, target: Path) -> None:
        if target.name == "train":
            target.mkdir()
            (target / "config.toml").write_bytes(b"theirs")
        super().rename_folder(source, target)


def test_the_slower_of_two_goes_on_to_the_next_name(tmp_path):
    with installed(Overtaken()):
        assert storage.new_folder(tmp_path, "train", CONFIG).name == "train-2"
    assert (tmp_path / "train" / "config.toml").read_bytes() == b"theirs"


def test_the_slower_of_two_that_claim_a_folder_is_told(tmp_path):
    with installed(Overtaken()), pytest.raises(UsageError):
        storage.create_folder(tmp_path / "train", CONFIG)
    assert (tmp_path / "train" / "config.toml").read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["train"]


def test_the_slower_of_two_that_claim_an_empty_folder_is_told(tmp_path):
    class Quicker(disk.Files):
        def open(self, path: Path, flags: int) -> int:
            if path.name == ".lock":
                (tmp_path / "config.toml").write_bytes(b"theirs")
            return super().open(path, flags)

    with installed(Quicker()), pytest.raises(UsageError, match="already holds a run"):
        storage.create_folder(tmp_path, CONFIG)
    assert (tmp_path / "config.toml").read_bytes() == b"theirs"


def test_a_new_name_can_be_claimed(tmp_path):
    path = storage.create_folder(tmp_path / "a" / "run", CONFIG)
    assert path == tmp_path / "a" / "run"
    assert names_in(path) == ["config.toml"]


def test_an_empty_folder_can_be_claimed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()  # of a process that died before it began
    number = (tmp_path / "run").stat().st_ino
    storage.create_folder(tmp_path / "run", CONFIG)
    assert (tmp_path / "run" / "config.toml").exists()
    assert (tmp_path / "run").stat().st_ino == number  # its rights and its mount are kept


def test_a_run_is_not_overwritten(tmp_path):
    path = storage.create_folder(tmp_path / "a run", CONFIG)
    with pytest.raises(UsageError) as caught:
        storage.create_folder(path, {"config.toml": b"other"})
    assert f"handstitch.resume('{path}')" in fact(caught, "fix")
    assert f"out='{path}-2'" in fact(caught, "fix")
    assert (path / "config.toml").read_bytes() == b"seed = 0\n"


def test_a_full_folder_is_not_claimed(tmp_path):
    for number in range(7):
        (tmp_path / f"mine{number}").touch()
    (tmp_path.with_name(tmp_path.name + "-2")).mkdir()
    with pytest.raises(UsageError) as caught:
        storage.create_folder(tmp_path, CONFIG)
    assert caught.value.exit_code == 2
    assert "resume" not in str(caught.value)
    assert fact(caught, "found") == "mine0, mine1, mine2, mine3 and 3 more"
    assert fact(caught, "fix").endswith(f"{tmp_path.name}-3'")
    assert len(names_in(tmp_path)) == 7


def test_a_file_is_not_claimed(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError):
            storage.create_folder(tmp_path / name, CONFIG)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_the_present_folder_can_be_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage.create_folder(".", CONFIG)
    with pytest.raises(UsageError) as caught:
        storage.create_folder(".", CONFIG)
    assert f"{tmp_path.name}-2" in fact(caught, "fix")


# ── locks ──────────────────────────────────────────────────────────────────────────────────────


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that can import the package under test."""
    source = str(Path(handstitch.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": source},
        stdout=subprocess.PIPE,
        text=True,
    )


HOLDER = """
import sys, time
from handstitch.storage import lock_folder
with lock_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_for_one_process(tmp_path):
    with python(HOLDER, tmp_path) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(MachineError) as caught, storage.lock_folder(tmp_path):
            pass
        assert f"process {holder.pid}, since {time.localtime().tm_year}-" in str(caught.value)
        assert fact(caught, "file") == str(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with storage.lock_folder(tmp_path):  # the kernel has let go
            pass


def test_a_lock_is_given_back(tmp_path):
    for _ in range(2):
        with (
            storage.lock_folder(tmp_path),
            pytest.raises(MachineError, match="another process"),
            storage.lock_folder(tmp_path),
        ):
            pass


def test_an_error_inside_gives_the_lock_back(tmp_path):
    with pytest.raises(ZeroDivisionError), storage.lock_folder(tmp_path):
        raise ZeroDivisionError
    with storage.lock_folder(tmp_path):
        pass


def test_a_folder_in_use_cannot_be_claimed(tmp_path):
    with storage.lock_folder(tmp_path), pytest.raises(MachineError, match="another process"):
        storage.create_folder(tmp_path, CONFIG)


# ── probing and cleaning ───────────────────────────────────────────────────────────────────────


def test_check_writable_leaves_nothing(tmp_path):
    storage.check_writable(tmp_path, 1_000)
    storage.check_writable(tmp_path / "not" / "yet", 1_000)
    assert not names_in(tmp_path)


def test_check_writable_knows_the_space(tmp_path):
    with pytest.raises(MachineError) as caught:
        storage.check_writable(tmp_path, 2**60)
    assert f"{2**60:,} bytes" in fact(caught, "wanted")
    assert "bytes free" in fact(caught, "found")


def test_check_writable_writes(tmp_path):
    with (
        installed(FaultyDisk(0, errno.EROFS)),
        pytest.raises(MachineError, match="could not be written"),
    ):
        storage.check_writable(tmp_path, 0)


def test_clean_takes_what_the_dead_left(tmp_path, monkeypatch):
    child = python("pass")
    child.communicate()
    dead = tmp_path / f".train.{child.pid}-0123abcd-0.tmp"
    dead.mkdir()
    (dead / "config.toml").touch()
    same_number = tmp_path / f".best.{os.getpid()}-0123abcd-0.tmp"  # as in a new container
    same_number.touch()
    theirs = tmp_path / f".x.{os.getppid()}-0123abcd-0.tmp"
    theirs.touch()
    for name in ("mine.tmp", ".mine.tmp", ".hidden", "best.safetensors"):
        (tmp_path / name).touch()
    with atomic.temporary(tmp_path / "alive") as ours:
        ours.touch()
        storage.remove_stale(tmp_path)
        assert ours.exists()
    assert not ours.exists()
    assert not dead.exists()
    assert not same_number.exists()
    assert theirs.exists()
    assert len(names_in(tmp_path)) == 5
    storage.remove_stale(tmp_path / "absent")


# ── a real full disk, and another user ─────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_the_old_file(small_disk):
    path = small_disk / "last.safetensors"
    storage.write(path, b"1" * 10_000, backup=True)
    storage.write(path, b"2" * 10_000, backup=True)
    for backup in (False, True):
        with pytest.raises(MachineError) as caught:
            storage.write(path, b"3" * 60_000, backup=backup)
        assert fact(caught, "wanted") == "60,000 bytes"
        free = int(fact(caught, "found").split()[0].replace(",", ""))
        assert 30_000 < free < 60_000
        assert [each.read_bytes()[:1] for each in storage.existing_copies(path)] == [b"2", b"1"]
        assert not leftovers(small_disk)
    with pytest.raises(MachineError):
        storage.check_writable(small_disk, 60_000)
    with pytest.raises(MachineError):
        storage.create_folder(small_disk / "run", {"config.toml": b"x" * 60_000})


NOBODY = 65_534


def as_nobody(action: Callable[[], object]) -> str:
    """What `action` says as a user without rights: "done", or its error's text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads, which the child lets be
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
            answer = "done"
        except HandstitchError as error:
            answer = f"{error.exit_code} {error}"
        except BaseException as error:  # noqa: BLE001 (the child must not run the other tests)
            answer = repr(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may look into and only we may write (pytest's own are private)."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "file").write_bytes(b"ours")
        if as_nobody(folder.stat) != "done":
            pytest.skip("the temporary folder is closed to others")
        yield folder


ACTIONS = {
    "replace": lambda folder: storage.write(folder / "file", b"theirs"),
    "write": lambda folder: storage.write(folder / "new", b"theirs"),
    "generation": lambda folder: storage.write(folder / "file", b"theirs", backup=True),
    "new": lambda folder: storage.new_folder(folder, "train", CONFIG),
    "claim": lambda folder: storage.create_folder(folder / "run", CONFIG),
    "check_writable": lambda folder: storage.check_writable(folder, 1),
    "lock": lambda folder: storage.lock_folder(folder).__enter__(),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_rights_are_missed_by_name(public_folder, action):
    answer = as_nobody(lambda: ACTIONS[action](public_folder))
    assert answer.startswith("5 permission denied")
    assert str(public_folder) in answer
    assert "drwxr-xr-x" in answer
    assert f"you are user {NOBODY}" in answer
    assert names_in(public_folder) == ["file"]
    assert (public_folder / "file").read_bytes() == b"ours"


def test_a_closed_folder_is_no_bug(public_folder):
    (public_folder / "closed").mkdir(mode=0o700)
    path = public_folder / "closed" / "file"
    assert as_nobody(lambda: storage.write(path, b"x")).startswith("5 permission denied")
    assert as_nobody(lambda: storage.create_folder(path, CONFIG)).startswith("5 permission denied")
    assert as_nobody(lambda: storage.check_writable(path, 1)).startswith("5 permission denied")


def test_what_need_not_last_is_whole_and_waits_for_no_disk(tmp_path, monkeypatch):
    calls = []

    class Watched(disk.Files):
        def fsync(self, descriptor):
            calls.append("file")
            super().fsync(descriptor)

        def fsync_folder(self, path):
            calls.append("folder")
            super().fsync_folder(path)

    monkeypatch.setattr(disk, "files", Watched())
    storage.write(tmp_path / "table", b"lines", durable=False)
    assert calls == []
    assert (tmp_path / "table").read_bytes() == b"lines"
    assert [each.name for each in tmp_path.iterdir()] == ["table"]
    storage.write(tmp_path / "table", b"more lines")
    assert calls == ["file", "folder"]
