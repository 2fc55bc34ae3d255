"""What training and testing say: plain typed records, ready for JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of training. Losses are means per sample in nats, accuracies fractions of 1.

    Training figures are taken on each batch before its update, with dropout as trained, and
    without the L2 term; validation figures after the epoch, in evaluation mode.
    """

    epoch: int
    """Counted from 1."""
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    l2_penalty: float
    """(λ/2)·‖θ‖² over the decayed parameters at the epoch's end, on the scale of the mean loss."""
    learning_rate: float
    """The rate of the epoch's last step."""
    train_seconds: float = 0.0
    """The training steps alone; 0 where nobody noted them, as in a model file."""
    seconds: float = 0.0
    """The whole epoch, validation included."""
    is_best: bool
    """Best validation figure so far: these weights are the ones kept."""


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord | None:
    """The record of the epoch whose weights were kept; None where no epoch was best."""
    return next((record for record in reversed(history) if record.is_best), None)


def some_epochs(history: Sequence[EpochRecord], most: int) -> list[EpochRecord]:
    """`most` records at even distances, the first and the last among them, and the best one."""
    if len(history) <= most:
        return list(history)
    shown = {round(place * (len(history) - 1) / (most - 1)) for place in range(most)}
    best = best_epoch(history)
    return [each for place, each in enumerate(history) if place in shown or each is best]


class ClassScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one class fared. A ratio with nothing below the line is 0."""

    name: str
    precision: float
    """Of the images called this, the fraction that are."""
    recall: float
    """Of the images that are this, the fraction found."""
    f1: float
    """Harmonic mean of the two."""
    support: int
    """Images of this class."""


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """The images whose predicted class has a probability from `low` up to `high`."""

    low: float
    high: float
    count: int
    """Images."""
    confidence: float
    """Their mean probability of the predicted class; 0 without images."""
    accuracy: float
    """The fraction of them that is right; 0 without images."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A model measured on a data set it was not trained on."""

    dataset: str
    part: str
    """`test`, `train` or `validation`."""
    n: int
    """Images."""
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """95 % Wilson score interval of the accuracy (E. B. Wilson, JASA 22, 1927, 209-212)."""
    loss: float
    """Mean cross-entropy in nats."""
    calibration_error: float
    """Expected calibration error, 15 equal bins of confidence (Guo et al., arXiv:1706.04599)."""
    confusion_matrix: list[list[int]]
    """Row: true class. Column: predicted class."""
    class_scores: list[ClassScore]
    weights: str
    """Which weights: `best`, `last`, or the file's name."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a training run, on which data, build and machine."""

    dataset: str
    drawn: bool
    """Whether the images are `sketch`, drawn by Handstitch: not photographs of anything."""
    notice: str
    """Why the data are `sketch` although nobody asked for it; else empty."""
    data_digest: str
    """SHA-256 of pixels and labels of the training part."""
    train_images: int
    val_images: int
    sizes: list[int]
    """Units from the input to the output."""
    parameters: int
    epochs: int
    best_epoch: int
    """Counted from 1; 0 before the first epoch is over."""
    best_val_accuracy: float
    best_val_loss: float
    train_seconds: float
    """The training steps alone."""
    seconds: float
    threads: int
    build: dict[str, str]
    """Versions and BLAS kernels: what decides the bits besides configuration and data."""
    processor: str


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training run of a search: one candidate with one seed."""

    number: int
    """In its search, counted from 0."""
    candidate: int
    """Number of the candidate, counted from 0: its trials differ in their seed alone."""
    repeat: int
    """Which of the candidate's seeds, counted from 0."""
    seed: int
    parameters: dict[str, Any]
    """The searched keys of Config and the candidate's values."""
    state: Literal["complete", "pruned", "failed"]
    history: list[EpochRecord]
    """Every epoch that was trained."""
    val_images: int
    threads: int
    seconds: float
    problem: str = ""
    """Why it failed."""
