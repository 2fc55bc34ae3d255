"""What is found out about a network's weights: plain typed records, ready for JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from handstitch.insight.initial_weights import Standing
from handstitch.insight.permutation_test import Structure

LayerVerdict = Literal["as initialised", "moved", "learned"]
"""Its initial weights, or nothing that tells it from them; changed but without visible order;
changed or drawn otherwise than by chance."""


class LayerResult(Structure, frozen=True, kw_only=True):
    """One linear layer, its order included. Shares and accuracies are fractions of 1."""

    layer: int
    """Counted from 1, the one at the pixels."""
    inputs: int
    outputs: int
    verdict: LayerVerdict
    unchanged: bool | None
    """Whether every weight is its initial one, bit for bit; None where those are not known."""
    distance: float | None
    """‖W − W₀‖ / ‖W₀‖; None where W₀ is not known."""
    share_below_0_1: float
    """Share of the weights with |w| ≤ 0.1."""
    initial_share_below_0_1: float
    """The same of the initial distribution N(0, σ²)."""
    smallest: float
    largest: float
    largest_bias: float
    """The largest |b|; all are 0 at the start of a run."""
    spread: float
    """Standard deviation of the weights by that of the initial ones, or by their σ."""
    effective_rank: float
    """exp of the entropy of the singular values (Roy and Vetterli, EUSIPCO 2007)."""
    baseline_rank: float
    """Of the initial weights, or where they are not known of the layer's shuffled weights."""
    dead_units: int | None
    """Units that give the same on every image; None for the last layer."""
    reset_accuracy: float | None
    """Validation accuracy when this layer alone has its initial weights and biases again."""


class WeightsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a network learned or was only initialised, layer by layer and as a whole."""

    verdict: Literal["trained", "as initialised"]
    sizes: list[int]
    initial_weights: Standing
    seed: int | None
    initialization: str
    copies: int
    """Shuffled copies of each layer."""
    images: str
    """What `dead_units` were sought on."""
    validation_images: int
    """What accuracies were measured on; 0 where there are none."""
    val_accuracy: float | None
    decisive_layer: int | None
    """The layer whose return costs clearly the most; None where none does, or nobody knows."""
    layers: list[LayerResult]
    words: list[str]
    """The same in sentences, the verdict last."""
