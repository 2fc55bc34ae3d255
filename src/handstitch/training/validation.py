"""Validation samples of a training: split off, a data set of their own, or none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handstitch.arrays import Images, Indices, Labels
from handstitch.config import Config
from handstitch.data import splits
from handstitch.data.batches import Subset, choose
from handstitch.data.dataset import Dataset
from handstitch.data.samples import shape_in_words
from handstitch.errors import DataError, listed
from handstitch.records import EpochRecord


class Validation(NamedTuple):
    """Samples to validate on, and those that are left to train on."""

    train_indices: Indices
    images: Images | Subset
    labels: Labels
    """(n,); none where nothing is held out."""
    digest: str = ""
    """Of a data set of its own; empty where the samples are split off."""


def hold_out(config: Config, dataset: Dataset, own: Dataset | None = None) -> Validation:
    """The samples of `own`; without it, the part of `dataset` that the settings hold out.

    Raises DataError for a single class, or for validation samples of another kind.
    """
    if len(dataset.class_names) < 2:
        raise DataError(
            "there is nothing to tell apart",
            found=f"one class, {dataset.class_names[0]}",
            wanted="samples of two classes or more",
            fix="add samples of another class",
        )
    if own is not None:
        _require_same_kind(dataset, own)
        return Validation(np.arange(len(dataset)), own.images, own.labels, own.digest)
    if config.validation == 0:
        return Validation(np.arange(len(dataset)), dataset.images[:0], dataset.labels[:0])
    train, held_out = splits.split(
        dataset.labels, config.validation, config.seed, config.stratified
    )
    return Validation(train, choose(dataset.images, held_out), dataset.labels[held_out])


def is_better(
    config: Config, loss: float | None, accuracy: float | None, best: EpochRecord | None
) -> bool:
    """Whether an epoch with these validation figures is better than the best so far.

    Without figures it is: the last epoch is kept.
    """
    if config.monitor == "accuracy":
        now, sign = accuracy, 1
        before = None if best is None else best.val_accuracy
    else:
        now, sign = loss, -1
        before = None if best is None else best.val_loss
    return now is None or before is None or sign * now > sign * before


def _require_same_kind(dataset: Dataset, validation: Dataset) -> None:
    if dataset.image_shape != validation.image_shape:
        found, wanted = (shape_in_words(one.image_shape) for one in (validation, dataset))
    elif dataset.class_names != validation.class_names:
        found, wanted = (f"classes {listed(one.class_names)}" for one in (validation, dataset))
    else:
        return
    raise DataError(
        "the validation samples are of another kind than those to train on",
        found=found,
        wanted=wanted,
        fix="give both the same shape, and Dataset.from_arrays the class_names of the data set to "
        "train on",
    )
