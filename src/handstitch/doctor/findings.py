"""Findings of an examination: plain typed structs, ready for JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["exact", "near"]
Skipped = Literal["near features", "near alike", "labels", "drift"]
"""What could not be examined: near duplicates among features, or among samples that are nearly all
alike; labels of too few samples or classes; drift between parts of too few samples."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sample, and where it is."""

    part: str
    position: int
    """In its part, counted from 0."""
    label: str
    """The name of its class."""
    file: str = ""
    """Its path within the data set, printable, where each sample has a file."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Samples that are the same, or nearly."""

    kind: Kind
    similarity: float
    """The lowest correlation of a pair that joins the group; 1 where they are the same."""
    is_across: bool
    """Whether it has samples of several parts."""
    labels_differ: bool
    samples: tuple[Sample, ...]


class GroupCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many groups of a kind there are, whether they are listed or not."""

    groups: int
    samples: int
    """In all of them."""
    leaked: int
    """Samples of other parts with a duplicate of this kind in training."""
    labels_differ: int
    """Groups of more than one class."""


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A sample whose label the networks contradict."""

    sample: Sample
    self_confidence: float
    """Predicted probability of its label."""
    suggested: str
    """The class with the highest probability, besides its own."""
    confidence: float
    """The probability of that class."""
    is_counted: bool
    """Whether it is among the confident contradictions."""


class PartLabels(msgspec.Struct, frozen=True, kw_only=True):
    """Likely label errors of one part."""

    part: str
    contradictions: int
    """Samples that the networks confidently take for another class than their label's."""
    thresholds: dict[str, float]
    """Class → the mean self-confidence of its samples, from which on a prediction is confident."""
    suspects: tuple[Suspect, ...]
    """The least probable labels first."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether another part can be told from training."""

    part: str
    samples: int
    """Judged, half of them of each part."""
    auc: float
    """Probability that a sample of that part looks more like it than one of training does."""
    auc_deviation: float
    """Standard deviation of the AUC around 0.5 where both parts are of one source."""
    auc_p: float
    """Probability of an AUC as high as this where they are."""
    classes_p: float | None
    """Probability of class counts as different as these where they are; None with one class."""


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the data set."""

    part: str
    images: int
    counts: dict[str, int]
    balance: float
    """The rarest class by the most frequent one; 1 is perfectly even."""
    constant: int
    """Samples whose numbers are all the same, or within 4 grey levels."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found in a data set."""

    dataset: str
    title: str
    location: str
    seed: int
    folds: int
    parts: tuple[PartFacts, ...]
    constant: tuple[Sample, ...]
    duplicates: dict[Kind, GroupCounts]
    groups: tuple[Group, ...]
    labels: tuple[PartLabels, ...]
    drift: tuple[Drift, ...]
    skipped: tuple[Skipped, ...]
