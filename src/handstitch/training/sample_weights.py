"""Weights of samples in the training loss: a sample's own times that of its class."""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Indices, Labels, Vector
from handstitch.config import Config
from handstitch.config import class_weights as text
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, ConfigError, DataError, Phrase, listed


def sample_weights(config: Config, dataset: Dataset, trained: Indices) -> Vector | None:
    """w (n,) of every sample, of which those `trained` on count; None where each is 1.

    Raises ConfigError for weights of other classes, DataError where none is above 0.
    """
    weights = dataset.weights
    if config.class_weight:
        of_class = class_weights(config, dataset, dataset.labels[trained])[dataset.labels]
        weights = (of_class if weights is None else of_class * weights).astype(np.float32)
    if weights is not None and not weights[trained].any():
        raise DataError(
            "no sample has a weight above zero",
            found="weights that are all 0, validation samples apart",
            wanted="a sample to train on with a weight above 0",
            fix="give other weights, or leave them out",
        )
    return weights


def class_weights(config: Config, dataset: Dataset, labels: Labels) -> Vector:
    """The weight of each class, in order, for training on samples with these labels.

    Balanced: n / (classes · count), of the classes that occur, as in scikit-learn (King and Zeng,
    Political Analysis 9, 2001, 137-163). Raises ConfigError for weights of other classes.
    """
    names = dataset.class_names
    given = text.parse(config.class_weight)
    if not given:
        counts = np.bincount(labels, minlength=len(names))
        return len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if missing or unknown:
        raise ConfigError(
            "the class weights are not those of the classes",
            found=f"no weight of {listed(missing)}"
            if missing
            else f"a weight of {listed(unknown)}, which is no class",
            wanted=f"one weight for each of {listed(names)}",
            fix=Phrase("correct {}, or use {}", Argument("class_weight"),
                       Argument("class_weight", text.BALANCED)),
        )  # fmt: skip
    return np.array([given[name] for name in names])
