"""Images to probe a network with: its training set if available, otherwise drawn ones."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Images, Labels
from handstitch.config import Config
from handstitch.data import loading, sources, splits
from handstitch.data.batches import Subset, choose
from handstitch.data.dataset import Dataset
from handstitch.errors import DataError
from handstitch.model import Model
from handstitch.randomness import Purpose, generator

_logger = logging.getLogger(__name__)

DRAWN: Final = 2_000
"""Images drawn where the training set is not available; fewer for a very large network."""
_UNITS: Final = 2**26
"""Inputs and units of all drawn images together: half a gigabyte of activations."""


class ProbeImages(NamedTuple):
    """Images to count dead units on, and others to measure accuracies on."""

    images: Images | Subset
    description: str
    validation: tuple[Images | Subset, Labels] | None
    """The part held out of training; None where the split is unknown."""


def find_training_data(
    model: Model, data_dir: str | Path | None = None
) -> tuple[Dataset | None, Dataset | None]:
    """The training part of the data of `model`, if they are on this machine, and their own
    validation part, if they have one. Nothing is fetched.

    A warning says why they are not used. Raises DataError for a folder that was named and lacks
    them, and for files that are damaged.
    """
    try:
        source = sources.recorded(model.dataset, model.data_digest, data_dir)
        data = source.load("train", fetch=False)
    except loading.AbsentError as error:
        _logger.warning("%s: accuracies are left out", error.problem)
        return None, None
    if not fits(model, data):
        _logger.warning("the network is not made for the images of %s", data.name)
        return None, None
    try:
        return data, source.validation_of(model.validation_digest)
    except DataError as error:
        _logger.warning("%s: accuracies are left out", error.problem)
        return None, None


def fits(model: Model, data: Dataset) -> bool:
    """Whether the network is for samples of the shape of those of `data`, and as many classes."""
    return data.image_shape == model.image_shape and len(data.class_names) == len(model.class_names)


def probe_images(
    model: Model, data: Dataset | None, config: Config | None, validation: Dataset | None = None
) -> ProbeImages:
    """The training and validation part of `data` as the run split it, or drawn images.

    Their own `validation` part takes the place of a split. Without it and without a configuration
    the split is unknown, or nothing was held out: all of `data` serve, and none for validation.
    """
    if data is not None and config is not None and validation is None and config.validation:
        chosen, held_out = splits.split(
            data.labels, config.validation, config.seed, config.stratified
        )
        return ProbeImages(
            choose(data.images, chosen),
            f"the {len(chosen):,} training images of {data.name}",
            (choose(data.images, held_out), data.labels[held_out]),
        )
    if data is not None:
        own = None if validation is None else (validation.images, validation.labels)
        return ProbeImages(data.images, f"all {len(data):,} training images of {data.name}", own)
    drawn = min(DRAWN, max(2, _UNITS // sum(model.parameters.sizes)))
    rng = generator(0, Purpose.SKETCH)
    images: Images
    if model.image_shape == (28, 28):
        from handstitch.data import sketch

        images, kind = sketch.draw(drawn, seed=0)[0], "garments drawn by Handstitch"
    elif model.has_images:
        images = rng.integers(0, 256, (drawn, *model.image_shape), np.uint8)
        kind = "images of noise"
    else:  # that are standard normal once they are scaled
        offset, scale = model.scaling
        noise = rng.standard_normal((drawn, *model.image_shape)) / scale + offset
        images, kind = noise.astype(np.float32), "samples of noise"
    return ProbeImages(images, f"{drawn:,} {kind}, in place of the training images", None)
