"""Samples and mistakes: each picture with its own names and its own probability."""

from __future__ import annotations

import numpy as np
import pytest

from handstitch import figures
from tests.figures.conftest import texts

NAMES = tuple(f"kind {n}" for n in range(10))


def pictures(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def test_samples_say_what_is_there_and_what_it_is_taken_for(predictions):
    images, labels, P = predictions(11)
    figure = figures.samples(images, labels, P, NAMES)
    assert all(
        np.array_equal(shown, image) for shown, image in zip(pictures(figure), images, strict=True)
    )
    written = texts(figures.svg(figure))
    for label, p in zip(labels, P, strict=True):
        taken = int(np.argmax(p))
        assert NAMES[label] in written
        mark = "✓" if taken == label else "✗"
        assert any(
            each.startswith(f"{mark} {NAMES[taken]} ")
            and float(each.split()[-2]) == pytest.approx(100 * p.max(), abs=0.1001)
            for each in written
        )


def test_certainty_is_not_rounded_up():
    P = np.array([[0.99996, 0.00004], [1.0, 0.0]])
    images = np.zeros((2, 3, 3), np.uint8)
    written = texts(figures.svg(figures.samples(images, np.zeros(2, np.uint8), P, ("a", "b"))))
    assert {"✓ a 99.9 %", "✓ a 100.0 %"} <= set(written)


def test_the_worst_mistakes_are_wrong_and_the_surest_stand_first(predictions):
    images, labels, P = predictions(60)
    wrong = np.flatnonzero(np.argmax(P, axis=1) != labels)
    order = sorted(wrong, key=lambda row: -P[row].max())
    assert len(order) > 24
    shown = pictures(figures.worst_mistakes(images, labels, P, NAMES))
    assert all(np.array_equal(one, images[row]) for one, row in zip(shown, order, strict=False))
    assert len(shown) == 24
    assert len(pictures(figures.worst_mistakes(images, labels, P, NAMES, most=3))) == 3


def test_a_network_that_errs_nowhere_has_no_mistakes_to_show(predictions):
    images, _, P = predictions(5)
    labels = np.argmax(P, axis=1).astype(np.uint8)
    figure = figures.worst_mistakes(images, labels, P, NAMES)
    assert not figure.axes
    assert "no mistakes in 5 images" in texts(figures.svg(figure))


def test_no_pictures_are_an_empty_sheet(predictions):
    images, labels, P = (each[:0] for each in predictions(5))
    for draw in (figures.samples, figures.worst_mistakes):
        figures.png(draw(images, labels, P, NAMES), 20)


@pytest.mark.parametrize("n", [1, 8, 9, 30])
@pytest.mark.parametrize("draw", [figures.samples, figures.worst_mistakes])
def test_an_image_keeps_its_shape_and_its_longer_side_is_an_inch(predictions, n, draw):
    images, labels, P = predictions(n)
    figure = draw(images, labels, P, NAMES)
    places = [axes.get_position() for axes in figure.axes]
    width, height = figure.get_size_inches()
    for place in places:
        assert place.height * height == pytest.approx(1)
        assert place.width * width == pytest.approx(5 / 6)
    assert not any(len(axes.get_xticks()) + len(axes.get_yticks()) for axes in figure.axes)
    lefts = np.array([place.x0 for place in places[:8]]) * width
    assert np.diff(lefts) == pytest.approx(1.28)
    tops = sorted({round(place.y1 * height, 6) for place in places})
    assert len(tops) == -(-len(places) // 8)
    assert np.diff(tops) == pytest.approx(1.5)
    assert tops[0] - 1 > 0.25  # room for what is said below the last row


def test_a_long_list_of_samples_ends(predictions):
    images, labels, P = predictions(100)
    assert len(figures.samples(images, labels, P, NAMES).axes) == 80


def test_pictures_in_colour_are_drawn_in_colour():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)
    P = np.eye(3)
    figure = figures.samples(images, np.arange(3, dtype=np.uint8), P, NAMES[:3])
    assert all(
        np.array_equal(shown, image) for shown, image in zip(pictures(figure), images, strict=True)
    )
    width, height = figure.axes[0].get_position().size * figure.get_size_inches()
    assert width / height == pytest.approx(5 / 4)
