"""Classifier: a network that learns from images and labels, and predicts the classes of others."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from msgspec import structs
from numpy.typing import ArrayLike, NDArray

from handstitch.arrays import Images, Matrix, Vector
from handstitch.config import Config
from handstitch.config.schema import check_names, default_learning_rate, from_mapping
from handstitch.core.network import Network
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.data.labels import name_labels, number_labels, values_of
from handstitch.data.samples import SampleLike, as_samples, require_finite, shape_in_words
from handstitch.data.scaling import Scaling
from handstitch.data.sources import Source
from handstitch.errors import Argument, ConfigError, ModelFileError, Phrase, UsageError
from handstitch.evaluation import Evaluator, evaluate
from handstitch.model.files import load_model, save_model
from handstitch.model.inference import compiled
from handstitch.model.info import Model
from handstitch.model.outliers import missing_detector
from handstitch.model.trained import calibrated_model
from handstitch.records import Evaluation, ReadingOptions
from handstitch.training import Trainer

_logger = logging.getLogger(__name__)


class Classifier:
    """A neural-network classifier of images or features.

        classifier = Classifier(hidden_sizes=(300, 100), epochs=5)
        classifier.fit(images, labels)
        classifier.predict(images)

    Its settings are those of Config, but for those that say what data are read and how. Images are
    of whole numbers from 0 to 255, (n, rows, columns) or (n, rows, columns, 3), features
    (n, features) of any numbers, labels whole numbers or words: what `Dataset.from_arrays` takes.
    Raises ConfigError for an invalid setting.
    """

    # The parameters of the constructor, for help(), completion and scikit-learn.
    __signature__ = inspect.Signature(
        [
            inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
            for field in fields(Config)
            if field.name not in {"dataset", *ReadingOptions.__struct_fields__}
        ]
    )

    def __init__(self, **settings: Any) -> None:
        check_names(settings, "Classifier")
        self.config = Config(dataset="arrays", **settings)
        """The settings that `fit` trains with."""
        self.path: Path | None = None
        """The file it was loaded from."""
        self.weights = "best"
        """The name of its weights: `best`, `last`, or the file's name."""
        self._model: Model | None = None
        self._classes: NDArray[Any] = np.arange(0)

    @classmethod
    def load(cls, path: str | Path, weights: str = "") -> Self:
        """The classifier in a model file, with the preprocessing it was trained with.

        Raises ModelFileError if the file is missing, damaged, foreign or not a model.
        """
        classifier = cls.of(load_model(path), weights or Path(path).name)
        classifier.path = Path(path)
        return classifier

    @classmethod
    def of(cls, model: Model, weights: str) -> Self:
        """The classifier with this model; `weights` is a name for its weights."""
        classifier = cls()
        classifier.weights = weights
        classifier._model = model
        classifier._classes = values_of(model.class_names, model.labels)
        # A file of another program has the architecture only, and so has one whose settings are of
        # no use: that matters to fit alone.
        architecture = {
            "hidden_sizes": model.parameters.sizes[1:-1],
            "activation": model.activations or "relu",
        }
        for settings in (architecture, architecture | model.config):
            with suppress(ConfigError):
                classifier.config = from_mapping(settings, weights)
        return classifier

    def __repr__(self) -> str:
        """The call that makes it, with the settings that are not the defaults."""
        defaults = {name: one.default for name, one in self.__signature__.parameters.items()}
        defaults["learning_rate"] = default_learning_rate(self.config.to_dict())
        settings = [
            f"{name}={value!r}"
            for name, default in defaults.items()
            if (value := getattr(self.config, name)) != default
        ]
        return f"Classifier({', '.join(settings)})"

    def fit(
        self,
        images: SampleLike,
        labels: ArrayLike,
        class_names: Iterable[str] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train a new network on images or features and labels (n,); keeps the best epoch's.

        `sample_weight` (n,) is what each sample counts in the training loss; in validation all
        count the same.
        Raises DataError for images or labels of another kind, DivergedError, MachineError.
        """
        labelled = number_labels(labels, class_names)
        data = Dataset.from_arrays(images, labelled.numbers, labelled.names, weights=sample_weight)
        trainer = Trainer(self.config, data)
        trainer.fit()
        self._model = structs.replace(calibrated_model(trainer).model, labels=labelled.kind)
        self._classes, self.path, self.weights = labelled.values, None, "best"
        return self

    def save(self, path: str | Path) -> None:
        """Write the model file, for `load`; an existing file is replaced once this one is whole."""
        save_model(Path(path), self.model)

    @property
    def model(self) -> Model:
        """The trained network, with its preprocessing and history. Raises UsageError before fit."""
        if self._model is None:
            raise UsageError(
                "this classifier is not trained",
                found="no weights",
                wanted="a call of fit(images, labels) first",
                fix="call fit, or load a trained one with handstitch.load(path)",
            )
        return self._model

    @property
    def network(self) -> Network:
        """The trained network."""
        model = self.model
        return Network(model.parameters, model.activations, receptive_fields=model.receptive_fields)

    @property
    def scaling(self) -> Scaling:
        """The preprocessing of pixels or features."""
        return self.model.scaling

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the outputs."""
        return self.model.class_names

    @property
    def classes(self) -> NDArray[Any]:
        """The label of each class, in the order of the outputs: words or numbers, as given to
        `fit`, and else the numbers from 0.
        """
        return self._classes

    def predict_proba(self, images: SampleLike) -> Matrix:
        """P (n, classes): the probability of each class, of images or features as in training."""
        return self._evaluator(images).probabilities(self.model.temperature)

    def predict(self, images: SampleLike) -> NDArray[Any]:
        """The label of the most probable class of each sample, one of `classes`."""
        labels: NDArray[Any] = self.classes[np.argmax(self.predict_proba(images), axis=1)]
        return labels

    def score_samples(self, images: SampleLike) -> Vector:
        """How like the training samples each sample is (n,): −distance of `OutlierDetector`.

        Of 95 % of the validation samples it is −1 or more. Raises ModelFileError where the model
        has no detector (`model.outliers`).
        """
        if self.model.outliers is None:
            raise missing_detector(self.path)
        return -self.model.outliers.distances(self._evaluator(images))

    def is_outlier(self, images: SampleLike) -> NDArray[np.bool_]:
        """Whether each sample is unlike the training samples (n,): its `score_samples` is below −1.

        Raises as `score_samples`.
        """
        return self.score_samples(images) < -1

    def score(self, images: SampleLike, labels: ArrayLike) -> float:
        """Accuracy on images or features with labels (n,)."""
        return self.evaluate(images, labels).accuracy

    def evaluate(
        self,
        images: SampleLike | None = None,
        labels: ArrayLike = (),
        *,
        dataset: str | Path | None = None,
        data_dir: str | Path | None = None,
        flip: bool = False,
    ) -> Evaluation:
        """Accuracy, loss, calibration and confusion matrix on labelled images or features.

        Without images, on the test set of its own data set, or of `dataset`. With `flip`, of the
        mean probabilities of each image and its mirror image. Raises DataError if the data are
        unavailable or damaged, or for the mirror image of features.
        """
        if images is None:
            data = self.source(dataset, data_dir).load("test")
        else:
            named = name_labels(labels) if self.model.labels == "number" else labels
            data = Dataset.from_arrays(images, named, self.class_names, "test")
        self._checked(data.images)
        self.require_classes(data)
        return evaluate(
            self.network, data, self.scaling, self.weights, self.model.temperature, flip=flip
        )

    def require_classes(self, data: Dataset) -> None:
        """Raise ModelFileError unless the network has as many classes as the data."""
        if len(data.class_names) != len(self.class_names):
            raise ModelFileError(
                "the network and the data have different classes",
                file=self.path,
                found=f"{len(self.class_names)} classes",
                wanted=f"{len(data.class_names)}, as {data.name} has",
                fix=Phrase("name the data set it was trained on with {}", Argument("dataset")),
            )

    def source(
        self, dataset: str | Path | None = None, data_dir: str | Path | None = None
    ) -> Source:
        """The data set it was trained on; or `dataset`, a name or a path, read as that was."""
        if dataset is None:
            return sources.recorded(self.model.dataset, self.model.data_digest, data_dir)
        options, name = ReadingOptions.of(self.config.to_dict()), self.model.dataset
        source = sources.given(str(dataset), name, self.model.data_digest, data_dir, options)
        if source.own is not None and source.own.is_test_drawn and source.name != name:
            _logger.warning(
                "%s has no test part of its own, and the network was trained on other data: if "
                "these overlap, some of its test images may have been trained on",
                source.name,
            )
        return source

    def compiled(self) -> Callable[[Images], Matrix | Vector]:
        """A function from images or features (n, …) to P (n, classes), and from a single sample to
        P (classes,): for many calls, or very many images.

        Compiled if numba is installed, which takes longer to load than 10,000 images take without
        it; buffers are allocated once. It has a copy of the weights. Not thread-safe: each thread
        needs its own.
        """
        axes = len(self.model.image_shape)
        function = compiled(self.network, self.scaling, axes, self.model.temperature)

        def classify(images: Images) -> Matrix | Vector:
            is_one = images.ndim == axes
            samples = self._checked(images[None] if is_one else images)
            return function(samples[0] if is_one else samples)

        return classify

    def _evaluator(self, images: SampleLike) -> Evaluator:
        return Evaluator(self.network, self._checked(images), self.scaling)

    def _checked(self, images: SampleLike) -> Images:
        samples, shape = as_samples(images), self.model.image_shape
        if samples.shape[1:] != shape:
            is_one, are_images = samples.shape == shape, samples.ndim > 2 and len(shape) > 1
            raise ModelFileError(
                f"the network expects {'images of another size' if are_images else 'other input'}",
                file=self.path,
                found=f"a single array {shape}" if is_one else shape_in_words(samples.shape[1:]),
                wanted=shape_in_words(shape),
                fix="put it into a list: [image]"
                if is_one
                else f"{'resize the images' if are_images else 'give such input as in training'}, "
                "or train a network for this size",
            )
        require_finite(samples)
        return samples
