"""The built-in pictures: the same bytes everywhere, balanced, and recognisably ten things."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from handstitch.arrays import Images, Labels
from handstitch.data.sketch import CLASS_NAMES, draw
from handstitch.data.sketch.canvas import WORDS, Canvas, Grid, Number
from handstitch.data.sketch.garments import DRAWINGS
from handstitch.randomness import Purpose, generator


@pytest.fixture(scope="module")
def sample() -> tuple[Images, Labels]:
    return draw(2000, seed=5)


@pytest.mark.parametrize("n", [0, 1, 7, 1283])
def test_any_number_of_pictures(n: int) -> None:
    images, labels = draw(n, seed=3)
    assert images.shape == (n, 28, 28)
    assert labels.shape == (n,)
    assert images.dtype == labels.dtype == np.uint8
    assert images.flags.c_contiguous
    assert labels.flags.c_contiguous
    counts = np.bincount(labels, minlength=10)
    assert len(counts) == 10
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("seed", "digest"),
    [
        (0, "3b77149bd15fd8fc4c51f96fd446d227e7b2b3cd2067ec65f9b0a36528170fe7"),
        (2**63 + 1, "ae02491a867731c160db577fd8635c634498856819dafd866fa9b0718f779f5a"),
    ],
)
def test_the_bytes_are_pinned(seed: int, digest: str) -> None:
    """Another digest is another data set: results on sketch could no longer be compared."""
    images, labels = draw(1000, seed)
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == digest


def test_fewer_pictures_are_the_first_of_more(sample: tuple[Images, Labels]) -> None:
    images, labels = draw(333, seed=5)
    np.testing.assert_array_equal(images, sample[0][:333])
    np.testing.assert_array_equal(labels, sample[1][:333])


def test_another_seed_gives_other_pictures_and_another_order(
    sample: tuple[Images, Labels],
) -> None:
    images, labels = draw(2000, seed=6)
    assert not np.array_equal(labels, sample[1])
    both = np.concatenate([images, sample[0]]).reshape(4000, -1)
    assert len(np.unique(both, axis=0)) == 4000


def test_the_order_is_shuffled(sample: tuple[Images, Labels]) -> None:
    """Each class stands at each of the ten places about equally often: 20 of 200, ± 5 σ."""
    _, labels = sample
    places = np.array([np.bincount(labels[place::10], minlength=10) for place in range(10)])
    assert np.abs(places - 20).max() <= 5 * np.sqrt(200 * 0.1 * 0.9)


class _WatchedCanvas(Canvas):
    """Stops at a stroke that is not float32, or that covers less than nothing or more than all."""

    def paint(self, coverage: Grid, shade: Number) -> None:
        assert coverage.dtype == np.float32
        assert coverage.min() >= 0
        assert coverage.max() <= 1
        assert isinstance(shade, float) or shade.dtype == np.float32
        super().paint(coverage, shade)


@pytest.mark.parametrize("label", range(10), ids=CLASS_NAMES)
def test_every_stroke_is_float32_and_within_bounds(label: int) -> None:
    """float64 creeping in would be slower, and rounded twice."""
    _, drawing, lying = DRAWINGS[label]
    words = generator(8, Purpose.SKETCH).bit_generator.random_raw(500 * WORDS)
    canvas = _WatchedCanvas(words.reshape(500, WORDS), lying)
    drawing(canvas)
    assert canvas.along.dtype == canvas.across.dtype == canvas.ink.dtype == np.float32
    assert canvas.ink.min() >= 0
    assert canvas.ink.max() <= 1


@pytest.mark.parametrize("label", range(10), ids=CLASS_NAMES)
def test_each_picture_has_ink_inside_and_margins(sample: tuple[Images, Labels], label: int) -> None:
    images, labels = sample
    pictures = images[labels == label]
    inked = (pictures > 30).sum(axis=(1, 2))
    assert inked.min() >= 15
    assert inked.max() <= 500
    frame = np.ones((28, 28), dtype=bool)
    frame[1:-1, 1:-1] = False
    assert pictures[:, frame].mean() < 0.1 * pictures[:, ~frame].mean()
    assert (pictures == 0).mean() > 0.3


@pytest.mark.parametrize("label", range(10), ids=CLASS_NAMES)
def test_each_class_comes_dark_and_light(sample: tuple[Images, Labels], label: int) -> None:
    """Brightness must not give a class away: it varies widely within each."""
    images, labels = sample
    peak = np.quantile(images[labels == label], 0.95, axis=(1, 2))
    assert np.quantile(peak, 0.9) > 1.6 * np.quantile(peak, 0.1)


def test_classes_are_told_apart_by_shape() -> None:
    """The nearest of 5,000 pictures (by angle) tells the class far better than class means do.

    So what makes a class is in its pictures, and it is not one blurred template.
    """
    images, labels = draw(6000, seed=9)
    vectors = images.reshape(6000, -1).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known, asked = vectors[:5000], vectors[5000:]
    nearest = labels[:5000][(asked @ known.T).argmax(axis=1)]
    means = np.stack([known[labels[:5000] == label].mean(axis=0) for label in range(10)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    by_neighbour = float((nearest == labels[5000:]).mean())
    by_mean = float(((asked @ means.T).argmax(axis=1) == labels[5000:]).mean())
    assert by_neighbour > 0.72
    assert by_neighbour > by_mean + 0.1
