"""Grids of images: each mistake with its own picture, the most confident first."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from handstitch.figures import thumbnail
from handstitch.report.gather import Predictions
from handstitch.report.languages import words
from handstitch.report.pictures import confused_pairs, data_uri
from tests.report.samples import make_evaluation


def test_the_most_confused_pair_stands_first_with_its_own_pictures() -> None:
    taken = [1] * 5 + [0] * 4 + [2] * 3 + [2] * 2
    labels = np.array([0] * 5 + [0] * 4 + [1] * 3 + [0] * 2, np.uint8)
    P = np.full((14, 3), 0.1, np.float32)
    P[np.arange(14), taken] = np.linspace(0.5, 0.9, 14)
    images: Any = np.arange(14, dtype=np.uint8)[:, None, None] * np.ones((4, 4), np.uint8)
    measured, _ = make_evaluation(["a", "b", "c"])
    measured = msgspec.structs.replace(measured, confusion_matrix=[[4, 5, 2], [0, 0, 3], [0, 0, 0]])
    first, second, third = confused_pairs(
        measured, Predictions(images, labels, P, P, 1.0), "", words("en")
    )
    assert first.heading.startswith("a, predicted as b: 5 of")
    assert second.heading.startswith("b, predicted as c: 3 of")
    assert third.heading.startswith("a, predicted as c: 2 of")
    drawn = [picture.uri for gallery in (first, second) for picture in gallery.pictures]
    assert drawn == [data_uri(thumbnail(images[k])) for k in (4, 3, 2, 1, 0, 11, 10, 9)]
