"""Images to probe a network with: its training set where it is at hand, else drawn ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Images, Labels
from handstitch.config import Config
from handstitch.data import loading, splits
from handstitch.data.catalog import CLASS_NAMES, TITLES
from handstitch.data.dataset import Dataset
from handstitch.model import Model
from handstitch.randomness import Purpose, generator

DRAWN: Final = 2_000
"""Images where no data are at hand."""


class Scene(NamedTuple):
    """Images to look for dead units on, and others to measure accuracies on."""

    images: Images
    called: str
    """What the images are, in words."""
    validation: tuple[Images, Labels] | None
    """The part held out of training; None where nobody knows which it was."""


def find_training_data(
    model: Model,
    data_dir: str | Path | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> Dataset | None:
    """The training images `model` was trained on, if they are on this machine; nothing is fetched.

    `notify` hears why they are not used. Raises DataError for a folder that was named and lacks
    them, and for files that are not sound.
    """
    if model.dataset not in CLASS_NAMES:
        notify(f"there is no data set {model.dataset} here")
        return None
    try:
        data = loading.load(model.dataset, "train", data_dir, fetch=False, notify=notify)
    except loading.AbsentError:
        notify(f"{TITLES[model.dataset]} is not on this machine: accuracies are left out")
        return None
    if not fits(model, data):
        notify(f"the network is not made for the images of {data.name}")
        return None
    return data


def fits(model: Model, data: Dataset) -> bool:
    """Whether the network has an input for each pixel of `data` and an output for each class."""
    return data.image_shape == model.image_shape and len(data.class_names) == len(model.class_names)


def scene(model: Model, data: Dataset | None, config: Config | None) -> Scene:
    """The training and validation part of `data` as the run split it, or drawn images.

    Without a configuration nobody knows the split: all of `data` are looked at and none are
    called validation.
    """
    if data is None:
        return _drawn(model.image_shape)
    if config is None:
        return Scene(data.images, f"all {len(data):,} training images of {data.name}", None)
    chosen, held_out = splits.split(data.labels, config.validation, config.seed, config.stratified)
    called = f"the {len(chosen):,} training images of {data.name}"
    return Scene(data.images[chosen], called, (data.images[held_out], data.labels[held_out]))


def _drawn(shape: tuple[int, int]) -> Scene:
    """Garments where they fit, else pixels drawn at random."""
    if shape == (28, 28):
        from handstitch.data import sketch

        images, what = sketch.draw(DRAWN, seed=0)[0], "garments drawn by Handstitch"
    else:
        rng = generator(0, Purpose.SKETCH)
        images, what = rng.integers(0, 256, (DRAWN, *shape), np.uint8), "images of noise"
    return Scene(images, f"{DRAWN:,} {what}, for want of the training images", None)
