"""Results about the weights: typed records, and sentences for readers without statistics."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from handstitch.insight.initial_weights import Provenance
from handstitch.insight.permutation_test import Structure

LayerVerdict = Literal["as initialised", "moved", "learned"]
"""Equal to the initial weights or indistinguishable from random ones; changed, without visible
order; more ordered than chance."""

OF_STATISTIC: Final = {
    "spectrum": "a few directions are stronger than all others",
    "rows": "some inputs have far larger weights than others",
    "columns": "some units have far larger weights than others",
    "row sums": "the weights of one input agree in sign",
    "column sums": "the weights of one unit agree in sign",
    "neighbours": "adjacent pixels have similar weights",
}
"""What a statistic of `insight.permutation_test` means where it stands out."""

_NEGLIGIBLE: Final = 0.02
"""Shares within ±0.1 that differ by less than this are called the same."""


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


def sentences(result: WeightsResult) -> list[str]:
    """The result in plain sentences: each layer, dead units, the decisive layer, the verdict."""
    layers = [f"{_learned(layer)} {_within(layer)}" for layer in result.layers]
    return [*layers, *_dead(result), *_decides(result), _verdict(result)]


def _learned(result: LayerResult) -> str:
    name = f"Layer {result.layer}"
    if result.unchanged:
        biases = f" Only its biases moved, by {result.largest_bias:.2g} at most."
        return f"{name} has its initial weights, bit for bit." + biases * (result.largest_bias > 0)
    if result.verdict == "as initialised":
        return f"{name} is indistinguishable from random weights."
    order = (
        f"{result.score:,.0f} standard deviations more ordered than shuffled copies "
        f"(mostly: {OF_STATISTIC[result.statistic]})"
    )
    if result.distance is None:
        return f"{name} learned: its weights are {order}."
    percent = "less than 0.1" if result.distance < 0.001 else f"{100 * result.distance:.3g}"
    moved = f"weights moved by {percent} % of their initial size"
    if result.verdict == "learned":
        return f"{name} learned: its {moved} and are {order}."
    return f"{name} moved: its {moved}, but are no more ordered than shuffled copies."


def _within(result: LayerResult) -> str:
    now, initial = result.share_below_0_1, result.initial_share_below_0_1
    is_same = abs(now - initial) < _NEGLIGIBLE
    return (
        f"{100 * now:.1f} % of its weights lie within ±0.1"
        f"{', which says nothing about learning:' if is_same else ';'} "
        f"at the start it is {100 * initial:.1f} %."
    )


def _dead(result: WeightsResult) -> list[str]:
    dead = ", ".join(
        f"{layer.dead_units:,} in layer {layer.layer}"
        for layer in result.layers
        if layer.dead_units
    )
    if dead:
        return [f"Dead units, constant over {result.images}: {dead}."]
    alive = f"No hidden unit is dead: each changes over {result.images}."
    return [alive] if len(result.layers) > 1 else []


def _decides(result: WeightsResult) -> list[str]:
    if result.val_accuracy is None or result.initial_weights != "confirmed":
        images = " and validation images" if result.val_accuracy is None else ""
        return [f"The decisive layer is unknown: finding it takes the initial weights{images}."]
    accuracies = [f"{layer.reset_accuracy:.4f}" for layer in result.layers]
    falls = (
        f"accuracy on the {result.validation_images:,} validation images falls from "
        f"{result.val_accuracy:.4f} to"
    )
    if result.decisive_layer is not None:
        decides = f"Layer {result.decisive_layer} decides most: with this layer alone reset to its"
        return [f"{decides} initial weights, {falls} {accuracies[result.decisive_layer - 1]}."]
    if result.verdict == "as initialised":
        return []
    with_layers = ", ".join(f"{value} with layer {n}" for n, value in enumerate(accuracies, 1))
    return [f"No layer clearly decides most: with one layer reset, {falls} {with_layers}."]


def _verdict(result: WeightsResult) -> str:
    changed = [layer.verdict for layer in result.layers if layer.verdict != "as initialised"]
    some = f"{len(changed)} of its {len(result.layers)} layers"
    why = {
        ("as initialised", True): f"These are the weights drawn from seed {result.seed}, bit for "
        "bit: this network was not trained.",
        ("as initialised", False): "The weights are indistinguishable from random numbers; any "
        "training was too short to show.",
        ("trained", True): f"{some} left their initial weights, and {changed.count('learned')} of "
        "them visibly learned.",
        ("trained", False): f"{some} show order that at most one untrained network in a hundred "
        "shows.",
    }[result.verdict, result.initial_weights == "confirmed"]
    return f"Verdict: {result.verdict}. {why}"
