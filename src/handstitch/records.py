"""Records of training and evaluation: plain typed structs, ready for JSON and CSV.

Their ranges are checked when a record is read, not when one is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=2**53)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Figure = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""A finite number."""
Temperature = Annotated[float, Meta(ge=1e-3, le=1e3)]


class ReadingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of a user's own data do not say themselves: settings of Config, too."""

    image_size: tuple[int, ...] = ()
    """Rows and columns to which pictures are resized; empty: all must be of one size."""
    grayscale: bool = False
    """Whether colours become grey levels."""
    images_key: str = ""
    """Key of the images in an .npz file; empty: one of the usual names."""
    labels_key: str = ""
    """Key of the labels in an .npz file, or the label column of a table; empty: a usual name."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Those among the settings of `Config.to_dict`."""
        return msgspec.convert(
            {name: settings[name] for name in cls.__struct_fields__ if name in settings}, cls
        )


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of training. Losses are means per sample in nats, accuracies fractions of 1.

    Training figures are taken on each batch before its update, with dropout and without the L2
    term; validation figures after the epoch, in evaluation mode.
    """

    epoch: Count
    """Counted from 1."""
    train_loss: Figure
    train_accuracy: Fraction
    val_loss: Figure | None
    """None, as the accuracy, where no image was held out for validation."""
    val_accuracy: Fraction | None
    l2_penalty: Figure
    """(λ/2)·‖θ‖² over the decayed parameters at the epoch's end, on the scale of the mean loss."""
    learning_rate: Figure
    """The rate of the epoch's last step."""
    train_seconds: Figure = 0.0
    """The training steps alone; 0 where it was not recorded, as in a model file."""
    seconds: Figure = 0.0
    """The whole epoch, validation included."""
    is_best: bool
    """Whether the validation figure is the best so far, and the weights are kept; without
    validation, every epoch."""


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord | None:
    """The record of the epoch whose weights were kept; None where no epoch was best."""
    return next((record for record in reversed(history) if record.is_best), None)


def is_validated(history: Sequence[EpochRecord]) -> bool:
    """Whether images were held out in these epochs, so that they have validation figures."""
    return any(record.val_loss is not None for record in history)


def validation_losses(history: Sequence[EpochRecord]) -> list[float]:
    """The validation losses of the epochs; none where nothing was held out."""
    return [record.val_loss for record in history if record.val_loss is not None]


def some_epochs(history: Sequence[EpochRecord], most: int) -> list[EpochRecord]:
    """`most` records at even intervals, the first and the last among them, and the best one."""
    if len(history) <= most:
        return list(history)
    positions = {round(i * (len(history) - 1) / (most - 1)) for i in range(most)}
    best = best_epoch(history)
    return [record for i, record in enumerate(history) if i in positions or record is best]


class ClassScore(msgspec.Struct, frozen=True, kw_only=True):
    """Precision, recall and F1 of one class. A ratio with a denominator of 0 is 0."""

    name: str
    precision: Fraction
    """Of the images predicted as this class, the fraction that belong to it."""
    recall: Fraction
    """Of the images of this class, the fraction predicted as it."""
    f1: Fraction
    support: Count
    """Images of this class."""


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """The images whose predicted class has a probability from `low` up to `high`."""

    low: Figure
    high: Figure
    count: Count
    confidence: Figure
    """Their mean probability of the predicted class; 0 without images."""
    accuracy: Fraction
    """The fraction of them predicted correctly; 0 without images."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a model on one part of a data set."""

    dataset: str
    part: str
    """`test`, `train` or `validation`."""
    n: Count
    """Images."""
    correct: Count
    accuracy: Fraction
    accuracy_interval: tuple[float, float]
    """95 % Wilson score interval of the accuracy (E. B. Wilson, JASA 22, 1927, 209-212)."""
    loss: Figure
    """Mean cross-entropy in nats."""
    temperature: Temperature
    """By which the logits are divided before softmax; 1 where none was fitted."""
    calibration_error: Figure
    """Expected calibration error, 15 equal bins of confidence (Guo et al., arXiv:1706.04599)."""
    uncalibrated_error: Figure
    """The same at temperature 1."""
    confusion_matrix: list[list[Count]]
    """Row: true class. Column: predicted class."""
    class_scores: list[ClassScore]
    weights: str
    """The weights evaluated: `best`, `last`, or the file's name."""


DiagnosisKind = Literal[
    "input scale", "identical units", "first loss", "learning rate", "no learning", "labels",
    "dead units", "saturation",
]  # fmt: skip
"""Causes before what follows from them."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Why a training will not learn well, found while it trained."""

    kind: DiagnosisKind
    epoch: Count
    """Counted from 1; 0 before the first step."""
    layer: Count
    """Counted from 1; 0 where it is not about one."""
    value: Figure
    usual: Figure
    """What it is in a healthy training, or the bound that it passed."""
    words: str
    """A sentence, with a remedy."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a training run: data, figures, build and machine."""

    dataset: str
    drawn: bool
    """Whether the images are `sketch`, drawn by Handstitch rather than photographed."""
    notice: str
    """Why the data are `sketch` although it was not asked for; else empty."""
    data_digest: str
    """SHA-256 of pixels and labels of the training part."""
    train_images: Count
    val_images: Count
    sizes: Annotated[list[Count], Meta(min_length=2)]
    """Units from the input to the output."""
    parameters: Count
    epochs: Count
    best_epoch: Count
    """Counted from 1; 0 before the first epoch is complete."""
    best_val_accuracy: Fraction | None
    best_val_loss: Figure | None
    """None, as the accuracy, where no image was held out."""
    temperature: Temperature = 1.0
    """Fitted to the validation images at the end of training; 1 before, or where none could be."""
    val_calibration_error: Figure = 0.0
    """Expected calibration error on the images that the temperature was fitted to; 0 before."""
    val_uncalibrated_error: Figure = 0.0
    """The same at temperature 1."""
    train_seconds: Figure
    """The training steps alone."""
    seconds: Figure
    threads: Count
    build: dict[str, str]
    """Versions and BLAS kernels: what decides the bits besides configuration and data."""
    processor: str
    validation_set: str = ""
    """Name of the data set that it was validated on, where that is another; else empty."""
    started_from: str = ""
    """Name of the model that the first weights are from; empty where they were drawn."""
    start_digest: str = ""
    """SHA-256 of the weights of that model."""
    class_weights: dict[str, Figure] = {}
    """Of each class in the training loss; empty where each is 1."""
    diagnoses: list[Diagnosis] = []
    """Of the training; a healthy one has none."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training run of a search: one candidate with one seed."""

    number: Count
    """In its search, counted from 0."""
    candidate: Count
    """Number of the candidate, counted from 0: its trials differ in their seed alone."""
    repeat: Count
    """Which of the candidate's seeds, counted from 0."""
    seed: int
    parameters: dict[str, Any]
    """The searched keys of Config and the candidate's values."""
    state: Literal["complete", "pruned", "failed"]
    history: list[EpochRecord]
    """Every epoch that was trained."""
    val_images: Count
    threads: Count
    seconds: Figure
    problem: str = ""
    """Why it failed."""
