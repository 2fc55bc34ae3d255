"""Training on variants of the images: the same for both backends, and after a resumption."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handstitch import machine
from handstitch.config import Config
from handstitch.data.augmentation import draw_mixing, mix
from handstitch.data.dataset import Dataset
from handstitch.randomness import Purpose, generator
from handstitch.training import Trainer
from handstitch.training.backend import choose_backend
from handstitch.training.state import State

AUGMENTED: dict[str, Any] = {"shift": 2, "flip": True, "erase": 0.5}
SMALL = Config(
    dataset="arrays", hidden_sizes=(20, 10), epochs=2, batch_size=32, dropout=0.0, **AUGMENTED
)


def make_images(*shape: int, background: int = 0) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (200, *shape), np.uint8)
    images[:, [0, -1]] = images[:, :, [0, -1]] = background
    return Dataset.from_arrays(images, np.arange(200) % 4)


DARK, LIGHT, COLOUR = make_images(8, 9), make_images(8, 9, background=255), make_images(8, 9, 3)


@pytest.mark.parametrize("data", [DARK, LIGHT, COLOUR], ids=["dark", "light", "colour"])
@pytest.mark.parametrize("asked", [{}, {"scaling": "256"}, {"erase": 0.0, "threads": 3}], ids=str)
def test_both_backends_gather_the_same_pixels(data: Dataset, asked: dict[str, Any]) -> None:
    """And scale them alike: numba keeps apart what an offset adds to every pixel."""
    numbers: dict[Any, list[Any]] = {"pixels": [], "X": []}
    for name in ("numpy", "numba"):
        trainer = Trainer(replace(SMALL, backend=name, **asked), data)
        batches, state = trainer.batches, trainer.state
        backend: Any = choose_backend(trainer.config, state.network, state.optimizer, batches)
        indices = batches.epoch_order(0, 1)[:32]
        with machine.blas_threads(1), backend.threads():
            trainer.train_batch(backend, indices, 9, 0.1)
        numbers["pixels"].append(batches.pixels.copy())
        if name == "numpy":
            numbers["X"].append(backend._workspace.for_batch(32).X.copy())
        else:
            X = backend._buffers.X[: 32 * trainer.sizes[0]].reshape(32, -1)
            assert np.mean(X == 0) > 0.1 or data is not DARK  # zeros are skipped
            numbers["X"].append(X + backend._scaling[2])
        assert not np.array_equal(batches.pixels, batches.images[indices])
    np.testing.assert_array_equal(*numbers["pixels"])
    np.testing.assert_allclose(numbers["X"][0], numbers["X"][1], atol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_nothing_drawn_is_nothing_changed(backend: Any) -> None:
    """Images that are their own mirror image train with flips as without."""
    images = np.concatenate([DARK.images, DARK.images[:, :, ::-1]], axis=2)
    data = Dataset.from_arrays(images, DARK.labels)
    runs = [
        Trainer(replace(SMALL, backend=backend, shift=0, erase=0.0, flip=flip), data)
        for flip in (False, True)
    ]
    assert [run.augmentation.is_on for run in runs] == [False, True]
    for run in runs:
        run.fit()
    one, other = (run.state.network.parameters.vector.tobytes() for run in runs)
    assert one == other


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_resuming_in_the_middle_of_an_epoch_gives_the_same_bits(backend: Any) -> None:
    config = replace(SMALL, backend=backend, mixup=0.3)
    whole, broken, resumed = (Trainer(config, COLOUR) for _ in range(3))
    whole.fit()

    def stop(state: State) -> None:
        if state.optimizer.steps == 9:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        broken.fit(stop)
    state = broken.state
    resumed.state.restore(state.arrays(), state.position(), state.history, resumed.batches)
    resumed.fit()
    wanted = whole.state.network.parameters.vector.tobytes()
    assert resumed.state.network.parameters.vector.tobytes() == wanted
    for off in ({"flip": False}, {"shift": 0}, {"erase": 0.0}, {"mixup": 0.0}):
        plain = Trainer(replace(config, **off), COLOUR)
        plain.fit()
        assert plain.state.network.parameters.vector.tobytes() != wanted


def test_validation_images_stay_as_they_are() -> None:
    plain = Trainer(replace(SMALL, shift=0, flip=False, erase=0.0), DARK)
    augmented = Trainer(SMALL, DARK)
    augmented.fit()
    np.testing.assert_array_equal(plain.validation_images, augmented.validation_images)
    np.testing.assert_array_equal(plain.dataset.images, augmented.dataset.images)


@pytest.mark.parametrize("moves", [3, 33])
def test_variants_that_do_not_fit_the_batch_are_refused(moves: int) -> None:
    trainer = Trainer(replace(SMALL, backend="numba"), DARK)
    state, batches = trainer.state, trainer.batches
    backend = choose_backend(trainer.config, state.network, state.optimizer, batches)
    variants = trainer.augmentation.draw(np.arange(moves), 0, 0)
    with pytest.raises(IndexError, match="a variant for each image"):
        backend.train_batch(np.arange(32), 0.1, 1.0, np.inf, None, variants=variants)


# ── Mixtures ───────────────────────────────────────────────────────────────────────────────────


def test_a_share_is_a_function_of_seed_and_step() -> None:
    shares = np.array([draw_mixing(3, 0.3, step) for step in range(4000)])
    assert 0.5 <= shares.min() < 0.51
    assert 0.99 < shares.max() <= 1
    # λ is Beta(α, α) folded: of λ (1 − λ) the mean is α / (4 α + 2).
    assert np.mean(shares * (1 - shares)) == pytest.approx(0.3 / 3.2, abs=0.01)
    assert draw_mixing(3, 0.3, 17) == shares[17]
    assert draw_mixing(4, 0.3, 17) != shares[17]
    assert draw_mixing(3, 0.0, 17) == 1.0


def test_a_sample_is_mixed_with_the_next() -> None:
    X = np.array([[0.0, 8.0], [4.0, 0.0], [8.0, 4.0]], np.float32)
    mix(X, 0.75)
    np.testing.assert_array_equal(X, [[1, 6], [5, 1], [6, 5]])


@pytest.mark.parametrize("asked", [{}, {"scaling": "256", "threads": 3}], ids=str)
def test_both_backends_mix_the_same_samples(asked: dict[str, Any]) -> None:
    found = []
    for name in ("numpy", "numba"):
        trainer = Trainer(replace(SMALL, backend=name, **asked), COLOUR)
        state, batches = trainer.state, trainer.batches
        backend: Any = choose_backend(trainer.config, state.network, state.optimizer, batches)
        indices = batches.epoch_order(0, 1)[:31]
        variants = trainer.augmentation.draw(indices, 1, 9)
        with machine.blas_threads(1), backend.threads():
            backend.train_batch(indices, 0.1, 1.0, np.inf, None, variants=variants, mixing=0.75)
        if name == "numpy":
            found.append(backend._workspace.for_batch(31).X.copy())
            unmixed = np.empty_like(found[0])
            batches.gather(indices, unmixed, variants)
            wanted = 0.75 * unmixed + 0.25 * np.roll(unmixed, -1, axis=0)
            half = 0.51 * float(batches.scaling.scale)  # mixtures are of whole pixels
            np.testing.assert_allclose(found[0], wanted, atol=half)
        else:
            X = backend._buffers.X[: 31 * trainer.sizes[0]].reshape(31, -1)
            found.append(X + backend._scaling[2])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_mixtures_are_dropped_from_like_samples() -> None:
    """Both backends with the input's dropout, which comes after the mixture."""
    trained = []
    for name in ("numpy", "numba"):
        trainer = Trainer(replace(SMALL, backend=name, input_dropout=0.3), COLOUR)
        state, batches = trainer.state, trainer.batches
        backend = choose_backend(trainer.config, state.network, state.optimizer, batches)
        with machine.blas_threads(1), backend.threads():
            for step in range(3):
                indices, rng = (
                    batches.epoch_order(0, step)[:32],
                    generator(0, Purpose.DROPOUT, step),
                )
                backend.train_batch(indices, 0.01, 1 / 32, np.inf, rng, mixing=0.6)
        trained.append(state.network.parameters.vector)
    np.testing.assert_allclose(trained[0], trained[1], atol=1e-4)
