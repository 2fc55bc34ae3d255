"""Training and validation data of a run."""

from __future__ import annotations

from handstitch.config import Config
from handstitch.data import scaling, splits
from handstitch.data.batches import Batches
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling


class TrainingData:
    """A data set split into batches to train on and images to validate on, with its scaling."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        train_indices, val_indices = splits.split(
            dataset.labels, config.validation, config.seed, config.stratified
        )
        self.scaling: Scaling = scaling.fit(config.scaling, dataset.images, train_indices)
        self.batches = Batches(
            dataset.images, dataset.labels, train_indices, self.scaling, config.batch_size
        )
        self.validation_images = dataset.images[val_indices]
        self.validation_labels = dataset.labels[val_indices]
        self.sizes = (dataset.inputs, *config.hidden_sizes, len(dataset.class_names))
