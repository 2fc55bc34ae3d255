"""Scaling: exact statistics, of the training part alone."""

from __future__ import annotations

import gzip
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import Images
from handstitch.data.scaling import Scaling, fit, statistics
from handstitch.errors import ConfigError

IMAGES = np.random.default_rng(0).integers(0, 256, (2345, 5, 4), np.uint8)


def exact(images: Images) -> tuple[Fraction, Fraction]:
    pixels = [int(pixel) for pixel in images.ravel()]
    mean = Fraction(sum(pixels), len(pixels))
    return mean, Fraction(sum(pixel * pixel for pixel in pixels), len(pixels)) - mean**2


def test_statistics_are_those_of_whole_numbers():
    """More images than are counted at a time, and a last piece that is short."""
    mean, variance = exact(IMAGES)
    assert statistics(IMAGES, np.arange(len(IMAGES))) == (
        float(mean),
        float(np.sqrt(float(variance))),
    )
    chosen = np.arange(3, 2000, 7)
    mean, variance = exact(IMAGES[chosen])
    assert statistics(IMAGES, chosen) == (float(mean), float(np.sqrt(float(variance))))


def test_statistics_of_the_real_training_images(fashion_mnist: Path):
    unpacked = gzip.decompress((fashion_mnist / "train-images-idx3-ubyte.gz").read_bytes())
    images = np.frombuffer(unpacked, np.uint8, offset=16).reshape(60_000, 28, 28)
    mean, deviation = statistics(images, np.arange(len(images)))
    assert round(mean, 3) == 72.940
    assert round(deviation, 3) == 90.021


def test_statistics_of_nothing():
    assert statistics(IMAGES, np.arange(0)) == (0.0, 0.0)


@pytest.mark.parametrize(("kind", "divisor"), [("256", 256), ("255", 255)])
def test_division(kind: str, divisor: int):
    assert fit(kind, IMAGES, np.arange(10)) == Scaling(0.0, 1 / divisor)


def test_standard_gives_the_chosen_images_mean_0_and_deviation_1():
    chosen = np.arange(0, 2345, 2)
    X = np.empty((len(chosen), 20))
    fit("standard", IMAGES, chosen).apply(IMAGES[chosen].reshape(-1, 20), X)
    assert X.mean() == pytest.approx(0, abs=1e-12)
    assert X.std() == pytest.approx(1, abs=1e-12)


def test_standard_looks_at_the_chosen_images_only():
    images = IMAGES.copy()
    chosen = np.arange(1000)
    before = fit("standard", images, chosen)
    images[1000:] = 255
    assert fit("standard", images, chosen) == before
    images[0] = 255
    assert fit("standard", images, chosen) != before


def test_images_all_of_one_grey_are_moved_and_not_stretched():
    grey = np.full((3, 2, 2), 9, np.uint8)
    scaling = fit("standard", grey, np.arange(3))
    assert scaling == Scaling(9.0, 1.0)
    X = np.full((3, 4), np.nan)
    scaling.apply(grey.reshape(3, 4), X)
    assert not X.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaling", [Scaling(0.0, 1 / 256), Scaling(72.94, 1 / 90.02)])
def test_application_is_the_formula_and_overwrites(scaling: Scaling, dtype: Any):
    pixels = IMAGES.reshape(-1, 20)
    X = np.full(pixels.shape, np.nan, dtype)
    kept = pixels.copy()
    scaling.apply(pixels, X)
    wanted = (pixels.astype(np.float64) - scaling.offset) * scaling.scale
    np.testing.assert_allclose(X, wanted, atol=1e-6 if dtype is np.float32 else 1e-15)
    np.testing.assert_array_equal(pixels, kept)


FEATURES = (
    np.random.default_rng(0).standard_normal((3000, 4)) * [1e-3, 1, 1e5, 0] + [0, 7, 3e6, 0.1]
).astype(np.float32)


def test_standard_gives_each_feature_mean_0_and_deviation_1():
    """Also one far from 0; a constant one is only moved."""
    chosen = np.arange(0, 3000, 2)
    scaling = fit("standard", FEATURES, chosen)
    X = np.empty((len(chosen), 4), np.float32)
    scaling.apply(FEATURES[chosen], X)
    np.testing.assert_allclose(X.mean(axis=0, dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(X.std(axis=0, dtype=float), [1, 1, 1, 0], atol=1e-5)
    assert np.asarray(scaling.scale)[3] == 1


def test_features_are_read_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch):
    whole = fit("standard", FEATURES, np.arange(3000))
    monkeypatch.setattr("handstitch.data.scaling._BLOCK", 100)
    for one, other in zip(fit("standard", FEATURES, np.arange(3000)), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_standard_looks_at_the_chosen_samples_only():
    features, chosen = FEATURES.copy(), np.arange(1000)
    before = fit("standard", features, chosen)
    features[1000:] = 1e30
    for one, other in zip(fit("standard", features, chosen), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_feature_too_small_for_float32_is_not_stretched():
    tiny = np.array([[0], [1e-40]], np.float32)
    assert fit("standard", tiny, np.arange(2)).scale == 1


@pytest.mark.parametrize("kind", ["255", "256"])
def test_features_have_no_range_to_divide_by(kind: str):
    with pytest.raises(ConfigError, match="this scaling is for pixels"):
        fit(kind, FEATURES, np.arange(10))
