"""Callbacks: when they are called, what an error in one costs, and TensorBoard's event files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import handstitch as hs
from handstitch import runs
from handstitch.data import sketch
from handstitch.errors import Interrupted, MachineError, UsageError
from handstitch.records import EpochRecord
from handstitch.runs import Run
from handstitch.training.tensorboard import TensorBoard

CONFIG = hs.Config(
    hidden_sizes=(16, 8), epochs=3, batch_size=64, backend="numpy", threads=1, seed=3
)


@pytest.fixture(scope="module")
def dataset() -> hs.Dataset:
    return hs.Dataset.from_arrays(*sketch.draw(400, 0), sketch.CLASS_NAMES)


class Journal(hs.Callback):
    """Writes down every call; fails where it is told to."""

    def __init__(self, fails: str = "", calls: list[str] | None = None, name: str = "") -> None:
        self.fails = fails
        self.calls: list[str] = [] if calls is None else calls
        self.name = name

    def write(self, call: str) -> None:
        self.calls.append(self.name + call)
        if call == self.fails:
            raise OSError("the tracker is out")

    def on_start(self, trainer: hs.Trainer) -> None:
        self.write(f"start at {trainer.state.epoch}")

    def on_epoch(self, record: EpochRecord) -> None:
        self.write(f"epoch {record.epoch}")

    def on_end(self, history: Sequence[EpochRecord]) -> None:
        self.write(f"end of {len(history)}")


ALL = ["start at 0", "epoch 1", "epoch 2", "epoch 3", "end of 3"]


def test_a_trainer_calls_them_in_order(dataset: hs.Dataset) -> None:
    journal = Journal()
    hs.Trainer(CONFIG, dataset).fit(callbacks=[journal])
    assert journal.calls == ALL


def test_an_epoch_of_a_run_is_saved_when_they_are_told(dataset: hs.Dataset, tmp_path: Path) -> None:
    class Look(hs.Callback):
        """A class needs the methods only that it uses."""

        def on_epoch(self, record: EpochRecord) -> None:
            saved.append(len((tmp_path / "a/history.csv").read_text().splitlines()) - 1)

        def on_end(self, history: Sequence[EpochRecord]) -> None:
            saved.append((tmp_path / "a/summary.json").exists())

    saved: list[int | bool] = []
    journal = Journal()
    hs.train(CONFIG, dataset, tmp_path / "a", callbacks=[journal, Look()])
    assert journal.calls == ALL
    assert saved == [1, 2, 3, True]


@pytest.mark.parametrize("fails", ["start at 0", "epoch 2", "epoch 3", "end of 3"])
def test_an_error_in_one_costs_nothing(dataset: hs.Dataset, tmp_path: Path, fails: str) -> None:
    calls: list[str] = []
    with pytest.raises(OSError, match="the tracker is out"):
        hs.train(
            CONFIG,
            dataset,
            tmp_path / "a",
            callbacks=[Journal(calls=calls, name="first: "), Journal(fails, calls)],
        )
    assert calls[-1].startswith("first: end of ")  # it is ended, whatever became of the other
    done = int(fails[-1])
    journal = Journal()
    hs.resume(tmp_path / "a", dataset, callbacks=[journal])
    assert journal.calls == [f"start at {done}", *ALL[done + 1 :]]
    whole = hs.train(CONFIG, dataset, tmp_path / "whole")
    for name in ("weights/best.safetensors", "weights/last.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (whole.folder / name).read_bytes()


def test_the_end_is_told_where_training_is_left_or_stopped(
    dataset: hs.Dataset, tmp_path: Path
) -> None:
    left, stopped = Journal(), Journal()
    with runs.create(CONFIG, dataset, tmp_path / "a") as run:
        for _ in run.train(callbacks=[left]):
            break
    assert left.calls == ["start at 0", "epoch 1", "end of 1"]
    with runs.reopen(tmp_path / "a", data=dataset) as run:
        epochs = run.train(callbacks=[stopped])
        next(epochs)
        run.stop_asked = 2
        with pytest.raises(Interrupted):
            next(epochs)
    assert stopped.calls == ["start at 1", "epoch 2", "end of 2"]


# ── TensorBoard ────────────────────────────────────────────────────────────────────────────────

FIGURES = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "l2_penalty": "l2_penalty",
    "learning_rate": "learning_rate",
    "seconds": "seconds",
}


def read_events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag → (step, value) of every scalar, by TensorBoard's own reader."""
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    assert b"epochs = 3" in events.Tensors("settings")[-1].tensor_proto.string_val[0]
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def expect_history(run: Run, events: dict[str, list[tuple[int, float]]]) -> None:
    assert len(run.state.history) == 3
    for tag, field in FIGURES.items():
        wanted = [(record.epoch, getattr(record, field)) for record in run.state.history]
        if wanted[0][1] is None:
            assert tag not in events
        else:
            assert np.allclose(events[tag], wanted, rtol=1e-6, atol=0)


def test_event_files_hold_the_history(dataset: hs.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    run = hs.train(CONFIG, dataset, tmp_path / "a", callbacks=[hs.TensorBoard(tmp_path / "tb")])
    assert len(list((tmp_path / "tb").iterdir())) == 1
    assert set(read_events(tmp_path / "tb")) == set(FIGURES)
    expect_history(run, read_events(tmp_path / "tb"))
    assert "tensorflow" not in sys.modules


def test_without_validation_there_are_no_figures_of_it(dataset: hs.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    config = hs.Config(**CONFIG.to_dict() | {"validation": 0.0})
    run = hs.train(config, dataset, tmp_path / "a", callbacks=[hs.TensorBoard(tmp_path / "tb")])
    assert "loss/validation" not in read_events(tmp_path / "tb")
    expect_history(run, read_events(tmp_path / "tb"))


def test_a_resumed_run_has_each_epoch_once(dataset: hs.Dataset, tmp_path: Path) -> None:
    """Also one whose first events a kill has taken, and one that was told of an epoch in vain."""
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    board = hs.TensorBoard(tmp_path / "tb")
    with runs.create(CONFIG, dataset, tmp_path / "a") as run:
        next(run.train())  # nobody is told
    with runs.reopen(tmp_path / "a", data=dataset) as run:
        next(run.train(callbacks=[board]))
    run = hs.resume(tmp_path / "a", dataset, callbacks=[board])
    assert len(list((tmp_path / "tb").iterdir())) == 2
    expect_history(run, read_events(tmp_path / "tb"))


def test_where_events_cannot_be_written(dataset: hs.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(
        MachineError, match=r"(?s)taken by something else.*folder for the event files"
    ):
        hs.Trainer(CONFIG, dataset).fit(callbacks=[hs.TensorBoard(tmp_path / "taken")])
    assert (tmp_path / "taken").read_text() == "mine"


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(UsageError) as caught:
        TensorBoard(tmp_path)
    assert "pip install 'handstitch[tensorboard]'" in str(caught.value.fix)
    assert caught.value.exit_code == 2
