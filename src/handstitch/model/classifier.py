"""Classifier: a trained network, for predictions and for evaluation on a test set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Matrix, Vector
from handstitch.compiled.availability import unavailable_reason
from handstitch.core.network import Network
from handstitch.data import loading
from handstitch.data.scaling import Scaling
from handstitch.errors import Argument, ModelFileError, Phrase
from handstitch.evaluation import Evaluator, evaluate
from handstitch.model import load_model
from handstitch.records import Evaluation


class Classifier:
    """The network in a model file, with the preprocessing it was trained with.

    Raises ModelFileError if the file is missing, damaged, foreign or not a model.
    """

    def __init__(self, path: str | Path, weights: str = "") -> None:
        self.path = Path(path)
        self.weights = weights or self.path.name
        """The name of these weights: `best`, `last`, or the file's name."""
        self.model = load_model(path)
        self.network = Network(self.model.parameters, self.model.activations)
        self.scaling = Scaling(self.model.offset, self.model.scale)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the outputs."""
        return self.model.class_names

    def probabilities(self, images: Images) -> Matrix:
        """P (n, classes) of grey images (n, rows, columns), uint8, light on dark."""
        self._require_shape(images)
        return Evaluator(self.network, images, self.scaling).probabilities()

    def compiled(self) -> Callable[[Images], Matrix | Vector]:
        """A function from images (n, rows, columns), uint8, to P (n, classes), and from one image
        (rows, columns) to P (classes,): for many calls, or very many images.

        Compiled if numba is installed, which takes longer to load than 10,000 images take without
        it; buffers are allocated once. It has a copy of the weights. Not thread-safe: each thread
        needs its own.
        """
        function = compiled(self.network, self.scaling)

        def classify(images: Images) -> Matrix | Vector:
            self._require_shape(images[None] if images.ndim == 2 else images)
            return function(images)

        return classify

    def predict(self, images: Images) -> NDArray[np.intp]:
        """The most probable class of each image, as a position in `class_names`."""
        labels: NDArray[np.intp] = np.argmax(self.probabilities(images), axis=1)
        return labels

    def test(self, dataset: str | None = None, data_dir: str | Path | None = None) -> Evaluation:
        """Evaluate on the test set of its own data set, or of `dataset`.

        Raises DataError if that is unavailable or damaged.
        """
        data = loading.load(dataset or self.model.dataset, "test", data_dir)
        self._require_shape(data.images)
        if len(data.class_names) != len(self.class_names):
            raise ModelFileError(
                "the network and the data have different classes",
                file=self.path,
                found=f"{len(self.class_names)} classes",
                wanted=f"{len(data.class_names)}, as {data.name} has",
                fix=Phrase("name the data set it was trained on with {}", Argument("dataset")),
            )
        return evaluate(
            self.network,
            data.images,
            data.labels,
            self.scaling,
            data.class_names,
            dataset=data.name,
            part="test",
            weights=self.weights,
        )

    def _require_shape(self, images: Images) -> None:
        if images.ndim != 3 or images.dtype != np.uint8:
            raise TypeError(f"uint8 (n, rows, columns) wanted, not {images.dtype} {images.shape}")
        if images.shape[1:] != self.model.image_shape:
            rows, columns = self.model.image_shape
            raise ModelFileError(
                "the network expects images of another size",
                file=self.path,
                found=f"images of {images.shape[1]} × {images.shape[2]} pixels",
                wanted=f"{rows} × {columns}",
                fix="resize the images, or train a network for this size",
            )


def compiled(network: Network, scaling: Scaling) -> Callable[[Images], Matrix | Vector]:
    """`Classifier.compiled` for a network in memory."""
    if unavailable_reason() is None:
        from handstitch.compiled.classifier import CompiledClassifier

        return CompiledClassifier(network, scaling)
    network = Network(network.parameters.copy(), network.activations)

    def classify(images: Images) -> Matrix | Vector:
        if images.ndim == 3:
            return Evaluator(network, images, scaling).probabilities()
        P: Vector = Evaluator(network, images[None], scaling).probabilities()[0]
        return P

    return classify
