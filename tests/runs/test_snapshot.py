"""A run's state as files: what each says, and that a run takes it up to the bit."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from handstitch.config import Config
from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset
from handstitch.errors import ModelFileError
from handstitch.model import load_state, save_state
from handstitch.model.trained import best_model, present_model
from handstitch.runs import snapshot
from handstitch.training import Trainer

CONFIG = Config.preset(
    "plain",
    dataset="sketch",
    hidden_sizes=(8,),
    epochs=4,
    learning_rate=0.1,
    threads=1,
    backend="numpy",
)


def make_trainer(config: Config = CONFIG) -> Trainer:
    images, labels = sketch.draw(200, 0)
    return Trainer(config, Dataset("sketch", "train", images, labels, GARMENTS, "drawn"))


def train_with_best_epoch(trainer: Trainer, best: int) -> None:
    """Train to the end; the epoch `best` is called the best, and no later one."""
    for record in trainer:
        trainer.state.history[-1] = msgspec.structs.replace(record, is_best=record.epoch == best)


@pytest.mark.parametrize("best", [1, 2, 4])
def test_the_history_of_the_best_model_ends_at_its_epoch(best):
    trainer = make_trainer()
    train_with_best_epoch(trainer, best)
    history = best_model(trainer).history
    assert [record["epoch"] for record in history] == list(range(1, best + 1))
    assert history[-1]["is_best"]


def test_before_an_epoch_is_over_the_best_model_has_no_history():
    assert best_model(make_trainer()).history == ()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("steps", [0, 2, 4])
def test_a_state_is_taken_up_to_the_bit(tmp_path, optimizer, steps):
    config = Config(**CONFIG.to_dict() | {"optimizer": optimizer, "learning_rate": 0.01})
    one, other = make_trainer(config), make_trainer(config)
    taken = 0

    def stop(_state: object) -> None:
        nonlocal taken
        taken += 1
        if taken == steps:
            raise KeyboardInterrupt

    if steps:
        with pytest.raises(KeyboardInterrupt):
            one.fit(stop)
    path = tmp_path / "last.safetensors"
    snapshot.save(path, one)
    other.state.network.parameters.vector[:] = 7
    snapshot.restore(path, load_state(path), other)
    assert other.state.position() == one.state.position()
    assert other.state.initial_digest == one.state.initial_digest
    for name, vector in one.state.arrays().items():
        if name != "best" or one.state.history:
            np.testing.assert_array_equal(other.state.arrays()[name], vector, name)


@pytest.mark.parametrize(("best", "copies"), [(2, 1), (4, 0)])
def test_weights_that_are_present_and_best_are_saved_once(tmp_path, best, copies):
    trainer = make_trainer()
    train_with_best_epoch(trainer, best)
    if copies:
        trainer.state.best.vector[:] = 3
    path = tmp_path / "last.safetensors"
    snapshot.save(path, trainer)
    saved = load_state(path)
    assert len(saved.slots) == copies
    other = make_trainer()
    snapshot.restore(path, saved, other)
    wanted = trainer.state.best if copies else trainer.state.network.parameters
    np.testing.assert_array_equal(other.state.best.vector, wanted.vector)


def test_a_build_that_differs_is_named_with_both_versions(tmp_path):
    trainer = make_trainer()
    path = tmp_path / "last.safetensors"
    snapshot.save(path, trainer)
    saved = load_state(path)
    assert snapshot.differences(saved, trainer) == []
    versions = dict(saved.model.versions) | {"numpy": "0.1", "abacus": "7"}
    other = saved._replace(model=msgspec.structs.replace(saved.model, versions=versions))
    numpy, abacus = snapshot.differences(other, trainer)
    assert numpy.startswith(f"numpy was 0.1 when the run was saved and is {np.__version__} now")
    assert abacus.startswith("abacus was 7 when the run was saved and is None now")
    edited = saved._replace(
        model=msgspec.structs.replace(saved.model, versions=versions | {"core": "?"})
    )
    assert "core/ was edited" in snapshot.differences(edited, trainer)[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("epoch", "batch", "correct", "samples", "steps") for value in (
            -1, 10**6, 1.0, "1", None, True)],
        *[("loss", value) for value in (float("nan"), float("inf"), "0", None)],
    ],
)  # fmt: skip
def test_an_impossible_position_is_refused(tmp_path, name, value):
    one, other = make_trainer(), make_trainer()
    one.fit()
    saved = one.state.arrays(), one.state.position(), one.state.history, one.batches
    other.state.restore(*saved)
    other.state.network.parameters.vector[:] = 7
    saved[1][name] = value
    with pytest.raises(ValueError, match="position"):
        other.state.restore(*saved)
    assert (other.state.network.parameters.vector == 7).all()


@pytest.mark.parametrize(("samples", "is_possible"), [(100, True), (99, False), (10**30, False)])
def test_the_samples_are_those_of_the_batches(samples, is_possible):
    one, other = make_trainer(), make_trainer()
    size = one.batches.batch_size
    position = one.state.position() | {"batch": 1, "steps": 1, "samples": samples * size // 100}
    try:
        other.state.restore(one.state.arrays(), position, [], one.batches)
    except ValueError:
        assert not is_possible
    else:
        assert is_possible


def test_an_impossible_history_is_refused():
    one, other = make_trainer(), make_trainer()
    one.fit()
    history = [msgspec.structs.replace(record, epoch=7) for record in one.state.history]
    with pytest.raises(ValueError, match="position"):
        other.state.restore(one.state.arrays(), one.state.position(), history, one.batches)


@pytest.mark.parametrize("slot", [np.ones(1, np.float32), np.ones(3), np.ones((2, 2), np.int64)])
def test_a_slot_of_another_shape_or_type_is_refused(tmp_path, slot):
    path = tmp_path / "last.safetensors"
    one = make_trainer(Config(**CONFIG.to_dict() | {"optimizer": "momentum"}))
    slots = {"optimizer.velocity": slot}
    position = one.state.position() | {"data": one.dataset.digest}
    save_state(path, present_model(one), slots, position)
    with pytest.raises(ModelFileError, match=r"no usable optimizer\.velocity"):
        snapshot.restore(path, load_state(path), one)


def test_a_state_of_another_optimizer_is_refused(tmp_path):
    path = tmp_path / "last.safetensors"
    snapshot.save(path, make_trainer())
    other = make_trainer(Config(**CONFIG.to_dict() | {"optimizer": "adam"}))
    with pytest.raises(ModelFileError, match="does not match the run"):
        snapshot.restore(path, load_state(path), other)
