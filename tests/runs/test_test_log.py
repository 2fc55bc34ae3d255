from __future__ import annotations

import errno
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch import storage
from handstitch.errors import DataError, HandstitchError, MachineError
from handstitch.evaluation import class_scores
from handstitch.records import Evaluation
from handstitch.runs import test_log
from handstitch.training import weights_digest
from tests.faults.faulty_disk import FaultyDisk, Killed, installed

NAMES = ("left", "right")
ONE, OTHER = "a" * 64, "b" * 64


def evaluation(correct: int = 8, **changes: Any) -> Evaluation:
    matrix = np.array([[correct, 10 - correct], [0, 0]])
    facts: dict[str, Any] = {
        "dataset": "sketch",
        "part": "test",
        "n": 10,
        "correct": correct,
        "accuracy": correct / 10,
        "accuracy_interval": (0.0, 1.0),
        "loss": 0.5,
        "temperature": 1.25,
        "calibration_error": 0.1,
        "uncalibrated_error": 0.2,
        "confusion_matrix": matrix.tolist(),
        "class_scores": class_scores(matrix, NAMES),
        "weights": "best",
    }
    return Evaluation(**(facts | changes))


def test_a_folder_without_a_test_has_an_empty_log(tmp_path: Path) -> None:
    assert test_log.read(tmp_path).evaluations == ()
    assert test_log.read(tmp_path).latest.get(ONE) is None
    assert list(tmp_path.iterdir()) == []


def test_evaluations_are_counted_and_kept_in_order(tmp_path: Path) -> None:
    given = [(evaluation(8), ONE), (evaluation(7, weights="last"), OTHER), (evaluation(8), ONE)]
    assert [test_log.append(tmp_path, each, digest) for each, digest in given] == [1, 2, 3]
    found = test_log.read(tmp_path).evaluations
    assert [(entry.accuracy, entry.weights, entry.weights_digest) for entry in found] == [
        (0.8, "best", ONE),
        (0.7, "last", OTHER),
        (0.8, "best", ONE),
    ]
    for entry in found:
        assert (entry.dataset, entry.n) == ("sketch", 10)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry.time)


def test_what_a_killed_test_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    dead = "999999999-0123abcd-1.tmp"
    left = [tmp_path / f".README.md.{dead}", tmp_path / "test" / f".log.json.{dead}"]
    for file in left:
        file.touch()
    test_log.append(tmp_path, evaluation(3), ONE)
    assert not any(file.exists() for file in left)


def test_each_set_of_weights_keeps_its_last_evaluation_whole(tmp_path: Path) -> None:
    test_log.append(tmp_path, evaluation(3), ONE)
    test_log.append(tmp_path, evaluation(9), ONE)
    test_log.append(tmp_path, evaluation(5), OTHER)
    assert test_log.read(tmp_path).latest.get(ONE) == evaluation(9)
    assert test_log.read(tmp_path).latest.get(OTHER) == evaluation(5)
    assert test_log.read(tmp_path).latest.get("c" * 64) is None


def test_a_digest_says_which_weights_they_are() -> None:
    theta = np.arange(4, dtype=np.float32)
    one = weights_digest(theta)
    assert re.fullmatch(r"[0-9a-f]{64}", one)
    assert one == weights_digest(theta.copy())
    theta[2] = np.nextafter(theta[2], np.float32(9))
    assert weights_digest(theta) != one


def test_two_tests_at_once_are_two_evaluations(tmp_path: Path) -> None:
    numbers: list[int] = []

    def test_five_times() -> None:
        numbers.extend(test_log.append(tmp_path, evaluation(), ONE) for _ in range(5))

    threads = [threading.Thread(target=test_five_times) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 21))
    assert len(test_log.read(tmp_path).evaluations) == 20


def test_a_process_that_keeps_the_log_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_log.append(tmp_path, evaluation(), ONE)
    monkeypatch.setattr(test_log, "_PATIENCE", 0.05)
    with (
        storage.lock_folder(tmp_path / "test"),
        pytest.raises(MachineError, match="another process"),
    ):
        test_log.append(tmp_path, evaluation(), ONE)
    assert test_log.append(tmp_path, evaluation(), ONE) == 2


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, "short", "kill", "power", "torn"])
def test_whatever_the_disk_does_the_log_is_the_old_or_the_new(
    tmp_path: Path, fault: int | str
) -> None:
    k, disk = 0, FaultyDisk()
    while k <= len(disk.calls):
        folder = tmp_path / str(k)
        test_log.append(folder, evaluation(6), ONE)
        test_log.append(folder, evaluation(7), ONE)
        disk = FaultyDisk(k, fault)
        with installed(disk), suppress(HandstitchError, Killed):
            test_log.append(folder, evaluation(9), ONE)
        found = [entry.accuracy for entry in test_log.read(folder).evaluations]
        assert found in ([0.6, 0.7], [0.6, 0.7, 0.9])
        last = test_log.read(folder).latest.get(ONE)
        assert last is not None
        assert last.accuracy == found[-1]
        k += 1
    assert k > 5


def test_from_a_damaged_log_the_one_before_is_taken_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    test_log.append(tmp_path, evaluation(6), ONE)
    test_log.append(tmp_path, evaluation(7), ONE)
    (tmp_path / test_log.TEST_LOG).write_bytes(b'{"evaluations": [')
    assert [entry.accuracy for entry in test_log.read(tmp_path).evaluations] == [0.6]
    assert caplog.messages == ["the test log is damaged; log.previous.json is used instead"]
    assert test_log.append(tmp_path, evaluation(8), ONE) == 2
    assert [entry.accuracy for entry in test_log.read(tmp_path).evaluations] == [0.6, 0.8]


def changed(**values: Any) -> bytes:
    one = msgspec.to_builtins(evaluation()) | values
    return msgspec.json.encode({"evaluations": [], "latest": {ONE: one}})


DAMAGED = [
    b"",
    b"\xff\xfe",
    b"[]",
    b'{"evaluations": 3}',
    b'{"evaluations": [], "latest": {}, "more": 1}',
    b'{"evaluations": [{"time": "now"}], "latest": {}}',
    b"[" * 100_000,
    changed(confusion_matrix=[]),
    changed(confusion_matrix=[[8, 2]]),
    changed(confusion_matrix=[[8, 2], [0]]),
    changed(confusion_matrix=[[8, 3], [0, 0]]),
    changed(confusion_matrix=[[8, 3], [-1, 0]]),
    changed(correct=9),
    changed(class_scores=[]),
    changed(class_scores=[], confusion_matrix=[], n=0, correct=0),
    changed(class_scores=class_scores(np.array([[8, 1], [1, 0]]), NAMES)),
    changed(accuracy="high"),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_log_that_cannot_be_read_is_an_error_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / test_log.TEST_LOG
    path.parent.mkdir()
    path.write_bytes(content)
    for use in (
        lambda: test_log.read(tmp_path),
        lambda: test_log.append(tmp_path, evaluation(), ONE),
    ):
        with pytest.raises(DataError, match="test log is damaged") as caught:
            use()
        assert len(str(caught.value).splitlines()) <= 6
    assert path.read_bytes() == content


def test_what_is_not_damaged_is_read(tmp_path: Path) -> None:
    path = tmp_path / test_log.TEST_LOG
    path.parent.mkdir()
    path.write_bytes(changed())
    assert test_log.read(tmp_path).latest.get(ONE) == evaluation()


def test_an_evaluation_of_a_single_class_is_read(tmp_path: Path) -> None:
    one = evaluation(
        10, confusion_matrix=[[10]], class_scores=class_scores(np.array([[10]]), ("only",))
    )
    test_log.append(tmp_path, one, ONE)
    assert test_log.read(tmp_path).latest.get(ONE) == one


def test_a_log_without_end_is_not_read_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_log.append(tmp_path, evaluation(), ONE)
    monkeypatch.setattr(test_log, "_LARGEST", 100)
    with pytest.raises(DataError, match="damaged"):
        test_log.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights as Unix has them")
def test_a_folder_in_the_logs_place_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / test_log.TEST_LOG).mkdir(parents=True)
    with pytest.raises(MachineError):
        test_log.read(tmp_path)
    with pytest.raises(MachineError):
        test_log.append(tmp_path, evaluation(), ONE)
