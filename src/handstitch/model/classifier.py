"""Classifier: a network that learns from images and labels, and predicts the classes of others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from msgspec import structs
from numpy.typing import ArrayLike, NDArray

from handstitch.arrays import Images, Matrix, Vector
from handstitch.config.schema import default_learning_rate, from_mapping
from handstitch.core.network import Network
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.data.labels import values_of
from handstitch.data.samples import SampleLike, as_samples
from handstitch.data.sources import Source
from handstitch.errors import Argument, ConfigError, ModelFileError, Phrase
from handstitch.evaluation import Evaluator, evaluate
from handstitch.model import partial_training
from handstitch.model.arguments import (
    feature_names,
    label,
    number_classes,
    one_axis,
    require_features,
    require_shape,
)
from handstitch.model.estimator import DEFAULTS, Estimator
from handstitch.model.files import load_model, save_model
from handstitch.model.inference import compiled
from handstitch.model.info import Model
from handstitch.model.outliers import missing_detector
from handstitch.model.trained import calibrated_model
from handstitch.records import Evaluation, ReadingOptions
from handstitch.training import Trainer

_logger = logging.getLogger(__name__)


class Classifier(Estimator):
    """A neural-network classifier of images or features.

        classifier = Classifier(hidden_sizes=(300, 100), epochs=5)
        classifier.fit(images, labels)
        classifier.predict(images)

    Its parameters are the settings of Config, but for those that say what data are read and how,
    and `warm_start`; they are checked in `fit`. Images are of whole numbers from 0 to 255,
    (n, rows, columns) or (n, rows, columns, 3), features (n, features) of any numbers, labels whole
    numbers or words: what `Dataset.from_arrays` takes. After `fit` it has the attributes of
    scikit-learn's MLPClassifier. Raises ConfigError for an unknown setting.
    """

    _reading = ReadingOptions()
    _moments: partial_training.Moments | None = None

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
        losses = [record.get("train_loss") for record in model.history]
        classifier._adopt(model, values_of(model.class_names, model.labels), losses)
        # A file of another program has the architecture only, and so has one whose settings are of
        # no use: that matters to fit alone.
        architecture = {
            "hidden_sizes": model.parameters.sizes[1:-1],
            "activation": model.activations or "relu",
        }
        for settings in (architecture, architecture | model.config):
            with suppress(ConfigError):
                config = from_mapping(settings, weights)
                classifier._reading = ReadingOptions.of(config.to_dict())
                own = {name: getattr(config, name, False) for name in DEFAULTS}
                if config.learning_rate == default_learning_rate(own):
                    own["learning_rate"] = None
                classifier.set_params(**own)
        return classifier

    def fit(
        self,
        X: SampleLike,
        y: ArrayLike,
        class_names: Iterable[str] | None = None,
        sample_weight: ArrayLike | None = None,
        validation: tuple[SampleLike, ArrayLike] | None = None,
    ) -> Self:
        """Train a new network on images or features X and labels y (n,); keeps the best epoch's.

        Without `class_names` the distinct labels are the classes, in the order of numpy.unique.
        `sample_weight` (n,) is what each sample counts in the training loss; in validation all
        count the same. `validation`, samples and their labels, chooses the best epoch and stops
        early in place of the part that the setting `validation` holds out. With `warm_start` the
        first weights are those that it has, and scaling and receptive fields stay.
        Raises ConfigError for invalid settings, DataError for images or labels of another kind,
        DivergedError, MachineError.
        """
        names, X = feature_names(X), as_samples(X)
        labelled = number_classes(one_axis(y), class_names)
        data = Dataset.from_arrays(X, labelled.numbers, labelled.names, weights=sample_weight)
        own = validation and label(*validation, labelled.names, labelled.kind)
        trainer = Trainer(self.config, data, own, self._model if self.warm_start else None)
        losses = [record.train_loss for record in trainer.fit()]
        model = structs.replace(calibrated_model(trainer).model, labels=labelled.kind)
        self._adopt(model, labelled.values, losses, names)
        self._forget_file()
        self._moments = None
        return self

    def partial_fit(
        self,
        X: SampleLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train on with one pass over these samples, at a constant learning rate.

        The first call says all `classes`, and without them those in y are all; scaling and
        receptive fields are those of its samples. Nothing is held out, and the weights are always
        the last ones. The moments of the optimizer are kept from call to call, and dropped by
        `fit`. Raises as `fit`.
        """
        before, y = self._model, one_axis(y)
        names = feature_names(X)
        if before is None:
            labelled = number_classes(y if classes is None else classes)
            class_names, kind, values = labelled.names, labelled.kind, labelled.values
            losses = []
        else:
            X = self._samples(X)
            class_names, kind, values = before.class_names, before.labels, self.classes_
            names, losses = vars(self).get("feature_names_in_"), self.loss_curve_
        data = label(X, y, class_names, kind, weights=sample_weight)
        model, moments = partial_training.train(self.config, data, before, self._moments)
        model = structs.replace(model, labels=kind)
        self._adopt(model, values, [*losses, model.history[-1]["train_loss"]], names)
        self._forget_file()
        self._moments = moments
        return self

    def save(self, path: str | Path) -> None:
        """Write the model file, for `load`; an existing file is replaced once this one is whole."""
        save_model(Path(path), self.model)

    @property
    def network(self) -> Network:
        """The trained network."""
        model = self.model
        return Network(model.parameters, model.activations, receptive_fields=model.receptive_fields)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the outputs."""
        return self.model.class_names

    def predict_proba(self, X: SampleLike) -> Matrix:
        """P (n, classes): the probability of each class, of images or features as in training."""
        return self._evaluator(X).probabilities(self.model.temperature)

    def predict(self, X: SampleLike) -> NDArray[Any]:
        """The label of the most probable class of each sample, one of `classes_`."""
        positions = np.argmax(self.predict_proba(X), axis=1)
        labels: NDArray[Any] = self.classes_[positions]
        return labels

    @property
    def score_samples(self) -> Callable[[SampleLike], Vector]:
        """How like the training samples each sample of X is (n,): −distance of `OutlierDetector`.

        Of 95 % of the validation samples it is −1 or more. Raises ModelFileError where the model
        has no detector (`model.outliers`), for `hasattr` an AttributeError.
        """
        detector = self.model.outliers
        if detector is None:
            raise missing_detector(self.path)
        return lambda X: -detector.distances(self._evaluator(X))

    def is_outlier(self, X: SampleLike) -> NDArray[np.bool_]:
        """Whether each sample is unlike the training samples (n,): its `score_samples` is below −1.

        Raises as `score_samples`.
        """
        return self.score_samples(X) < -1

    def score(self, X: SampleLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy on images or features with labels (n,), each of which counts its weight."""
        if sample_weight is None:
            return self.evaluate(X, y).accuracy
        return float(
            np.average(self.predict(X) == np.asarray(y), weights=np.asarray(sample_weight, float))
        )

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
            self._checked(data.images)
        else:
            model, samples = self.model, self._samples(images)
            data = label(samples, labels, model.class_names, model.labels, part="test")
        self.require_classes(data)
        model = self.model
        return evaluate(
            self.network, data, model.scaling, self.weights, model.temperature, flip=flip
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
        name = self.model.dataset
        source = sources.given(str(dataset), name, self.model.data_digest, data_dir, self._reading)
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
        function = compiled(self.network, self.model.scaling, axes, self.model.temperature)

        def classify(images: Images) -> Matrix | Vector:
            is_one = images.ndim == axes
            samples = self._checked(as_samples(images[None] if is_one else images))
            return function(samples[0] if is_one else samples)

        return classify

    def _evaluator(self, X: SampleLike) -> Evaluator:
        return Evaluator(self.network, self._samples(X), self.model.scaling)

    def _samples(self, X: SampleLike) -> Images:
        """The samples in X. Raises DataError or ModelFileError unless they are as in training."""
        samples, shape = as_samples(X), self.model.image_shape
        if samples.ndim == 2 and len(shape) == 1:
            require_features(vars(self), X, samples.shape[1])
        return self._checked(samples)

    def _checked(self, samples: Images) -> Images:
        return require_shape(samples, self.model.image_shape, self.path)
