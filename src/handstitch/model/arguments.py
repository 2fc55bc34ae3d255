"""What is given to `fit` and `predict`: labels, columns with names, numbers of features."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handstitch.arrays import Images
from handstitch.data.dataset import Dataset
from handstitch.data.labels import LabelKind, NumberedLabels, name_labels, number_labels
from handstitch.data.samples import SampleLike, require_finite, shape_in_words
from handstitch.errors import DataError, ModelFileError, listed
from handstitch.model import scikit_learn


def number_classes(labels: ArrayLike, class_names: Iterable[str] | None = None) -> NumberedLabels:
    """`number_labels`, but words in the order of numpy.unique.

    scikit-learn's scores take the columns of probabilities to be in that order.
    """
    numbered = number_labels(labels, class_names)
    if numbered.kind == "name" and class_names is None:
        return number_labels(labels, sorted(numbered.names))
    return numbered


def one_axis(y: Any) -> Any:
    """Labels (n,) from y, of which a column (n, 1) is taken with a warning."""
    if y is None:
        raise DataError(
            "Classifier requires y to be passed, but the target y is None",
            found="None",
            wanted="a label for each sample",
            fix="call fit(X, y)",
        )
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        category = scikit_learn.column_warning() if scikit_learn.is_loaded() else UserWarning
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: give y.ravel()",
            category,
            stacklevel=3,
        )
        return np.asarray(y)[:, 0]
    return y


def feature_names(X: Any) -> NDArray[Any] | None:
    """The names of the columns of a table, where all are words."""
    names = getattr(X, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return np.asarray([*names], object)


def require_features(attributes: Mapping[str, Any], X: Any, n: int) -> None:
    """Raise DataError unless X, of n features, has as many as were fitted, with the same names.

    Warns where one of both has no names. The words are scikit-learn's, for which programs look.
    """
    wanted, names = attributes["n_features_in_"], feature_names(X)
    fitted = attributes.get("feature_names_in_")
    if names is None or fitted is None:
        if names is not fitted:
            which = "does not have valid" if names is None else "has"
            but = "with" if names is None else "without"
            warnings.warn(
                f"X {which} feature names, but Classifier was fitted {but} feature names",
                UserWarning,
                stacklevel=4,
            )
    elif list(names) != list(fitted):
        raise DataError(
            "The feature names should match those that were passed during fit",
            found=listed(list(names)),
            wanted=listed(list(fitted)),
            fix="give the same columns in the same order: X[classifier.feature_names_in_]",
        )
    if n != wanted:
        raise DataError(
            f"X has {n} features, but Classifier is expecting {wanted} features as input",
            found=f"samples of {n:,} features",
            wanted=f"samples of {wanted:,} features",
            fix="give such samples as in training, or train a network for these",
        )


def label(
    X: SampleLike,
    y: ArrayLike,
    class_names: tuple[str, ...],
    kind: LabelKind,
    *,
    weights: ArrayLike | None = None,
    part: str = "train",
) -> Dataset:
    """The data set of samples with labels of classes that are known."""
    named = name_labels(y) if kind == "number" else y
    return Dataset.from_arrays(X, named, class_names, part, weights)


def require_shape(samples: Images, shape: tuple[int, ...], path: Path | None) -> Images:
    """The samples, each of this shape and finite. Raises ModelFileError or DataError otherwise."""
    if samples.shape[1:] != shape:
        is_one, are_images = samples.shape == shape, samples.ndim > 2 and len(shape) > 1
        raise ModelFileError(
            f"the network expects {'images of another size' if are_images else 'other input'}",
            file=path,
            found=f"a single array {shape}" if is_one else shape_in_words(samples.shape[1:]),
            wanted=shape_in_words(shape),
            fix="put it into a list: [image]"
            if is_one
            else f"{'resize the images' if are_images else 'give such input as in training'}, "
            "or train a network for this size",
        )
    require_finite(samples)
    return samples
