"""Bad input as a person meets it: the command, the exit code, and a message that helps.

Each row goes through the command line. What belongs to one parser alone is tested beside it.
"""

from __future__ import annotations

import errno
import io
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch import cli, storage
from handstitch.data import catalog, download, loading
from handstitch.model import load_state, safetensors_file, save_model, save_state
from handstitch.storage import disk
from tests.data.idx_files import SmallDataSets, header, images, labels, packed, zipped
from tests.faults.faulty_disk import installed, leftovers
from tests.sample_models import report_arrays, sample

NOBODY = 65_534
SKETCH = (
    *("--dataset", "sketch", "--hidden", "16", "8", "--epochs", "3", "--batch-size", "50"),
    *("--optimizer", "adam", "--dropout", "0.1", "--threads", "1"),
)
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """Little data, a folder and a home of one's own, no network."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in [name for name in os.environ if name.startswith("HANDSTITCH_")]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(loading, "_SKETCH", {"train": (400, 2017), "test": (100, 2018)})
    monkeypatch.setattr(loading, "_unreachable", {})
    nowhere = ("http://127.0.0.1:9/first/", "http://127.0.0.1:9/second/")  # nothing listens there
    monkeypatch.setattr(download, "MIRRORS", dict.fromkeys(download.MIRRORS, nowhere))
    monkeypatch.setattr(download, "_SCHEME", "http://")


@pytest.fixture
def small(monkeypatch) -> SmallDataSets:
    """20 and 10 images of 3 × 2 under the names of the real data sets."""
    sets = SmallDataSets()
    monkeypatch.setattr(catalog, "FILES", tuple(sets.files))
    return sets


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that nothing disturbed; to be copied, not used."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_SKETCH", {"train": (400, 2017), "test": (100, 2018)})
        assert cli.run(["train", *SKETCH, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(finished: Path) -> Path:
    """A copy of that run, at runs/train."""
    return Path(shutil.copytree(finished, Path("runs", "train")))


def refused(capsys, code: int, *words: object) -> dict[str, str]:
    """Run a command that must fail with `code`; its message by label, `problem` the first line."""
    capsys.readouterr()
    found = cli.run([str(word) for word in words])
    out, err = capsys.readouterr()
    assert found == code, err
    assert out == ""
    return parts_of(err)


def parts_of(err: str) -> dict[str, str]:
    assert "Traceback" not in err
    _, mark, message = err.partition("handstitch: error: ")
    assert mark, err
    problem, *lines = message.rstrip("\n").split("\n")
    assert len(lines) <= 5
    parts = {"problem": problem}
    label = ""
    for line in lines:
        assert line.startswith("  ")
        label = line.split()[0] if line[2] != " " else label
        parts[label] = parts.get(label, "") + line
    assert "fix" in parts, message
    assert "found" in parts or "arrays" in parts or "wanted" in parts, message
    return parts


def accepted(capsys, *words: object) -> str:
    """Run a command that must succeed; what it said on stderr."""
    capsys.readouterr()
    code = cli.run([str(word) for word in words])
    err = capsys.readouterr().err
    assert code == 0, err
    return str(err)


def weights(folder: Path) -> list[bytes]:
    return [(folder / "weights" / f"{name}.safetensors").read_bytes() for name in ("best", "last")]


# ── 2: settings and folders ────────────────────────────────────────────────────────────────────


def test_another_setting_than_the_run_has_is_shown(capsys, run):
    told = refused(capsys, 2, "train", "--resume", run, "--lr", "0.5", "--epochs", "2")
    assert "learning_rate = 0.5" in told["found"]
    assert "epochs = 2" in told["found"]
    assert "epochs = 3" in told["wanted"]
    assert "handstitch train --config" in told["fix"]


@pytest.mark.parametrize(
    "words", [("--decay-epochs", "1e-323"), ("--patience", "1" + "0" * 20),
              ("--plateau-patience", "1" + "0" * 20)],
)  # fmt: skip
def test_a_number_that_training_cannot_use_leaves_no_folder(capsys, words):
    refused(capsys, 2, "train", *SKETCH, "--schedule", "step", *words)
    assert not Path("runs").exists()


def test_a_run_whose_threads_were_made_auto_by_hand_resumes(capsys, run):
    file = run / "config.toml"
    file.write_text(file.read_text().replace("threads = 1", 'threads = "auto"'))
    (run / "summary.json").unlink()
    accepted(capsys, "train", "--resume", run)
    assert (run / "summary.json").exists()


def test_an_impossible_position_in_a_sound_state(capsys, run):
    last = run / "weights" / "last.safetensors"
    state = load_state(last)
    save_state(last, state.model, state.slots, state.position | {"batch": -3})
    for backup in (run / "weights").glob("last*"):
        if backup != last:
            backup.unlink()
    told = refused(capsys, 4, "train", "--resume", run)
    assert "position in the run" in told["found"]


def test_the_same_settings_may_be_given_again(capsys, run):
    accepted(capsys, "train", "--resume", run, *SKETCH)


def test_a_run_is_not_begun_on_another(capsys, run):
    before = everything(run)
    told = refused(capsys, 2, "train", *SKETCH, "--out", run)
    assert "--resume runs/train" in told["fix"]
    assert "--out runs/train-2" in told["fix"]
    assert everything(run) == before


def test_a_folder_that_is_not_empty_is_left_alone(capsys):
    Path("mine").mkdir()
    Path("mine", "thesis.tex").write_text("years of work")
    told = refused(capsys, 2, "train", *SKETCH, "--out", "mine")
    assert "thesis.tex" in told["found"]
    assert "--out mine-2" in told["fix"]
    assert [each.name for each in Path("mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("what", ["nothing", "a folder", "a file"])
def test_what_is_no_run_cannot_be_gone_on_with(capsys, run, what):
    if what == "a folder":
        Path("x").mkdir()
    elif what == "a file":
        Path("x").touch()
    told = refused(capsys, 2, "train", "--resume", "x")
    assert {"nothing": "no such folder", "a folder": "no config.toml", "a file": "a file"}[
        what
    ] in told["found"]
    assert "runs/train" in told["fix"]


def test_a_run_whose_settings_were_spoilt(capsys, run):
    config = run / "config.toml"
    text = config.read_text()
    for spoilt, words in (
        (text.replace("epochs = ", "epocs = "), ["epocs", "epochs"]),
        (text.replace("epochs = 3", "epochs = three"), ["line", "column"]),
        (text.replace("epochs = 3", "epochs = 0"), ["epochs = 0", "from 1"]),
    ):
        config.write_text(spoilt)
        told = refused(capsys, 2, "train", "--resume", run)
        assert str(config) in told["file"]
        assert all(word in " ".join(told.values()) for word in words)


# ── 3: data ────────────────────────────────────────────────────────────────────────────────────

HTML = b"<!DOCTYPE html>\n<html><title>Page not found</title>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 29515\n"


def zip_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(TRAIN_LABELS, b"\0\0\x08\x01")
    return file.getvalue()


def with_label(value: int) -> bytes:
    values = labels(20)
    values[7] = value
    return packed(values)


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def holding(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


def cut(folder: Path) -> None:
    path = folder / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-20])


def flipped(folder: Path) -> None:
    path = folder / TRAIN_IMAGES
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def exchanged(one: str, other: str) -> Callable[[Path], None]:
    def exchange(folder: Path) -> None:
        contents = [(folder / name).read_bytes() for name in (one, other)]
        for name, content in zip((other, one), contents, strict=True):
            (folder / name).write_bytes(content)

    return exchange


def digits(folder: Path) -> None:
    SmallDataSets().write("mnist", folder)


def features_that_are_no_number(folder: Path) -> None:
    values = np.full((20, 3, 2), np.nan, ">f4")
    (folder / TRAIN_IMAGES).write_bytes(zipped(header(20, 3, 2, kind=0x0D) + values.tobytes()))


DATA: dict[str, tuple[Callable[[Path], None], str, list[str]]] = {
    "missing": (without(TRAIN_LABELS), "is incomplete", [f"no {TRAIN_LABELS}"]),
    "missing test half": (without(TEST_IMAGES), "is incomplete", [f"no {TEST_IMAGES}"]),
    "truncated": (cut, "not Fashion-MNIST's training images", ["a gzip file cut short"]),
    "flipped bit": (flipped, "not Fashion-MNIST's training images", []),
    "empty": (holding(TRAIN_LABELS, b""), "training labels", ["an empty file", "0 bytes"]),
    "HTML": (holding(TRAIN_LABELS, HTML), "training labels", ["a web page", "bytes"]),
    "zip": (holding(TRAIN_LABELS, zip_archive()), "training labels", ["a zip archive"]),
    "LFS pointer": (holding(TRAIN_LABELS, LFS), "training labels", ["a Git LFS pointer"]),
    "images and labels exchanged": (
        exchanged(TRAIN_IMAGES, TRAIN_LABELS),
        "not training images but training labels",
        ["training labels"],
    ),
    "train and test exchanged": (
        exchanged(TRAIN_LABELS, TEST_LABELS),
        "not training labels but test labels",
        ["test labels"],
    ),
    "more images promised": (
        holding(TRAIN_IMAGES, zipped(header(21, 3, 2) + bytes(126))),
        "training images",
        ["an IDX array of 21 × 3 × 2"],
    ),
    "fewer images than promised": (
        holding(TRAIN_IMAGES, zipped(header(20, 3, 2) + bytes(100))),
        "training images",
        ["an IDX array of 20 × 3 × 2, cut short"],
    ),
    "more images than promised": (
        holding(TRAIN_IMAGES, zipped(header(20, 3, 2) + bytes(130))),
        "training images",
        ["20 × 3 × 2, and more bytes after it"],
    ),
    "2³¹ images": (
        holding(TRAIN_IMAGES, zipped(header(2**31, 3, 2))),
        "training images",
        ["2,147,483,648 × 3 × 2: an impossible header"],
    ),
    "features that are no number": (
        features_that_are_no_number,
        "training images",
        ["floating-point"],
    ),
    "wrong type": (
        holding(TRAIN_LABELS, zipped(header(20, kind=0x0C) + bytes(80))),
        "training labels",
        ["32-bit integers"],
    ),
    "wrong rank": (
        holding(TRAIN_LABELS, zipped(header(20, 1, 1) + bytes(20))),
        "training labels",
        ["an IDX array of 20 × 1 × 1"],
    ),
    "another data set": (digits, "this is MNIST, not Fashion-MNIST", ["MNIST's training images"]),
    "a label of no class": (
        holding(TRAIN_LABELS, zipped(with_label(10))),
        "training labels",
        ["label 10, where 10 classes"],
    ),
    "the right shape, other pixels": (
        holding(TRAIN_IMAGES, zipped(packed(images(20, seed=9)))),
        "not Fashion-MNIST's training images",
        ["an IDX array of 20 × 3 × 2, with sha256"],
    ),
}


@pytest.mark.parametrize("row", DATA)
def test_broken_data(capsys, small, row):
    spoil, problem, words = DATA[row]
    folder = small.write("fashion-mnist", Path("data files"))
    spoil(folder)
    before = everything(folder)
    told = refused(capsys, 3, "train", "--data-dir", folder, "--epochs", "1")
    assert problem in told["problem"]
    assert all(word in told["found"] for word in words), told
    assert "wanted" in told
    assert "data files" in told["file"]
    assert everything(folder) == before
    assert not Path("runs").exists()  # a run that cannot be leaves nothing behind


@pytest.mark.parametrize("verb", ["train", "info"])
def test_data_that_are_nowhere(capsys, verb):
    words = ["train"] if verb == "train" else ["data", "info"]
    flag = ["--dataset", "fashion-mnist"] if verb == "train" else ["fashion-mnist"]
    told = refused(capsys, 3, *words, *flag)
    assert "could not be downloaded" in told["problem"]
    assert "127.0.0.1:9: no connection" in told["found"]
    assert "--dataset sketch" in told["fix"]
    told = refused(capsys, 3, *words, *flag, "--data-dir", "elsewhere")
    assert "elsewhere" in told["file"]
    assert "handstitch data fetch" in told["fix"]


# ── 4: model files ─────────────────────────────────────────────────────────────────────────────


def settings_changed(run: Path, old: str, new: str) -> None:
    path = run / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_weights_of_another_architecture(capsys, run):
    settings_changed(run, "hidden_sizes = [16, 8]", "hidden_sizes = [20, 8]")
    before = everything(run)
    told = refused(capsys, 4, "train", "--resume", run)
    assert "another architecture" in told["problem"]
    assert "layers.0.weight" in told["found"]
    assert "(784, 16)" in told["found"]
    assert "(784, 20)" in told["wanted"]
    assert "last.safetensors" in told["file"]
    assert "config.toml" in told["fix"]
    assert everything(run) == before


def test_the_state_of_another_optimizer(capsys, run):
    settings_changed(run, 'optimizer = "adam"', 'optimizer = "momentum"')
    told = refused(capsys, 4, "train", "--resume", run)
    assert "does not match the run" in told["problem"]
    assert "momentum" in told["wanted"]


def test_images_of_another_size(capsys, run, small):
    folder = small.write("fashion-mnist", Path("files"))
    for verb in ("test", "predict"):
        told = refused(capsys, 4, verb, run, "--dataset", "fashion-mnist", "--data-dir", folder)
        assert "3 × 2" in told["found"]
        assert "28 × 28" in told["wanted"]


def test_another_number_of_classes(capsys):
    names = tuple(f"class {number}" for number in range(3))
    model = sample((784, 4, 3), image_shape=(28, 28), class_names=names)
    save_model("three.safetensors", model)
    told = refused(capsys, 4, "test", "three.safetensors")
    assert "3 classes" in told["found"]
    assert "10" in told["wanted"]


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("_dot_", "."), content)
    return file.getvalue()


def savez(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


FOREIGN: dict[str, tuple[str, bytes, str]] = {
    "pickled npz": ("w.npz", savez(weights_0=np.array([None]), bias_0=np.ones(1)), "Object arrays"),
    "other npz": ("w.npz", savez(kernel=np.ones(3)), "too many: kernel"),
    "PyTorch": ("w.pt", archive(data_dot_pkl=b"\x80\x02}"), "a PyTorch file"),
    "old PyTorch": ("w.pt", pickle.dumps(0x1950A86A20F9469CFC6C, 2), "a PyTorch file"),
    "HDF5": ("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "Keras": ("w.keras", archive(config_dot_json=b"{}", m_dot_weights_dot_h5=b""), "a Keras file"),
    "pickle": ("w.pkl", pickle.dumps({"weights": [1.0]}), "a pickle"),
    "web page": ("w.safetensors", HTML, "a web page"),
    "LFS pointer": ("w.safetensors", LFS, "a Git LFS pointer"),
    "empty": ("w.safetensors", b"", "an empty file"),
    "text": ("w.txt", b"dear diary", "of unknown type"),
}


@pytest.mark.parametrize("row", FOREIGN)
def test_foreign_weights(capsys, row):
    name, content, found = FOREIGN[row]
    Path(name).write_bytes(content)
    told = refused(capsys, 4, "test", name)
    assert found in told["found"]
    assert "wanted" in told
    if row not in {"web page", "LFS pointer", "empty", "text"}:
        assert "np.savez" in told["fix"]


def test_weights_of_other_inputs(capsys):
    np.savez("w.npz", **report_arrays((100, 4, 10)))  # type: ignore[arg-type]  # arrays by name
    told = refused(capsys, 4, "test", "w.npz")
    assert "100 inputs" in told["found"]


def test_weights_that_are_not_there(capsys):
    told = refused(capsys, 4, "test", "nothing.safetensors")
    assert "no such model file" in told["problem"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_damaged_weights(capsys, run):
    flip(run / "weights" / "best.safetensors")
    told = refused(capsys, 4, "test", run)
    assert "damaged" in told["problem"]
    assert "SHA-256" in told["found"]
    assert "handstitch train --resume runs/train" in told["fix"]
    assert "--weights last" in told["fix"]
    accepted(capsys, "test", run, "--weights", "last")
    accepted(capsys, "train", "--resume", run)
    accepted(capsys, "test", run)


def test_a_damaged_state_with_no_older_one(capsys, run):
    last = run / "weights" / "last.safetensors"
    storage.backup_of(last).unlink()
    flip(last)
    before = everything(run)
    told = refused(capsys, 4, "train", "--resume", run)
    assert "damaged" in told["problem"]
    assert "best weights may still be sound" in told["fix"]
    assert everything(run) == before


def test_both_states_damaged(capsys, run):
    last = run / "weights" / "last.safetensors"
    flip(last)
    flip(storage.backup_of(last))
    told = refused(capsys, 4, "train", "--resume", run)
    assert "and its backup are damaged" in told["problem"]
    assert "best weights may still be sound" in told["fix"]


def test_a_file_of_a_newer_version(capsys, monkeypatch, run):
    with monkeypatch.context() as later:
        later.setattr(safetensors_file, "VERSION", 3)
        save_model("later.safetensors", sample())
        save_model(run / "weights" / "last.safetensors", sample())
    for words in (("test", "later.safetensors"), ("train", "--resume", run)):
        told = refused(capsys, 4, *words)
        assert "another version" in told["problem"]
        assert "version 3" in told["found"]
        assert "version 2" in told["wanted"]
        assert "upgrade" in told["fix"]


# ── 5: the machine ─────────────────────────────────────────────────────────────────────────────

HOLDER = """
import sys
from handstitch.storage import lock_folder
with lock_folder(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_folder_in_use(capsys, run):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        before = everything(run)
        told = refused(capsys, 5, "train", "--resume", run)
    finally:
        holder.communicate()
    assert f"process {holder.pid}, since 2" in told["found"]
    assert everything(run) == before
    accepted(capsys, "train", "--resume", run)  # the lock is gone with its owner


def as_nobody(words: list[str]) -> tuple[int, str]:
    """Exit code and stderr of a command given by a user without rights."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads, which the child lets be
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with os.fdopen(writing, "w") as pipe:
                sys.stderr = pipe
                code = cli.run(words)
            os._exit(code)
        finally:
            os._exit(99)  # the child must not run the other tests
    os.close(writing)
    with os.fdopen(reading) as pipe:
        err = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), err


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may look into and only we may write (pytest's own are private)."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if as_nobody(["--version"])[0] != 0:
            pytest.skip("another user may not run the program here")
        yield folder


def test_a_folder_of_another_user(public_folder, run, monkeypatch):
    theirs = Path(shutil.copytree(run, public_folder / "run"))
    monkeypatch.chdir(public_folder)
    for words in (("--out", "new", *SKETCH), ("--resume", "run"), SKETCH):
        before = everything(theirs)
        code, err = as_nobody(["train", *words])
        told = parts_of(err)
        assert code == 5, err
        assert "permission denied" in told["problem"]
        assert f"{NOBODY}" in told["found"] or "nobody" in told["found"]
        assert "--out" in told["fix"]
        assert everything(theirs) == before
        assert [each.name for each in public_folder.iterdir()] == ["run"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path, but: int) -> Path:
    """Take all room in `folder` but so many bytes."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - but))
    return filler


def test_a_disk_too_small_for_a_run(capsys, small_disk):
    fill(small_disk, 200_000)
    told = refused(capsys, 5, "train", *SKETCH, "--out", small_disk / "run")
    assert "the disk is full" in told["problem"]
    assert "bytes free" in told["found"]
    assert "bytes" in told["wanted"]
    assert [each.name for each in small_disk.iterdir()] == ["filler"]


def test_a_disk_that_fills_up_while_a_run_is_trained(capsys, small_disk, finished):
    run = small_disk / "run"
    filler = small_disk / "filler"

    class FillsUp(disk.Files):
        """The real disk, full once there are two states."""

        def open(self, path: Path, flags: int) -> int:
            there = (run / "weights" / "last.previous.safetensors").exists()
            if there and "safetensors" in path.name and not filler.exists():
                fill(small_disk, 4096)
            return super().open(path, flags)

    with installed(FillsUp()):
        told = refused_later(capsys, 5, "train", *SKETCH, "--out", run)
    assert "the disk is full" in told["problem"]
    assert "bytes free" in told["found"]
    assert "bytes" in told["wanted"]
    assert f"handstitch train --resume {run}" in told["fix"]
    assert not leftovers(small_disk)
    filler.unlink()
    accepted(capsys, "train", "--resume", run)
    assert weights(run) == weights(finished)


def refused_later(capsys, code: int, *words: object) -> dict[str, str]:
    """As `refused`, for a command that had something to show before it failed."""
    capsys.readouterr()
    found = cli.run([str(word) for word in words])
    err = capsys.readouterr().err
    assert found == code, err
    return parts_of(err)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_while_a_run_is_trained(capsys, finished, number):
    class Failing(disk.Files):
        """The real disk, until it has taken a state of the second epoch."""

        def replace(self, source: Path, target: Path) -> None:
            super().replace(source, target)
            if target.name == "last.previous.safetensors":
                self.broken = True

        broken = False

        def write(self, descriptor: int, piece: memoryview) -> int:
            if self.broken:
                raise OSError(number, os.strerror(number))
            return super().write(descriptor, piece)

    with installed(Failing()):
        told = refused_later(capsys, 5, "train", *SKETCH, "--out", "r")
    assert "r/history.csv" in told["file"]
    assert "handstitch train --resume r" in told["fix"]
    assert ("quota" in told["found"]) == (number in {errno.ENOSPC, errno.EDQUOT})
    accepted(capsys, "train", "--resume", "r")
    assert weights(Path("r")) == weights(finished)


def test_no_network_when_fetching_was_asked_for(capsys):
    told = refused(capsys, 5, "data", "fetch")
    assert "127.0.0.1:9: no connection" in told["found"]
    assert "--data-dir" in told["fix"]


# ── 6: training ────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_leaves_the_finite_numbers(capsys):
    sgd = ("--optimizer", "sgd", "--lr", "1e6", "--dataset", "sketch")
    told = refused_later(capsys, 6, "train", *sgd, "--out", "r")
    assert "--lr" in told["fix"] or "learning" in told["fix"]
    assert (Path("r") / "config.toml").exists()


# ── 0: odd, but no error ───────────────────────────────────────────────────────────────────────


def test_a_batch_larger_than_the_data(capsys):
    big = ("--dataset", "sketch", "--epochs", "1", "--hidden", "4", "--batch-size", "1000000")
    err = accepted(capsys, "train", *big, "--out", "r")
    assert "1,000,000 is more than the 360 training images" in err


def test_a_file_named_gz_that_is_not_compressed(capsys, small):
    folder = small.write("fashion-mnist", Path("files"))
    path = folder / TRAIN_LABELS
    path.write_bytes(small.contents["fashion-mnist", TRAIN_LABELS])
    err = accepted(capsys, "train", "--data-dir", folder, "--epochs", "1", "--hidden", "4")
    assert f"{path} is named .gz but is not compressed" in err


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file below, but the lock."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_going_on_with_a_finished_run_changes_nothing(capsys, run):
    before = everything(run)
    assert len(before) >= 7
    err = accepted(capsys, "train", "--resume", run)
    assert "is finished" in err
    assert everything(run) == before


def test_a_damaged_state_with_an_older_one(capsys, run, finished):
    flip(run / "weights" / "last.safetensors")
    err = accepted(capsys, "train", "--resume", run)
    assert "last.safetensors is damaged" in err
    assert "1 finished epoch trained again" in err
    assert weights(run) == weights(finished)


def test_a_damaged_state_with_one_of_the_same_epoch(capsys, run, finished):
    state = run / "weights" / "last.safetensors"
    shutil.copy(state, state.with_name("last.previous.safetensors"))
    flip(state)
    err = accepted(capsys, "train", "--resume", run)
    assert "0 finished epochs trained again" in err
    assert weights(run)[0] == weights(finished)[0]


def test_damaged_best_weights_are_written_anew(capsys, run, finished):
    flip(run / "weights" / "best.safetensors")
    err = accepted(capsys, "train", "--resume", run)
    assert "best.safetensors" in err
    assert weights(run) == weights(finished)


def test_a_run_killed_before_its_first_save_begins_at_its_first_step(capsys, run, finished):
    shutil.rmtree(run / "weights")
    for path in run.iterdir():
        if path.name != "config.toml":
            path.unlink()
    err = accepted(capsys, "train", "--resume", run)
    assert "starts at the first step" in err
    assert weights(run) == weights(finished)


def test_other_data_than_the_run_began_with_is_said(capsys, run, monkeypatch):
    monkeypatch.setattr(loading, "_SKETCH", {"train": (400, 7), "test": (100, 2018)})
    err = accepted(capsys, "train", "--resume", run)
    assert "the training data differ from those the run was started with" in err


def test_fewer_cores_than_the_run_has_threads_are_said(capsys, run, monkeypatch):
    from handstitch import machine

    settings_changed(run, "threads = 1", "threads = 2")
    monkeypatch.setattr(machine, "cores", lambda: 1)
    err = accepted(capsys, "train", "--resume", run)
    assert "resuming with 2 threads" in err
    assert "this machine has 1 core" in err


def test_another_build_than_the_run_was_saved_with_is_said(capsys, run, monkeypatch):
    from handstitch import machine

    build = {**machine.build_info(), "numpy": "9.9"}
    monkeypatch.setattr(machine, "build_info", lambda: build)
    err = accepted(capsys, "train", "--resume", run)
    assert "numpy was" in err
    assert "9.9 now" in err
