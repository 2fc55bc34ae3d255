"""The validation part: right size, disjoint, seeded, and in proportion where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.arrays import Labels
from handstitch.data.splits import split
from handstitch.errors import ConfigError


def labels(n: int = 1000, classes: int = 10, seed: int = 0) -> Labels:
    return np.random.default_rng(seed).integers(0, classes, n).astype(np.uint8)


@settings(deadline=None, derandomize=True)
@given(
    n=st.integers(2, 300),
    fraction=st.floats(0.01, 0.99),
    stratified=st.booleans(),
    classes=st.integers(1, 10),
    seed=st.integers(0, 2**63),
)
def test_every_image_is_in_one_part(
    n: int, fraction: float, stratified: bool, classes: int, seed: int
):
    held_out = round(fraction * n)
    if not 0 < held_out < n:
        with pytest.raises(ConfigError, match="no image is left"):
            split(labels(n, classes), fraction, seed, stratified)
        return
    training, validation = split(labels(n, classes), fraction, seed, stratified)
    assert len(validation) == held_out
    np.testing.assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(n))
    assert (np.diff(training) > 0).all()
    assert (np.diff(validation) > 0).all()


def test_a_tenth_of_sixty_thousand():
    training, validation = split(labels(60_000), 0.1, 0)
    assert (len(training), len(validation)) == (54_000, 6000)


@pytest.mark.parametrize("stratified", [False, True])
def test_the_seed_decides(stratified: bool):
    one, again, other = (split(labels(), 0.1, seed, stratified)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert len(np.intersect1d(one, other)) < 40  # 10 are expected in both


def test_the_choice_is_spread_over_the_whole_set():
    _, validation = split(labels(10_000), 0.2, 0)
    tenths = np.bincount(validation // 1000, minlength=10)
    assert np.abs(tenths - 200).max() < 5 * np.sqrt(200)


def test_stratified_holds_out_the_same_fraction_of_every_class():
    y = np.repeat(np.arange(4), [1000, 500, 100, 10]).astype(np.uint8)
    np.random.default_rng(0).shuffle(y)
    _, validation = split(y, 0.1, 0, stratified=True)
    np.testing.assert_array_equal(np.bincount(y[validation]), [100, 50, 10, 1])


def test_what_does_not_divide_goes_to_the_largest_remainders():
    y = np.repeat(np.arange(3), [14, 12, 4]).astype(np.uint8)  # a fifth: 2.8, 2.4 and 0.8 of 6
    for seed in range(5):
        _, validation = split(y, 0.2, seed, stratified=True)
        np.testing.assert_array_equal(np.bincount(y[validation], minlength=3), [3, 2, 1])


def test_a_class_without_images_does_no_harm():
    y = np.repeat([0, 3], 10).astype(np.uint8)
    _, validation = split(y, 0.2, 0, stratified=True)
    np.testing.assert_array_equal(np.bincount(y[validation]), [2, 0, 0, 2])


@pytest.mark.parametrize(("fraction", "part"), [(1e-4, "validation"), (0.9999, "training")])
def test_an_empty_part_is_refused_with_a_way_out(fraction: float, part: str):
    with pytest.raises(ConfigError, match=f"no image is left for {part}") as caught:
        split(labels(), fraction, 0)
    assert caught.value.exit_code == 2
    assert "validation" in str(caught.value.fix)
    assert "1,000 images" in str(caught.value.found)
