"""A run's state as files: what each says, and that a run takes it up to the bit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from handstitch.config import Config
from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset, digest_of
from handstitch.errors import ModelFileError
from handstitch.model import load_state
from handstitch.runs.snapshot import Snapshot
from handstitch.training import TrainingData, start, train

CONFIG = Config.preset(
    "plain",
    dataset="sketch",
    hidden_sizes=(8,),
    epochs=4,
    learning_rate=0.1,
    threads=1,
    backend="numpy",
)


def make_snapshot(config: Config = CONFIG) -> Snapshot:
    images, labels = sketch.draw(200, 0)
    digest = digest_of(images, labels)
    dataset = Dataset("sketch", "train", images, labels, GARMENTS, digest, "drawn")
    task = TrainingData(config, dataset)
    return Snapshot(start(config, task.sizes), task, config, dataset, {"numpy": "2"})


def train_with_best_epoch(snapshot: Snapshot, best: int) -> None:
    """Train to the end; the epoch `best` is called the best, and no later one."""
    state = snapshot.state
    for record in train(state, snapshot.task, snapshot.config):
        state.history[-1] = msgspec.structs.replace(record, is_best=record.epoch == best)


@pytest.mark.parametrize("best", [1, 2, 4])
def test_the_history_of_the_best_model_ends_at_its_epoch(best):
    snapshot = make_snapshot()
    train_with_best_epoch(snapshot, best)
    history = snapshot.best_model().history
    assert [record["epoch"] for record in history] == list(range(1, best + 1))
    assert history[-1]["is_best"]


def test_before_an_epoch_is_over_the_best_model_has_no_history():
    assert make_snapshot().best_model().history == ()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("steps", [0, 2, 4])
def test_a_state_is_taken_up_to_the_bit(tmp_path, optimizer, steps):
    config = Config(**CONFIG.to_dict() | {"optimizer": optimizer, "learning_rate": 0.01})
    one, other = make_snapshot(config), make_snapshot(config)
    taken = 0

    def stop(_state: object) -> None:
        nonlocal taken
        taken += 1
        if taken == steps:
            raise KeyboardInterrupt

    if steps:
        with pytest.raises(KeyboardInterrupt):
            list(train(one.state, one.task, config, stop))
    path = tmp_path / "last.safetensors"
    one.write(path)
    other.state.network.parameters.vector[:] = 7
    other.restore(path, load_state(path))
    assert other.state.position() == one.state.position()
    assert other.state.initial_digest == one.state.initial_digest
    for name, vector in one.state.arrays().items():
        if name != "best" or one.state.history:
            np.testing.assert_array_equal(other.state.arrays()[name], vector, name)


def test_a_state_of_another_optimizer_is_refused(tmp_path):
    path = tmp_path / "last.safetensors"
    make_snapshot().write(path)
    other = make_snapshot(Config(**CONFIG.to_dict() | {"optimizer": "adam"}))
    with pytest.raises(ModelFileError, match="does not match the run"):
        other.restore(Path(path), load_state(path))
