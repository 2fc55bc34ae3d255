"""`handstitch test` records every test evaluation, and prints its number."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from handstitch import runs
from handstitch.runs import test_log
from handstitch.storage import disk
from handstitch.training import weights_digest
from tests.cli.conftest import Handstitch

CAUTION = "choosing by it would bias the result"


def test_evaluations_are_counted_aloud(handstitch: Handstitch, trained: Path) -> None:
    first = handstitch("test")
    assert "This is test evaluation 1 of this run.\n" in first.out
    assert CAUTION not in first.out
    second = handstitch("test", str(trained), "--weights", "last")
    assert f"This is test evaluation 2 of this run; {CAUTION}.\n" in second.out
    assert handstitch("test", "--json").json["test_evaluation"] == 3
    assert [entry.weights for entry in test_log.read(trained).evaluations] == [
        "best",
        "last",
        "best",
    ]


def test_the_log_holds_what_was_printed(handstitch: Handstitch, trained: Path) -> None:
    found = handstitch("test", "--json").json
    model = runs.load(trained).model
    kept = test_log.read(trained).latest.get(weights_digest(model.parameters.vector))
    assert kept is not None
    assert (kept.accuracy, kept.loss) == (found["accuracy"], found["loss"])
    assert kept.confusion_matrix == found["confusion_matrix"]


def test_flips_stand_beside_the_test_accuracy_and_not_in_the_log(
    handstitch: Handstitch, trained: Path
) -> None:
    plain = handstitch("test", "--json").json
    found = handstitch("test", "--flip", "--json").json
    flipped = found.pop("with_flips")
    assert found == plain | {"test_evaluation": 2}
    assert "with_flips" not in plain
    assert flipped["loss"] != plain["loss"]
    log = test_log.read(trained)
    assert [entry.accuracy for entry in log.evaluations] == [plain["accuracy"]] * 2
    assert [one.loss for one in log.latest.values()] == [plain["loss"]]
    printed = handstitch("test", "--flip").out
    assert f"\nTest accuracy: {plain['accuracy']:.4f} (" in printed
    assert f"\nWith flips: {flipped['accuracy']:.4f} (mean probabilities" in printed


def test_a_runs_own_weights_by_their_file_are_an_evaluation_of_the_run(
    handstitch: Handstitch, trained: Path
) -> None:
    handstitch("test")
    result = handstitch("test", str(trained / "weights" / "best.safetensors"))
    assert "This is test evaluation 2" in result.out


def test_another_file_is_no_evaluation_of_a_run(
    handstitch: Handstitch, trained: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(trained / "weights" / "best.safetensors", machine / "copy.safetensors")
    alone = handstitch("test", "copy.safetensors", "--json")
    assert (alone.code, alone.json["test_evaluation"]) == (0, None)
    assert "test evaluation" not in handstitch("test", "copy.safetensors").out
    assert not (machine / "test").exists()


def test_a_run_that_cannot_be_written_is_tested_all_the_same(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReadOnly(disk.Files):
        def open(self, path: Path, flags: int) -> int:
            if flags & os.O_CREAT:
                raise PermissionError(13, "Permission denied")
            return super().open(path, flags)

    monkeypatch.setattr(disk, "files", ReadOnly())
    result = handstitch("test", str(trained))
    assert result.code == 0
    assert "Test accuracy: 0." in result.out
    assert "test evaluation" not in result.out
    assert "this test evaluation is not recorded: permission denied" in result.err


def test_a_damaged_log_never_takes_the_result_away(handstitch: Handstitch, trained: Path) -> None:
    path = trained / test_log.TEST_LOG
    path.parent.mkdir()
    path.write_text("{")
    result = handstitch("test", str(trained))
    assert result.code == 0
    assert "Test accuracy: 0." in result.out
    assert "is not recorded: the test log is damaged" in result.err
    assert path.read_text() == "{"
