"""Training with receptive fields: drawn from the seed once, kept, resumed and stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch import insight
from handstitch.config import Config
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset
from handstitch.errors import ConfigError, ModelFileError
from handstitch.model import load_model, load_state, save_model
from handstitch.model.trained import best_model, present_model
from handstitch.receptive_fields import ReceptiveFields
from handstitch.runs import snapshot
from handstitch.training import Trainer, footprint
from handstitch.training.backend import describe

CONFIG = Config(
    hidden_sizes=(24, 12),
    receptive_field=(5, 13),
    epochs=2,
    batch_size=32,
    backend="numpy",
    threads=1,
)


def make_data(n: int = 200) -> Dataset:
    images, labels = sketch.draw(n, 0)
    return Dataset("sketch", "train", images, labels, GARMENTS, "drawn")


DATA = make_data()


def first_weights(trainer: Trainer) -> Any:
    return trainer.state.network.parameters.weights[0]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_weights_outside_stay_0_through_training(rule: Any):
    trainer = Trainer(replace(CONFIG, optimizer=rule, weight_decay=1e-4, clip_norm=1), DATA)
    fields = trainer.state.network.receptive_fields
    assert fields is not None
    initial = first_weights(trainer).copy()
    trainer.fit()
    assert not first_weights(trainer)[fields.mask == 0].any()
    assert (first_weights(trainer) != initial).any(axis=0).all()


def test_the_rectangles_follow_from_the_seed():
    def draw(seed: int) -> bytes:
        fields = Trainer(replace(CONFIG, seed=seed), DATA).state.network.receptive_fields
        assert fields is not None
        return fields.rectangles.tobytes()

    assert draw(1) == draw(1) != draw(2)


def test_a_loaded_model_has_the_rectangles_of_the_trained_one_and_draws_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trainer = Trainer(CONFIG, DATA)
    trainer.fit()
    save_model(tmp_path / "model", best_model(trainer))
    monkeypatch.setattr(ReceptiveFields, "draw", None)
    loaded, fields = load_model(tmp_path / "model"), trainer.state.network.receptive_fields
    assert loaded.receptive_fields is not None
    assert fields is not None
    np.testing.assert_array_equal(loaded.receptive_fields.rectangles, fields.rectangles)
    initial = insight.recover_initial_weights(loaded)
    assert initial.provenance == "confirmed"
    assert initial.parameters is not None
    assert not initial.parameters.weights[0][fields.mask == 0].any()


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_run_resumes_with_the_rectangles_of_its_state(tmp_path: Path, rule: Any):
    """Even where another NumPy would draw others from the seed; and to the bit."""
    whole, half, rest = (Trainer(replace(CONFIG, optimizer=rule), DATA) for _ in range(3))
    whole.fit()

    class Stop(Exception):  # noqa: N818 (no error)
        pass

    def stop(state: Any) -> None:
        if state.optimizer.steps == 8:
            raise Stop

    with pytest.raises(Stop):
        half.fit(stop)
    snapshot.save(tmp_path / "state", half)
    others = ReceptiveFields.draw((28, 28), 24, (2, 3), np.random.default_rng(0))
    rest.state.network.receptive_fields = others
    snapshot.restore(tmp_path / "state", load_state(tmp_path / "state"), rest)
    rest.fit()
    theta = [trainer.state.network.parameters.vector.tobytes() for trainer in (whole, rest)]
    assert theta[0] == theta[1]


@pytest.mark.parametrize("sides", [((5, 13), ()), ((), (5, 13))])
def test_a_dense_run_does_not_resume_from_receptive_fields_nor_the_other_way(
    tmp_path: Path, sides: Any
):
    one, other = (Trainer(replace(CONFIG, receptive_field=each), DATA) for each in sides)
    snapshot.save(tmp_path / "state", one)
    with pytest.raises(ModelFileError, match="receptive_fields"):
        snapshot.restore(tmp_path / "state", load_state(tmp_path / "state"), other)


def test_features_and_small_images_are_refused_with_a_way_out():
    features = Dataset.from_arrays(np.zeros((20, 9), np.float32), np.arange(20) % 2)
    with pytest.raises(ConfigError, match="for images") as refused:
        Trainer(CONFIG, features)
    assert refused.value.fix == "train without receptive_field"
    small = Dataset.from_arrays(np.zeros((20, 9, 30), np.uint8), np.arange(20) % 2)
    with pytest.raises(ConfigError, match="larger than the images") as refused:
        Trainer(CONFIG, small)
    assert refused.value.fix == "try receptive_field=(5, 9)"


def test_a_colour_image_has_all_channels_in_a_rectangle():
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), np.uint8)
    trainer = Trainer(
        replace(CONFIG, receptive_field=(4, 4)), Dataset.from_arrays(images, np.arange(40) % 2)
    )
    trainer.fit()
    fields = present_model(trainer).receptive_fields
    assert fields is not None
    assert (np.count_nonzero(first_weights(trainer), axis=0) == 4 * 4 * 3).all()


def test_with_standardised_pixels_some_of_them_dropped_numba_leaves_them_to_numpy_and_says_why():
    dropping = replace(CONFIG, input_dropout=0.1, scaling="standard")
    assert "receptive fields" in describe(replace(dropping, backend="auto"))
    with pytest.raises(ConfigError, match="receptive fields"):
        Trainer(replace(dropping, backend="numba"), DATA)
    assert "numba" in describe(replace(dropping, backend="auto", scaling="256"))


def test_the_mask_is_counted_in_the_memory_of_a_run():
    sizes = (784, 24, 12, 10)
    dense = replace(CONFIG, receptive_field=())
    more = footprint.bytes_needed(CONFIG, sizes, 200) - footprint.bytes_needed(dense, sizes, 200)
    mask = Trainer(CONFIG, DATA).state.network.receptive_fields.mask  # type: ignore[union-attr]
    assert mask.nbytes <= more <= 2 * mask.nbytes
