"""Batches: every image once an epoch, in an order that depends on seed and epoch alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.arrays import Indices
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling

SCALING = Scaling(70.0, 1 / 90)


def made(n: int = 100, held_out: int = 10, batch_size: int = 32) -> Batches:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 3, 4), np.uint8)
    labels = rng.integers(0, 10, n).astype(np.uint8)
    chosen = np.sort(rng.permutation(n)[held_out:])
    return Batches(images, labels, chosen, SCALING, batch_size)


def one_epoch(batches: Batches, seed: int = 0, epoch: int = 0) -> list[Indices]:
    order = batches.epoch_order(seed, epoch)
    return [batches.batch(order, number) for number in range(len(batches))]


@settings(deadline=None, derandomize=True)
@given(n=st.integers(11, 200), batch_size=st.integers(1, 300), epoch=st.integers(0, 99))
def test_every_chosen_image_once_an_epoch(n: int, batch_size: int, epoch: int):
    batches = made(n, 10, batch_size)
    parts = one_epoch(batches, epoch=epoch)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), batches.train_indices)
    sizes = [len(part) for part in parts]
    assert set(sizes[:-1]) <= {batches.batch_size}
    assert 0 < sizes[-1] <= batches.batch_size <= batch_size


def test_the_last_short_batch_is_kept():
    batches = made(54_000, 0, 64)
    parts = one_epoch(batches)
    assert len(batches) == len(parts) == 844
    assert len(parts[-1]) == 48


def test_a_batch_larger_than_the_set_is_the_set():
    batches = made(50, 10, 4096)
    assert batches.batch_size == 40
    assert len(batches) == 1


def test_the_order_needs_no_history():
    batches = made()
    later = batches.epoch_order(3, 7)
    for epoch in range(7):
        batches.epoch_order(3, epoch)
    np.testing.assert_array_equal(batches.epoch_order(3, 7), later)
    np.testing.assert_array_equal(made().epoch_order(3, 7), later)


@pytest.mark.parametrize(("seed", "epoch"), [(3, 8), (4, 7), (7, 3)])
def test_another_epoch_or_seed_is_another_order(seed: int, epoch: int):
    batches = made()
    assert (batches.epoch_order(3, 7) == batches.epoch_order(seed, epoch)).mean() < 0.2


def test_the_order_is_not_the_one_on_disk():
    batches = made(1000)
    order = batches.epoch_order(0, 0)
    assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gathering_is_indexing(dtype: Any):
    batches = made()
    for indices in one_epoch(batches):
        X = np.full((len(indices), 12), np.nan, dtype)
        y = batches.gather(indices, X)
        wanted = (batches.images[indices] - np.array(70, dtype)) * np.array(1 / 90, dtype)
        np.testing.assert_allclose(X, wanted, rtol=1e-6)
        np.testing.assert_array_equal(y, batches.labels[indices])


def test_labels_go_with_their_images():
    """Each image's first pixel is its number, and so is its label."""
    images = np.zeros((200, 1, 2), np.uint8)
    images[:, 0, 0] = np.arange(200)
    batches = Batches(images, np.arange(200, dtype=np.uint8), np.arange(200), Scaling(0.0, 1.0), 64)
    for indices in one_epoch(batches):
        X = np.empty((len(indices), 2))
        np.testing.assert_array_equal(batches.gather(indices, X), X[:, 0])


def test_images_stay_bytes_and_are_not_copied():
    images = np.zeros((50, 3, 4), np.uint8)
    batches = Batches(images, np.zeros(50, np.uint8), np.arange(50), SCALING, 8)
    assert np.shares_memory(batches.images, images)
    assert batches.images.dtype == np.uint8
