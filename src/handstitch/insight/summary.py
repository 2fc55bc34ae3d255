"""The findings in plain sentences, which take no knowledge of statistics."""

from __future__ import annotations

from typing import Final

from handstitch.insight.results import LayerResult, WeightsResult

OF_STATISTIC: Final = {
    "spectrum": "a few directions are stronger than all others",
    "rows": "some inputs have far larger weights than others",
    "columns": "some units have far larger weights than others",
    "row sums": "the weights of one input agree in sign",
    "column sums": "the weights of one unit agree in sign",
    "neighbours": "pixels side by side are weighted alike",
}
"""What it means that a statistic of `insight.structure` stands out."""

_SAYS_NOTHING: Final = 0.02
"""Shares within ±0.1 that differ by less than this are called the same."""


def of(report: WeightsResult) -> list[str]:
    """All but the first, which is the origin's: each layer, which decides, the verdict."""
    return [
        *[f"{_learned(each)} {_within(each)}" for each in report.layers],
        *_dead(report),
        *_decides(report),
        _verdict(report),
    ]


def _learned(found: LayerResult) -> str:
    name = f"Layer {found.layer}"
    order = (
        f"{found.score:,.0f} standard deviations more ordered than shuffled copies "
        f"(mostly: {OF_STATISTIC[found.statistic]})"
    )
    if found.unchanged:
        biases = f" Only its biases moved, by {found.largest_bias:.2g} at most."
        return f"{name} has its initial weights, bit for bit." + biases * (found.largest_bias > 0)
    if found.verdict == "as initialised":
        return f"{name} cannot be told from weights drawn at random."
    if found.distance is None:
        return f"{name} learned: its weights are {order}."
    moved = f"weights moved by {_percent(found.distance)} of their initial size"
    if found.verdict == "learned":
        return f"{name} learned: its {moved} and are {order}."
    return f"{name} moved: its {moved}, but their order is no more than that of shuffled ones."


def _percent(fraction: float) -> str:
    return "less than 0.1 %" if fraction < 0.001 else f"{100 * fraction:.3g} %"


def _within(found: LayerResult) -> str:
    now, then = found.share_below_0_1, found.initial_share_below_0_1
    link = ", which says nothing of learning:" if abs(now - then) < _SAYS_NOTHING else ";"
    start = f"at the start it is {100 * then:.1f} %"
    return f"{100 * now:.1f} % of its weights lie within ±0.1{link} {start}."


def _dead(report: WeightsResult) -> list[str]:
    if len(report.layers) == 1:
        return []
    dead = [
        f"{each.dead_units:,} in layer {each.layer}" for each in report.layers if each.dead_units
    ]
    if not dead:
        return [f"No hidden unit is dead: each changes over {report.images}."]
    return [f"Dead units, the same on every one of {report.images}: {', '.join(dead)}."]


def _decides(report: WeightsResult) -> list[str]:
    left_out = "Which layer decides is left out:"
    if report.val_accuracy is None:
        return [f"{left_out} that takes initial weights and validation images."]
    if report.initial_weights != "confirmed":
        return [f"{left_out} it takes the initial weights."]
    falls = (
        f"accuracy on the {report.validation_images:,} validation images falls from "
        f"{report.val_accuracy:.4f} to"
    )
    backs = [f"{each.reset_accuracy:.4f}" for each in report.layers]
    if report.decisive_layer is not None:
        decides = f"Layer {report.decisive_layer} decides most: when it alone gets its initial"
        return [f"{decides} weights back, {falls} {backs[report.decisive_layer - 1]}."]
    if report.verdict == "as initialised":
        return []
    each = ", ".join(f"{back} with layer {layer}" for layer, back in enumerate(backs, 1))
    none = "No layer clearly decides most: when one gets its initial weights back"
    return [f"{none}, {falls} {each}."]


def _verdict(report: WeightsResult) -> str:
    known = report.initial_weights == "confirmed"
    if report.verdict == "as initialised":
        why = (
            f"These are the weights that seed {report.seed} draws, bit for bit: this network was "
            "not trained."
            if known
            else "Nothing tells these weights from numbers drawn at random; if the network was "
            "trained, it was too little to be seen."
        )
        return f"Verdict: as initialised. {why}"
    changed = [each.verdict for each in report.layers if each.verdict != "as initialised"]
    why = (
        f"left their initial weights, and {changed.count('learned')} of them visibly learned."
        if known
        else "show order that at most one untrained network in a hundred shows."
    )
    return f"Verdict: trained. {len(changed)} of its {len(report.layers)} layers {why}"
