"""Split of the training images into training and validation: a function of labels and seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handstitch.arrays import Indices, Labels
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, ConfigError, Phrase
from handstitch.randomness import Purpose, generator


def split(
    labels: Labels, fraction: float, seed: int, stratified: bool = False
) -> tuple[Indices, Indices]:
    """Positions of the training and of the validation images, each in ascending order.

    Validation gets `fraction` of all images, rounded; stratified, that fraction of every class
    (the rest goes to the classes with the largest remainders). Raises ConfigError if either part
    would be empty.
    """
    n = len(labels)
    held_out = round(fraction * n)
    if not 0 < held_out < n:
        raise ConfigError(
            f"no image is left for {'validation' if held_out == 0 else 'training'}",
            found=f"validation = {fraction}, {fraction} × {n:,} images = {fraction * n:.4g}, "
            f"rounded {held_out:,}",
            wanted="at least 1 image in each part",
            fix=Phrase(
                f"choose {{}} between {1 / max(n, 2):.2g} and {1 - 1 / max(n, 2):.6g}",
                Argument("validation"),
            ),
        )
    order = generator(seed, Purpose.SPLIT).permutation(n)
    validation = _stratified(labels, order, held_out) if stratified else order[:held_out]
    return np.delete(np.arange(n), validation), np.sort(validation)


def held_out(data: Dataset, fraction: float, seed: int, stratified: bool = False) -> Dataset:
    """The validation images that `split` takes from the training images `data`."""
    _, chosen = split(data.labels, fraction, seed, stratified)
    images, labels = data.images[chosen], data.labels[chosen]
    return replace(data, part="validation", images=images, labels=labels, digest="")


def _stratified(labels: Labels, order: Indices, held_out: int) -> Indices:
    """The first images of each class in `order`, in proportion to the size of the class."""
    counts = np.bincount(labels)
    exact = counts * held_out / len(labels)
    shares = np.floor(exact).astype(np.intp)
    remainders = np.argsort(shares - exact, kind="stable")
    shares[remainders[: held_out - int(shares.sum())]] += 1
    by_class = order[np.argsort(labels[order], kind="stable")]
    place_in_class = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return by_class[place_in_class < np.repeat(shares, counts)]
