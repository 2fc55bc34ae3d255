"""`handstitch test` notes every look at the test set, and says which one it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from handstitch import runs
from handstitch.runs import test_log
from handstitch.storage import disk
from tests.cli.conftest import Handstitch

CAUTION = "choosing by it would flatter the result"


def test_looks_are_counted_aloud(handstitch: Handstitch, trained: Path) -> None:
    first = handstitch("test")
    assert "This is look 1 at the test set with this run.\n" in first.out
    assert CAUTION not in first.out
    second = handstitch("test", str(trained), "--weights", "last")
    assert f"This is look 2 at the test set with this run; {CAUTION}.\n" in second.out
    assert handstitch("test", "--json").json["look"] == 3
    assert [look.weights for look in test_log.read(trained)] == ["best", "last", "best"]


def test_what_is_on_record_is_what_was_printed(handstitch: Handstitch, trained: Path) -> None:
    found = handstitch("test", "--json").json
    model = runs.load(trained).model
    kept = test_log.evaluation_of(trained, test_log.digest_of(model.parameters.vector))
    assert kept is not None
    assert (kept.accuracy, kept.loss) == (found["accuracy"], found["loss"])
    assert kept.confusion_matrix == found["confusion_matrix"]


def test_a_runs_own_weights_by_their_file_are_a_look_at_the_run(
    handstitch: Handstitch, trained: Path
) -> None:
    handstitch("test")
    result = handstitch("test", str(trained / "weights" / "best.safetensors"))
    assert "This is look 2" in result.out


def test_another_file_and_another_data_set_are_no_look_at_a_run(
    handstitch: Handstitch, trained: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(trained / "weights" / "best.safetensors", machine / "copy.safetensors")
    alone = handstitch("test", "copy.safetensors", "--json")
    assert (alone.code, alone.json["look"]) == (0, None)
    assert "look" not in handstitch("test", "copy.safetensors").out
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
    assert "look" not in result.out
    assert "this look at the test set is not noted: no right to write here" in result.err


def test_a_damaged_ledger_never_takes_the_result_away(
    handstitch: Handstitch, trained: Path
) -> None:
    path = trained / test_log.LEDGER
    path.parent.mkdir()
    path.write_text("{")
    result = handstitch("test", str(trained))
    assert result.code == 0
    assert "Test accuracy: 0." in result.out
    assert "is not noted: the record of looks at the test set is damaged" in result.err
    assert path.read_text() == "{"
