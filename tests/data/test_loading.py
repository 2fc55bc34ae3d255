"""Which files are taken, in which order, and that no others ever are."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pytest

from handstitch.data import (
    catalog,
    download,
    idx,
    loading,
    locations,
    sketch,
    sources,
    verification,
)
from handstitch.data.dataset import DIGITS, GARMENTS, digest_of
from handstitch.data.summary import describe
from handstitch.errors import DataError, HandstitchError, UsageError
from tests.data.idx_files import SmallDataSets, header, images, labels, packed, zipped

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"

pytestmark = pytest.mark.usefixtures("empty_machine")


def refused(call: Callable[[], object], exit_code: int = 3) -> HandstitchError:
    """The error of `call`, which must be one of ours with facts that help."""
    with pytest.raises(HandstitchError) as caught:
        call()
    error = caught.value
    assert error.exit_code == exit_code
    assert error.found is not None
    assert error.wanted
    assert error.fix
    assert len(str(error).splitlines()) <= 6
    return error


# ── Loading ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(("part", "n"), [("train", 20), ("test", 10)])
def test_load(
    small: SmallDataSets, tmp_path: Path, part: catalog.Part, n: int, plain: bool
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files", plain=plain)
    dataset = loading.load("fashion-mnist", part, folder)
    np.testing.assert_array_equal(dataset.images, images(n), strict=True)
    np.testing.assert_array_equal(dataset.labels, labels(n), strict=True)
    assert (dataset.name, dataset.part) == ("fashion-mnist", part)
    assert dataset.class_names == GARMENTS
    assert dataset.location == str(folder)
    # The digest is of the data, so it is the same for both packings.
    assert dataset.digest == hashlib.sha256(bytes(images(n)) + bytes(labels(n))).hexdigest()


def test_mnist_has_digits(small: SmallDataSets, tmp_path: Path) -> None:
    folder = small.write("mnist", tmp_path / "files")
    assert loading.load("mnist", "test", folder).class_names == DIGITS


def test_a_file_packed_anew_is_accepted(small: SmallDataSets, tmp_path: Path) -> None:
    import gzip

    folder = small.write("fashion-mnist", tmp_path / "files")
    content = small.contents["fashion-mnist", TEST_IMAGES]
    (folder / TEST_IMAGES).write_bytes(gzip.compress(content, compresslevel=1, mtime=99))
    np.testing.assert_array_equal(loading.load("fashion-mnist", "test", folder).images, images(10))


def test_a_plain_file_named_gz_is_read_with_one_notice(
    small: SmallDataSets, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handstitch")
    folder = small.write("fashion-mnist", tmp_path / "files")
    (folder / TEST_IMAGES).write_bytes(small.contents["fashion-mnist", TEST_IMAGES])
    loading.load("fashion-mnist", "test", folder)
    assert len(caplog.messages) == 1
    assert TEST_IMAGES in caplog.messages[0]


def test_training_verifies_all_four_files_and_testing_its_two(
    small: SmallDataSets, tmp_path: Path
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    sound = (folder / TEST_LABELS).read_bytes()
    (folder / TEST_LABELS).write_bytes(sound[:-9])
    error = refused(lambda: loading.load("fashion-mnist", "train", folder))
    assert error.file == str(folder / TEST_LABELS)
    (folder / TEST_LABELS).write_bytes(sound)
    (folder / TRAIN_IMAGES).write_bytes(b"")
    loading.load("fashion-mnist", "test", folder)
    refused(lambda: loading.load("fashion-mnist", "train", folder))


def test_training_does_not_unpack_the_test_images(
    small: SmallDataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    unpacked: list[str] = []
    parse = idx.parse

    def spy(stream: BinaryIO) -> object:
        unpacked.append(Path(stream.name).name)
        return parse(stream)

    monkeypatch.setattr(idx, "parse", spy)
    loading.load("fashion-mnist", "train", folder)
    assert sorted(unpacked) == [TRAIN_IMAGES, TRAIN_LABELS]


def test_sketch_is_drawn_from_different_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def draw(n: int, seed: int) -> object:
        asked.append((n, seed))
        return images(20), labels(20)

    monkeypatch.setattr(sketch, "draw", draw)
    dataset = loading.load("sketch", "train")
    loading.load("sketch", "test")
    assert (dataset.name, dataset.location) == ("sketch", "drawn from a seed")
    assert dataset.class_names == GARMENTS
    (train, train_seed), (test, test_seed) = asked
    assert (train, test) == (60_000, 10_000)
    assert train_seed != test_seed


@pytest.mark.parametrize("name", ["fashon-mnist", "", "auto", "../etc"])
def test_an_unknown_name_is_a_usage_error(name: str) -> None:
    error = refused(lambda: loading.load(name, "test"), exit_code=2)
    assert isinstance(error, UsageError)
    if name == "fashon-mnist":
        assert "fashion-mnist" in str(error.fix)


# ── Where ──────────────────────────────────────────────────────────────────────────────────────


def test_order_of_places(
    small: SmallDataSets, empty_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = small.write("fashion-mnist", empty_machine / "cache/handstitch/fashion-mnist")
    assert loading.load("fashion-mnist", "test").location == str(cache)
    small.write("fashion-mnist", Path("data/fashion-mnist"))
    assert loading.load("fashion-mnist", "test").location == "data/fashion-mnist"
    named = small.write("fashion-mnist", empty_machine / "named")
    monkeypatch.setenv(locations.VARIABLE, "")  # set but empty is not set
    small.write("mnist", Path())  # so it does not mean the current folder
    assert loading.load("fashion-mnist", "test").location == "data/fashion-mnist"
    monkeypatch.setenv(locations.VARIABLE, str(named))
    assert loading.load("fashion-mnist", "test").location == str(named)
    inner = small.write("fashion-mnist", named / "fashion-mnist")
    assert loading.load("fashion-mnist", "test").location == str(inner)
    given = small.write("fashion-mnist", empty_machine / "given")
    assert loading.load("fashion-mnist", "test", given).location == str(given)
    inner = small.write("fashion-mnist", empty_machine / "parent/fashion-mnist")
    assert loading.load("fashion-mnist", "test", inner.parent).location == str(inner)


def test_a_folder_that_holds_two_data_sets(small: SmallDataSets, tmp_path: Path) -> None:
    small.write("fashion-mnist", tmp_path / "files/fashion-mnist")
    small.write("mnist", tmp_path / "files/mnist")
    for name in ("mnist", "fashion-mnist"):
        dataset = loading.load(name, "test", tmp_path / "files")
        assert dataset.location == str(tmp_path / "files" / name)


def test_tilde_means_home(small: SmallDataSets, empty_machine: Path) -> None:
    small.write("mnist", empty_machine / "home/digits")
    assert len(loading.load("mnist", "test", "~/digits")) == 10
    refused(lambda: loading.load("mnist", "test", "~nobody-of-this-name/digits"))


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("name", ["fashion-mnist", "auto"])
def test_a_folder_given_without_the_files_is_an_error_and_no_other_is_looked_in(
    small: SmallDataSets, tmp_path: Path, name: str, exists: bool
) -> None:
    small.write("fashion-mnist", Path("data/fashion-mnist"))
    folder = tmp_path / "a folder"
    if exists:
        folder.mkdir()
    error = refused(lambda: loading.load(sources.resolve(name, folder).name, "train", folder))
    assert error.found == ("none of its files" if exists else "no such folder")
    assert f"data_dir='{folder}'" in str(error.fix)


@pytest.mark.parametrize("plain", [False, True])
def test_a_variable_that_names_another_published_set_is_passed_over(
    small: SmallDataSets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    plain: bool,
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files", plain=plain)
    monkeypatch.setenv(locations.VARIABLE, str(folder))
    assert loading.load("fashion-mnist", "test").location == str(folder)
    with pytest.raises(loading.AbsentError):
        loading.verify("mnist", "train", fetch=False)
    assert caplog.messages == [f"$HANDSTITCH_DATA names {folder}, which holds no MNIST"]
    small.write("mnist", Path("data/mnist"))
    assert loading.load("mnist", "test").location == "data/mnist"
    for name in (TEST_LABELS, TRAIN_LABELS):
        (folder / name).write_bytes(b"damaged")  # whose they are, the checksum no longer says
    error = refused(lambda: loading.load("mnist", "test"))
    assert str(folder) in str(error.file)


def test_a_variable_that_leads_nowhere_is_said_and_passed_over(
    small: SmallDataSets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    small.write("fashion-mnist", Path("data/fashion-mnist"))
    monkeypatch.setenv(locations.VARIABLE, str(tmp_path / "nowhere"))
    dataset = loading.load("fashion-mnist", "test")
    assert dataset.location == "data/fashion-mnist"
    assert caplog.messages == [
        f"$HANDSTITCH_DATA names {tmp_path}/nowhere, which holds no Fashion-MNIST"
    ]


# ── Bad files ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("part", "gone", "complains"),
    [
        ("train", [TRAIN_LABELS], [TRAIN_LABELS]),
        ("train", [TRAIN_IMAGES, TEST_LABELS], [TRAIN_IMAGES, TEST_LABELS]),
        ("test", [TEST_LABELS], [TEST_LABELS]),
        ("test", [TEST_IMAGES, TRAIN_LABELS], [TEST_IMAGES]),
        ("test", [TRAIN_IMAGES, TRAIN_LABELS], []),
    ],
)
def test_missing_files_are_named(
    small: SmallDataSets,
    tmp_path: Path,
    part: catalog.Part,
    gone: list[str],
    complains: list[str],
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    for name in gone:
        (folder / name).unlink()
    if not complains:
        assert len(loading.load("fashion-mnist", part, folder)) == 10
        return
    error = refused(lambda: loading.load("fashion-mnist", part, folder))
    assert error.found == ", ".join(f"no {name}" for name in complains)
    assert "handstitch.data.loading.fetch(" in str(error.fix)


def test_a_bad_file_is_never_skipped_for_a_good_one_elsewhere(
    small: SmallDataSets, empty_machine: Path
) -> None:
    small.write("fashion-mnist", empty_machine / "cache/handstitch/fashion-mnist")
    folder = small.write("fashion-mnist", Path("data/fashion-mnist"))
    (folder / TEST_LABELS).write_bytes(b"<html>not found</html>")
    small.write("fashion-mnist", folder, plain=True)  # not even for its own plain form
    for name in ("fashion-mnist", "auto"):
        choice = sources.resolve(name)
        assert choice.name == "fashion-mnist"
        error = refused(lambda: loading.load("fashion-mnist", "test"))
        assert error.file == str(folder / TEST_LABELS)
        assert "a web page" in str(error.found)
    assert (folder / TEST_LABELS).read_bytes() == b"<html>not found</html>"


def test_a_broken_link_is_a_bad_file_not_an_absent_one(
    small: SmallDataSets, tmp_path: Path
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    (folder / TEST_LABELS).unlink()
    (folder / TEST_LABELS).symlink_to("gone")
    error = refused(lambda: loading.load("fashion-mnist", "test", folder))
    assert "a broken link" in str(error.found)


@pytest.mark.parametrize("form", ["as published", "plain", "packed anew"])
def test_another_data_set_is_named(small: SmallDataSets, tmp_path: Path, form: str) -> None:
    folder = small.write("mnist", tmp_path / "files", plain=form == "plain")
    if form == "packed anew":
        for (name, file), content in small.contents.items():
            if name == "mnist":
                (folder / file).write_bytes(zipped(content)[:9] + b"\x03" + zipped(content)[10:])
    error = refused(lambda: loading.load("fashion-mnist", "test", folder))
    assert error.problem == "this is MNIST, not Fashion-MNIST"
    assert error.found == "MNIST's test images"
    assert "dataset='mnist'" in str(error.fix)
    assert "delete" not in str(error.fix)


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        (TEST_IMAGES, TEST_LABELS, "these are not test images but test labels"),
        (TRAIN_IMAGES, TEST_IMAGES, "these are not training images but test images"),
        (TRAIN_LABELS, TEST_LABELS, "these are not training labels but test labels"),
    ],
)
def test_exchanged_files_are_named(
    small: SmallDataSets, tmp_path: Path, one: str, other: str, problem: str
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    (folder / one).rename(folder / "aside")
    (folder / other).rename(folder / one)
    (folder / "aside").rename(folder / other)
    error = refused(lambda: loading.load("fashion-mnist", "train", folder))
    assert error.problem == problem
    assert error.file == str(folder / one)
    assert other in str(error.fix)


@pytest.mark.parametrize(
    "own",
    [
        packed(images(10, seed=77)),
        zipped(packed(images(10, seed=77))),
        header(10, 3, 2, kind=0x0C) + bytes(240),
        header(10, 3, 2, 3) + bytes(180),
    ],
    ids=["plain", "gzip", "int32", "colour"],
)
def test_the_right_shape_is_not_enough(small: SmallDataSets, tmp_path: Path, own: bytes) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    (folder / TEST_IMAGES).write_bytes(own)
    for call in (
        lambda: loading.load("fashion-mnist", "test", folder),
        lambda: loading.fetch("fashion-mnist", folder),
    ):
        error = refused(call)
        assert error.problem == "a sound file, but not Fashion-MNIST's test images"
        assert f"dataset='{folder}'" in str(error.fix)
        assert "delete" not in str(error)
        assert (folder / TEST_IMAGES).read_bytes() == own
        published = next(file for file in small.files if file.name == TEST_IMAGES)
        assert f"sha256 {published.sha256[:8]}…" in str(error.wanted)


def test_labels_beyond_the_classes_are_named(small: SmallDataSets, tmp_path: Path) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    wrong = labels(10)
    wrong[3] = 10
    (folder / TEST_LABELS).write_bytes(zipped(packed(wrong)))
    error = refused(lambda: loading.load("fashion-mnist", "test", folder))
    assert "label 10, where 10 classes count from 0" in str(error.found)


# ── Absent ─────────────────────────────────────────────────────────────────────────────────────


def test_absent_and_not_fetchable(empty_machine: Path) -> None:
    start = time.monotonic()
    error = refused(lambda: loading.load("fashion-mnist", "train"))
    assert time.monotonic() - start < 15
    assert "127.0.0.1:9: no connection" in str(error.found)
    assert str(empty_machine / "cache/handstitch/fashion-mnist") in str(error.found)
    assert TRAIN_IMAGES in str(error.wanted)
    assert "data_dir" in str(error.fix)
    assert "dataset='sketch'" in str(error.fix)


def test_auto_without_data_and_network_is_sketch_and_says_why() -> None:
    choice = sources.resolve("auto")
    assert choice.name == "sketch"
    assert "could not be downloaded" in choice.reason
    assert "127.0.0.1:9" in choice.reason


def test_a_dead_network_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []
    original = download.fetch_files

    def counted(*arguments: Any) -> None:
        attempts.append(arguments)
        original(*arguments)

    monkeypatch.setattr(download, "fetch_files", counted)
    sources.resolve("auto")
    sources.resolve("auto")
    refused(lambda: loading.load("fashion-mnist", "test"))
    assert len(attempts) == 1
    refused(lambda: loading.fetch("fashion-mnist"), exit_code=5)  # asked for: tried again
    assert len(attempts) == 2


def test_auto_is_fashion_mnist_where_it_is(small: SmallDataSets) -> None:
    small.write("fashion-mnist", Path("data/fashion-mnist"))
    choice = sources.resolve("auto")
    assert (choice.name, choice.reason) == ("fashion-mnist", "")


def test_names_mean_themselves() -> None:
    for name in ("fashion-mnist", "mnist", "sketch"):
        assert sources.resolve(name) == sources.Source(name)
    refused(lambda: sources.resolve("minst"), exit_code=2)


def test_without_fetching_the_network_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch_files", None)  # to call it would be an error
    error = refused(lambda: loading.load("mnist", "test", fetch=False))
    assert "switched off" in str(error.found)


# ── The real files ─────────────────────────────────────────────────────────────────────────────


def test_real_fashion_mnist(fashion_mnist: Path) -> None:
    train = loading.load("fashion-mnist", "train", fashion_mnist)
    assert train.images.shape == (60_000, 28, 28)
    assert train.counts() == [6_000] * 10
    assert train.images.mean() == pytest.approx(72.940, abs=5e-4)
    assert train.images.std() == pytest.approx(90.021, abs=5e-4)
    test = loading.load("fashion-mnist", "test", fashion_mnist)
    assert test.images.shape == (10_000, 28, 28)
    assert test.counts() == [1_000] * 10
    assert test.labels[:6].tolist() == [9, 2, 1, 1, 6, 1]
    for part in (train, test):  # the catalog's, not computed at each start
        assert part.digest == digest_of(part.images, part.labels)


def test_real_files_decompressed(fashion_mnist: Path, tmp_path: Path) -> None:
    import gzip

    for name in (TEST_IMAGES, TEST_LABELS):
        content = gzip.decompress((fashion_mnist / name).read_bytes())
        (tmp_path / name.removesuffix(".gz")).write_bytes(content)
    dataset = loading.load("fashion-mnist", "test", tmp_path)
    assert dataset.digest == loading.load("fashion-mnist", "test", fashion_mnist).digest


def test_real_mnist(mnist_test_half: Path) -> None:
    dataset = loading.load("mnist", "test", mnist_test_half)
    assert dataset.digest == digest_of(dataset.images, dataset.labels)
    assert dataset.counts() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    error = refused(lambda: loading.load("mnist", "train", mnist_test_half))
    assert TRAIN_IMAGES in str(error.found)
    assert f"handstitch.data.loading.fetch('mnist', data_dir='{mnist_test_half}')" in str(error.fix)
    error = refused(lambda: loading.load("fashion-mnist", "test", mnist_test_half))
    assert error.problem == "this is MNIST, not Fashion-MNIST"


def test_pins_are_of_eight_different_files() -> None:
    assert len({file.sha256 for file in catalog.FILES}) == 8
    assert len({file.content_sha256 for file in catalog.FILES}) == 8


# ── Facts, and the cost of importing ───────────────────────────────────────────────────────────


def test_facts(small: SmallDataSets, tmp_path: Path) -> None:
    folder = small.write("mnist", tmp_path / "files")
    facts = describe(sources.resolve("mnist", folder))
    train, test = facts.pop("parts")
    assert facts == {
        "dataset": "mnist",
        "title": "MNIST",
        "location": str(folder),
        "class_names": list(DIGITS),
    }
    assert [train[name] for name in ("part", "images", "shape")] == ["train", 20, [3, 2]]
    assert train["counts"] == dict.fromkeys(DIGITS, 2)
    assert train["balance"] == 1
    assert [Path(file["path"]).name for file in test["files"]] == [TEST_IMAGES, TEST_LABELS]
    for file in (*train["files"], *test["files"]):
        content = Path(file["path"]).read_bytes()
        assert file["bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert msgspec.json.decode(msgspec.json.encode(test))["images"] == 10


def test_facts_of_what_is_drawn_name_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "draw", lambda n, seed: (images(20), labels(20)))
    facts = describe(sources.resolve("sketch"))
    assert facts["location"] == "drawn from a seed"
    assert [part["files"] for part in facts["parts"]] == [[], []]


def test_facts_verify_each_file_once(
    small: SmallDataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.write("mnist", tmp_path / "files")
    verified: list[str] = []
    verify = verification.verify

    def spy(path: Path, *rest: Any, **more: Any) -> object:
        verified.append(path.name)
        return verify(path, *rest, **more)

    monkeypatch.setattr(verification, "verify", spy)
    describe(sources.resolve("mnist", folder))
    assert sorted(verified) == sorted([TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])


def test_what_was_located_is_not_looked_for_again(
    small: SmallDataSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.write("fashion-mnist", Path("data/fashion-mnist"))
    choice = sources.resolve("auto")
    monkeypatch.setattr(locations, "locate", None)  # to call it would be an error
    assert len(loading.load(choice.name, "train", location=choice.location)) == 20


def test_importing_costs_no_network_library() -> None:
    program = (
        "import sys, handstitch.data.loading, handstitch.data.summary;"
        "print({'pooch', 'requests', 'urllib3', 'platformdirs'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_bad_file_is_our_error_however_it_is_reached(
    small: SmallDataSets, tmp_path: Path
) -> None:
    folder = small.write("mnist", tmp_path / "files")
    (folder / TRAIN_LABELS).write_bytes(b"PK\x03\x04")
    for call in (
        lambda: describe(sources.resolve("mnist", folder)),
        lambda: loading.fetch("mnist", folder),
        lambda: loading.verify("mnist", "train", folder),
    ):
        error = refused(call)
        assert isinstance(error, DataError)
        assert "zip archive" in str(error.found)


def test_a_folder_with_a_hostile_name_forges_no_line(
    small: SmallDataSets, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handstitch")
    folder = tmp_path / "data\n  fix     rm -rf ~\x1b[2J"
    error = refused(lambda: loading.load("mnist", "test", folder))
    assert len(str(error).splitlines()) == 5
    small.write("mnist", folder)
    (folder / TEST_LABELS).write_bytes(small.contents["mnist", TEST_LABELS])
    loading.load("mnist", "test", folder)
    assert "\n" not in caplog.messages[0]
    assert "\x1b" not in caplog.messages[0]
    for name, facts in ((TEST_LABELS, 4), (TEST_IMAGES, 4)):
        (folder / name).unlink()
        error = refused(lambda: loading.load("mnist", "test", folder))
        assert len(str(error).splitlines()) == 1 + facts
