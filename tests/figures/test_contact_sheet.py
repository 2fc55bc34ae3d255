from __future__ import annotations

import numpy as np
import pytest

from handstitch import figures
from handstitch.errors import UsageError
from handstitch.figures.contact_sheet import contact_sheet
from tests.figures.conftest import HOSTILE, texts


def draw(classes: int, each: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(classes * each) % classes
    images = np.random.Generator(np.random.Philox(1)).integers(0, 250, (len(labels), *shape))
    return images.astype(np.uint8), labels


@pytest.mark.parametrize("shape", [(4, 6), (6, 4, 3)])
def test_the_first_images_of_each_class_stand_in_its_row(shape):
    images, labels = draw(3, 12, shape)
    figure = contact_sheet(images, labels, ["a", "b", "c"])
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    tiles = [
        sheet[row * (shape[0] + 1) :][: shape[0], column * (shape[1] + 1) :][:, : shape[1]]
        for row in range(3)
        for column in range(10)
    ]
    expected = [images[labels == label][k] for label in range(3) for k in range(10)]
    assert np.array_equal(tiles, expected)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        "a  12", "b  12", "c  12",
    ]  # fmt: skip


def test_a_class_may_have_few_images_or_none():
    images, labels = draw(2, 1, (2, 2))
    figure = contact_sheet(images, labels, ["a", "b", "none"])
    assert figure.axes[0].get_yticklabels()[2].get_text() == "none  0"


def test_of_many_classes_some_are_shown():
    images, labels = draw(300, 1, (2, 2))
    figure = contact_sheet(images, labels, [str(k) for k in range(300)])
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(names) == 40
    assert (names[0], names[-1]) == ("0  1", "299  1")


def test_names_are_text_whatever_they_are():
    images, labels = draw(len(HOSTILE), 1, (2, 2))
    svg = figures.svg(contact_sheet(images, labels, HOSTILE))
    assert any("<script>" in text for text in texts(svg))
    assert len(figures.png(contact_sheet(images, labels, HOSTILE), 50)) > 100


def test_features_are_refused():
    with pytest.raises(UsageError, match="cannot be drawn"):
        contact_sheet(np.ones((3, 5), np.float32), np.zeros(3, int), ["a"])
