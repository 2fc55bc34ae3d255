"""handstitch train --tensorboard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from handstitch.runs import Run
from tests.cli.conftest import Handstitch

SMALL = ("--hidden", "8", "--epochs", "3", "--threads", "1", "--dataset", "sketch")


def test_the_curves_are_those_of_the_run(handstitch: Handstitch, machine: Path) -> None:
    """And the command that is printed after an interruption goes on with them."""
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stop = Run.train

    def stopped(run: Run, *arguments: object) -> object:
        for record in stop(run, *arguments):  # type: ignore[arg-type]
            run.stop_asked = 2
            yield record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "train", stopped)
        first = handstitch("train", *SMALL, "--tensorboard", "curves")
    assert first.code == 130
    assert "handstitch train --resume runs/train --tensorboard curves" in first.err
    last = handstitch("train", "--resume", "runs/train", "--tensorboard", "curves")
    assert last.code == 0, last.err
    events = EventAccumulator("curves").Reload().Scalars("accuracy/validation")
    said = [line.split("Val Accuracy: ")[1][:6] for line in (first.out + last.out).splitlines()
            if line.startswith("Epoch")]  # fmt: skip
    assert [event.step for event in events] == [1, 2, 3]
    assert [f"{event.value:.4f}" for event in events] == said


def test_without_the_library_nothing_is_begun(
    handstitch: Handstitch, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    result = handstitch("train", *SMALL, "--tensorboard", "curves")
    assert result.code == 2
    assert "pip install 'handstitch[tensorboard]'" in result.err
    assert not list(machine.iterdir())


def test_it_has_no_place_beside_a_range_test(handstitch: Handstitch) -> None:
    assert handstitch("train", "--find-rate", "--tensorboard", "curves").code == 2
