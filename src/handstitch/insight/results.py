"""Results about a network's weights: plain typed records, ready for JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from handstitch.insight.initial_weights import Provenance
from handstitch.insight.permutation_test import Structure

LayerVerdict = Literal["as initialised", "moved", "learned"]
"""Equal to the initial weights or indistinguishable from random ones; changed, without visible
order; more ordered than chance."""


class LayerResult(Structure, frozen=True, kw_only=True):
    """Statistics of one linear layer. Shares and accuracies are fractions of 1."""

    layer: int
    """Counted from 1, at the pixels."""
    inputs: int
    outputs: int
    verdict: LayerVerdict
    unchanged: bool | None
    """Whether every weight is its initial one, bit for bit; None where those are unknown."""
    distance: float | None
    """‖W − W₀‖ / ‖W₀‖; None where W₀ is unknown."""
    share_below_0_1: float
    """Share of the weights with |w| ≤ 0.1."""
    initial_share_below_0_1: float
    """The same share of the initial distribution N(0, σ²)."""
    smallest: float
    largest: float
    largest_bias: float
    """The largest |b|; all are 0 at the start of a run."""
    spread: float
    """Standard deviation of the weights, divided by that of the initial ones or by their σ."""
    effective_rank: float
    """exp of the entropy of the singular values (Roy and Vetterli, EUSIPCO 2007)."""
    baseline_rank: float
    """Effective rank of the initial weights; where they are unknown, of the shuffled weights."""
    dead_units: int | None
    """Units with constant output; None for the last layer."""
    reset_accuracy: float | None
    """Validation accuracy with this layer alone reset to its initial weights and biases."""


class WeightsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a network learned or was only initialised, by layer and as a whole."""

    verdict: Literal["trained", "as initialised"]
    sizes: list[int]
    initial_weights: Provenance
    seed: int | None
    initialization: str
    copies: int
    """Shuffled copies of each layer."""
    images: str
    """A description of the images that `dead_units` were counted on."""
    validation_images: int
    """Number of images behind the accuracies."""
    val_accuracy: float | None
    decisive_layer: int | None
    """The layer whose reset clearly costs most; None where none does, or it is unknown."""
    layers: list[LayerResult]
    words: list[str]
    """The same in sentences, the verdict last."""
