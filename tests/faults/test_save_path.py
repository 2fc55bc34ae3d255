"""Each call of the save path fails or kills in turn: the old or the new state loads, always."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from handstitch import storage
from handstitch.errors import HandstitchError, MachineError, ModelFileError
from handstitch.model import load_model, load_newest_state, save_model, save_state
from handstitch.storage import atomic
from tests.faults.faulty_disk import FaultyDisk, Killed, installed, leftovers
from tests.sample_models import sample

ERRORS = (errno.EIO, errno.ENOSPC, errno.EINTR)
DEATHS = ("kill", "power", "torn")
FAULTS = (*ERRORS, *DEATHS, "short")


def save(path: Path, step: int) -> None:
    save_state(
        path,
        sample(seed=step),
        {"optimizer.velocity": np.full(5, step)},
        {"step": step, "loss": 0.1 * step},
    )


def step_in(path: Path) -> int | None:
    """The step of the state that loads, None if there is none; anything else is an error."""
    if not storage.existing_copies(path):
        return None
    state, _ = load_newest_state(path)
    step = int(state.position["step"])
    assert state.slots["optimizer.velocity"].tolist() == [step] * 5
    assert state.model.config["seed"] == step
    return step


def nothing(path: Path) -> None:
    pass


def one(path: Path) -> None:
    save(path, 1)


def two(path: Path) -> None:
    save(path, 1)
    save(path, 2)


def newer_one_damaged(path: Path) -> None:
    two(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def newer_one_gone(path: Path) -> None:
    two(path)
    path.unlink()


BEGINNINGS: dict[Callable[[Path], None], int | None] = {
    nothing: None,
    one: 1,
    two: 2,
    newer_one_damaged: 1,
    newer_one_gone: 1,
}
"""How the folder is found, and the step that loads from it."""


@pytest.mark.parametrize("no_links", [False, True], ids=["links", "no links"])
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=lambda beginning: beginning.__name__)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_old_or_new_state_loads_after_a_fault_in_any_call(tmp_path, beginning, fault, no_links):
    template = tmp_path / "before"
    beginning(template / "last.safetensors")
    old = BEGINNINGS[beginning]
    k, steps = 0, set()
    while True:
        folder = tmp_path / str(k)
        if template.exists():
            shutil.copytree(template, folder)
        path = folder / "last.safetensors"
        error: BaseException | None = None
        with installed(FaultyDisk(k, fault, no_links)) as faulty:
            try:
                save(path, 3)
            except (HandstitchError, Killed) as caught:
                error = caught
        reached = k < len(faulty.calls)
        if not isinstance(error, Killed):
            assert not leftovers(folder) or faulty.calls[k] == "unlink"
        if isinstance(fault, int) and error:
            assert isinstance(error, MachineError)
            assert error.exit_code == 5
        step = step_in(path)
        steps.add(step)
        assert step in {old, 3}
        assert step == 3 or error is not None  # success is not told without being true
        save(path, 4)  # and it can go on
        assert step_in(path) == 4
        if not reached:
            assert error is None
            break
        k += 1
    assert k >= 6
    if fault != "short":
        assert old in steps  # so early faults were met, too


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_old_or_new_model_loads_after_a_fault_in_any_call(tmp_path, fault):
    path = tmp_path / "best.safetensors"
    k = 0
    while True:
        save_model(path, sample(seed=1))
        with installed(FaultyDisk(k, fault)) as faulty:
            try:
                save_model(path, sample(seed=2))
            except (MachineError, Killed):
                seeds = {1, 2}
            else:
                seeds = {2}
        assert load_model(path).config["seed"] in seeds
        if k >= len(faulty.calls):
            break
        k += 1
    assert k >= 6


def test_every_instant_of_a_generation_has_a_whole_file(tmp_path):
    """Looks at the folder before each call, as a reader in another process might."""
    path = tmp_path / "last.safetensors"
    two(path)
    seen = []

    class Watched(FaultyDisk):
        def _guarded(self, name, real):
            call = super()._guarded(name, real)

            def watching(*arguments):
                seen.append((load_newest_state(path)[0].position["step"], len(list_of(tmp_path))))
                return call(*arguments)

            return watching

    with installed(Watched()):
        save(path, 3)
    assert [step for step, _ in seen] == sorted(step for step, _ in seen)
    assert {step for step, _ in seen} == {2, 3}
    assert min(names for _, names in seen) == 2


def list_of(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".safetensors"]


def test_the_older_state_stays_until_the_newer_is_on_the_disk(tmp_path):
    path = tmp_path / "last.safetensors"
    two(path)
    for links in (True, False):
        with installed(FaultyDisk(no_links=not links)) as faulty:
            save(path, 3)
        first, second = (n for n, name in enumerate(faulty.calls) if name == "replace")
        assert "fsync_folder" in faulty.calls[first:second]
        assert faulty.calls[second + 1 :] == ["fsync_folder"]


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path):
    with installed(FaultyDisk()) as faulty:
        storage.write(tmp_path / "x", b"content")
    assert faulty.calls == ["open", "write", "fsync", "close", "replace", "fsync_folder"]


@pytest.mark.parametrize("fault", ["kill", "torn"])
def test_the_next_process_cleans_up(tmp_path, monkeypatch, fault):
    for k in range(12):
        with installed(FaultyDisk(k, fault)), suppress(Killed):
            save(tmp_path / "last.safetensors", k)
    left = leftovers(tmp_path)
    assert left
    storage.remove_stale(tmp_path)
    assert leftovers(tmp_path) == left  # ours, for all it knows
    monkeypatch.setattr(atomic, "_process_token", "00000000")
    storage.remove_stale(tmp_path)
    assert not leftovers(tmp_path)
    assert list_of(tmp_path)


@pytest.mark.parametrize("fault", [*ERRORS, *DEATHS], ids=str)
def test_a_run_folder_has_its_files_or_no_name(tmp_path, fault):
    files = {"config.toml": b"seed = 0\n", "weights/a": b"0123456789"}
    for make in (storage.new_folder, claim):
        k = 0
        while True:
            parent = tmp_path / f"{make.__name__}{k}"
            with installed(FaultyDisk(k, fault)) as faulty:
                try:
                    make(parent, "train", files)
                except (MachineError, Killed) as error:
                    died = isinstance(error, Killed)
                else:
                    died = False
            if (parent / "train").exists():
                assert (parent / "train" / "config.toml").read_bytes() == files["config.toml"]
                assert (parent / "train" / "weights" / "a").read_bytes() == files["weights/a"]
            if not died:
                assert not leftovers(parent) or faulty.calls[k] == "remove_folder"
            if k >= len(faulty.calls):
                assert (parent / "train").exists()
                break
            k += 1
        assert k > 10


def test_the_files_of_a_folder_are_on_the_disk_before_it_has_its_name(tmp_path):
    files = {"config.toml": b"seed = 0\n", "weights/a": b"0123456789"}
    for make in (storage.new_folder, claim):
        with installed(FaultyDisk()) as faulty:
            make(tmp_path / make.__name__, "train", files)
        before = faulty.calls[: faulty.calls.index("rename_folder")]
        assert before.count("open") == before.count("fsync") == len(files)
    (tmp_path / "empty").mkdir()
    with installed(FaultyDisk()) as faulty:
        storage.create_folder(tmp_path / "empty", files)
    assert faulty.calls.count("fsync") == len(files)


def claim(parent: Path, stem: str, files: dict[str, bytes]) -> Path:
    return storage.create_folder(parent / stem, files)


@pytest.mark.parametrize("fault", [*ERRORS, *DEATHS], ids=str)
def test_an_empty_folder_that_is_claimed_becomes_a_run_last(tmp_path, fault):
    files = {"weights/a": b"0123456789", "config.toml": b"seed = 0\n"}
    k = 0
    while True:
        folder = tmp_path / str(k)
        folder.mkdir()
        with installed(FaultyDisk(k, fault)) as faulty, suppress(MachineError, Killed):
            storage.create_folder(folder, files)
        if (folder / "config.toml").exists():
            assert (folder / "config.toml").read_bytes() == files["config.toml"]
            assert (folder / "weights" / "a").read_bytes() == files["weights/a"]
        if k >= len(faulty.calls):
            assert (folder / "config.toml").exists()
            break
        k += 1
    assert k > 10


def test_both_damaged_is_told(tmp_path):
    path = tmp_path / "last.safetensors"
    two(path)
    for each in storage.existing_copies(path):
        each.write_bytes(each.read_bytes()[:-1])
    with pytest.raises(ModelFileError) as caught:
        load_newest_state(path)
    assert "both" in str(caught.value)
    assert str(caught.value).count("\n") <= 5
