"""Small data sets with planted faults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from handstitch.data import sketch
from handstitch.data.dataset import GARMENTS, Dataset
from handstitch.data.own import OwnData
from handstitch.data.sources import Source
from handstitch.records import ReadingOptions


def draw_part(part: str, n: int, seed: int) -> Dataset:
    """A part of drawn garments, in arrays that may be written."""
    images, labels = sketch.draw(n, seed)
    return Dataset("drawn", part, images.copy(), labels.copy(), GARMENTS, "memory")


def change(part: Dataset, images: Any = None, labels: Any = None) -> Dataset:
    """The part with other images or labels, and the digest of these."""
    return replace(
        part,
        images=part.images if images is None else np.ascontiguousarray(images),
        labels=part.labels if labels is None else labels,
        digest="",
    )


def make_source(
    train: Dataset, test: Dataset, validation: Dataset | None = None, **own: Any
) -> Source:
    """A source with these parts."""
    data = OwnData(train, test, validation, "arrays", ReadingOptions(), False, **own)
    return Source(train.name, own=data)
