"""Training on everything a Dataset can hold: colour, features, many classes, memory maps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import fit
from handstitch.errors import ConfigError, DataError
from handstitch.evaluation import Evaluator
from handstitch.training import Trainer

BACKENDS = ["numpy", "numba"]


def make_config(backend: str, **settings: Any) -> Config:
    values: dict[str, Any] = {"hidden_sizes": (24, 16), "epochs": 3, "batch_size": 32, "threads": 2}
    return Config(dataset="arrays", backend=backend, **values | settings)  # type: ignore[arg-type]


def make_colours(n: int, classes: int, side: int = 8) -> Dataset:
    """Pictures of one colour each, a little disturbed; a class for each colour."""
    rng = np.random.default_rng(0)
    colours, labels = rng.integers(0, 236, (classes, 3)), np.arange(n) % classes
    images = colours[labels][:, None, None] + rng.integers(0, 20, (n, side, side, 3))
    return Dataset.from_arrays(images, labels)


def make_features(n: int, offset: float = 0.0) -> Dataset:
    """Two classes that differ in one of five features, each of another size."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    features = rng.standard_normal((n, 5))
    features[:, 2] += 4 * labels
    return Dataset.from_arrays(features * [1e-3, 1, 50, 1e4, 0] + offset, labels)


@pytest.mark.parametrize("backend", BACKENDS)
def test_colour_and_more_classes_than_a_byte_counts(backend: str) -> None:
    data = make_colours(1200, 300, side=4)
    assert data.labels.dtype == np.uint16
    config = make_config(backend, hidden_sizes=(128,), epochs=12, dropout=0.0, learning_rate=0.01)
    trainer = Trainer(config, data)
    history = trainer.fit()
    assert trainer.sizes == (48, 128, 300)
    assert history[-1].train_loss < history[0].train_loss / 2
    assert history[-1].train_accuracy > 0.3  # guessing: 1 in 300


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_colour_images_and_many_classes(backend: str) -> None:
    trainer = Trainer(make_config(backend, epochs=1), make_colours(400, 200, side=64))
    assert trainer.sizes == (12_288, 24, 16, 200)
    assert np.isfinite(trainer.fit()[0].val_loss or np.nan)


@pytest.mark.parametrize("backend", BACKENDS)
def test_features_of_any_size_are_learned(backend: str) -> None:
    config = make_config(backend, epochs=15, dropout=0.0, learning_rate=0.01)
    assert (Trainer(config, make_features(600)).fit()[-1].val_accuracy or 0) > 0.9


@pytest.mark.parametrize("settings", [{}, {"input_dropout": 0.2}, {"optimizer": "sgd"}], ids=str)
def test_both_backends_take_the_same_steps_on_features(settings: dict[str, Any]) -> None:
    """Also where they are far from 0: a scaling folded into the weights would lose all digits."""
    data = make_features(300, offset=5e4)
    found = {backend: Trainer(make_config(backend, **settings), data).fit() for backend in BACKENDS}
    for one, other in zip(*found.values(), strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-4)
        assert one.val_accuracy == other.val_accuracy


def test_a_scaling_of_pixels_is_refused_for_features() -> None:
    with pytest.raises(ConfigError, match="this scaling is for pixels") as caught:
        Trainer(make_config("numpy", scaling="256"), make_features(20))
    assert str(caught.value.fix) == "use scaling='standard'"


@pytest.mark.parametrize("stratified", [False, True])
def test_classes_of_a_single_image_do_no_harm(stratified: bool) -> None:
    rng = np.random.default_rng(0)
    data = Dataset.from_arrays(rng.integers(0, 256, (50, 3, 3), np.uint8), np.arange(50))
    trainer = Trainer(make_config("numpy", stratified=stratified), data)
    assert len(trainer.fit()) == 3
    assert len(trainer.validation_labels) == 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_memory_map_gives_the_bits_of_the_images_in_memory(tmp_path: Path, backend: str) -> None:
    data = make_colours(2600, 4, side=3)  # validation takes more than one batch of 1,000
    np.save(tmp_path / "images.npy", data.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    config = make_config(backend, validation=0.5)
    one, other = (
        Trainer(config, Dataset.from_arrays(images, data.labels))
        for images in (data.images, mapped)
    )
    assert isinstance(one.validation_images, np.ndarray)
    assert not isinstance(other.validation_images, np.ndarray)  # no copy of the file
    for found, wanted in zip(other.fit(), one.fit(), strict=True):
        assert (found.train_loss, found.val_loss) == (wanted.train_loss, wanted.val_loss)
    assert one.state.best.vector.tobytes() == other.state.best.vector.tobytes()


def test_a_validation_set_of_ones_own_is_used_whole_and_nothing_is_held_out() -> None:
    data = make_colours(200, 4)
    own = Dataset.from_arrays(data.images[:30] // 2, data.labels[:30], data.class_names)
    trainer = Trainer(make_config("numpy"), data, own)
    history = trainer.fit()
    assert len(trainer.batches.train_indices) == 200
    evaluator = Evaluator(trainer.state.network, own.images, trainer.scaling)
    assert evaluator.loss_and_accuracy(own.labels)[0] == history[-1].val_loss
    assert fit("standard", data.images, np.arange(200)) == trainer.scaling


@pytest.mark.parametrize(
    ("shape", "names", "found"),
    [
        ((4, 4, 3), "0123", "colour images of 4 × 4 pixels"),
        ((8, 8), "0123", "images of 8 × 8 pixels"),
        ((8, 8, 3), "012", "classes 0, 1, 2"),
    ],
)
def test_a_validation_set_of_another_kind_is_refused(
    shape: tuple[int, ...], names: str, found: str
) -> None:
    own = Dataset.from_arrays(np.zeros((3, *shape), np.uint8), [0, 1, 2], names)
    with pytest.raises(DataError, match="of another kind") as caught:
        Trainer(make_config("numpy"), make_colours(40, 4), own)
    assert caught.value.found == found


def test_a_single_class_is_refused() -> None:
    with pytest.raises(DataError, match="nothing to tell apart"):
        Trainer(make_config("numpy"), make_colours(40, 1))


TRAIN_ON_A_FILE = """
import resource, sys
import numpy as np
import handstitch as hs
from handstitch.training import Trainer

path, backend = sys.argv[1:]
config = hs.Config(hidden_sizes=(8,), epochs=1, dataset="arrays", backend=backend, threads=1)
Trainer(config, hs.Dataset.from_arrays(np.zeros((20, 2, 2), np.uint8), np.arange(20) % 2)).fit()
status = open("/proc/self/status").read()
limit = (int(status.split("VmData:")[1].split()[0]) << 10) + 48 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
images = np.load(path, mmap_mode="r")
print(images.nbytes / limit)
(record,) = Trainer(config, hs.Dataset.from_arrays(images, np.arange(len(images)) % 2)).fit()
print(record.val_loss)
try:
    images.copy()
except MemoryError:
    print("no room for a copy")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts and limits private memory")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_twice_as_large_as_the_memory_allowed_is_trained_on(
    tmp_path: Path, backend: str
) -> None:
    images = np.lib.format.open_memmap(
        tmp_path / "images.npy", "w+", np.uint8, (300_000, 64, 64)
    )  # a hole in the file, but for some pixels: it takes no disk
    images[::100, 0, :50] = np.arange(50)
    del images
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_ON_A_FILE, tmp_path / "images.npy", backend],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    times_the_limit, loss, copying = done.stdout.splitlines()
    assert float(times_the_limit) > 2
    assert np.isfinite(float(loss))
    assert copying == "no room for a copy"
