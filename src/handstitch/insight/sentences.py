"""The findings in plain sentences, which take no knowledge of statistics."""

from __future__ import annotations

from typing import Final

from handstitch.insight.findings import LayerFindings, WeightsReport

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


def of(report: WeightsReport) -> list[str]:
    """All but the first, which is the origin's: each layer, which decides, the verdict."""
    return [
        *[_layer(each) for each in report.layers],
        *_dead(report),
        *_decides(report),
        _verdict(report),
    ]


def _layer(found: LayerFindings) -> str:
    return " ".join([_learned(found), *_within(found)])


def _learned(found: LayerFindings) -> str:
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


def _within(found: LayerFindings) -> list[str]:
    now, then = found.within_tenth, found.within_tenth_initially
    share = f"{_share(now)} of its weights lie within ±0.1"
    if abs(now - then) < _SAYS_NOTHING:
        return [f"{share}, which says nothing of learning: at the start it is {_share(then)}."]
    return [f"{share}; at the start it is {_share(then)}."]


def _share(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _dead(report: WeightsReport) -> list[str]:
    dead = [(each.layer, each.dead_units) for each in report.layers if each.dead_units]
    if not any(each.dead_units is not None for each in report.layers):
        return []
    if not dead:
        return [f"No hidden unit is dead: each changes over {report.images}."]
    listed = ", ".join(f"{count:,} in layer {layer}" for layer, count in dead)
    return [f"Dead units, the same on every one of {report.images}: {listed}."]


def _decides(report: WeightsReport) -> list[str]:
    if report.val_accuracy is None:
        return [
            "Which layer decides is left out: that takes initial weights and validation images."
        ]
    backs = {each.layer: each.accuracy_put_back for each in report.layers}
    measured = (
        f"accuracy on the {report.validation_images:,} validation images falls from "
        f"{report.val_accuracy:.4f}"
    )
    if any(back is None for back in backs.values()):
        return ["Which layer decides is left out: it takes the initial weights."]
    if report.decisive_layer is not None:
        layer = f"Layer {report.decisive_layer} decides most"
        then = f"{measured} to {backs[report.decisive_layer]:.4f}"
        return [f"{layer}: when it alone gets its initial weights back, {then}."]
    if report.verdict == "as initialised":
        return []
    falls = ", ".join(f"{back:.4f} with layer {layer}" for layer, back in backs.items())
    none = "No layer clearly decides most: when one gets its initial weights back"
    return [f"{none}, {measured} to {falls}."]


def _verdict(report: WeightsReport) -> str:
    changed = [each for each in report.layers if each.verdict != "as initialised"]
    layers = f"{len(changed)} of its {len(report.layers)} layers"
    if report.initial_weights == "confirmed":
        if report.verdict == "as initialised":
            return (
                f"Verdict: as initialised. These are the weights that seed {report.seed} draws, "
                "bit for bit: this network was not trained."
            )
        learned = sum(each.verdict == "learned" for each in changed)
        return (
            f"Verdict: trained. {layers} left their initial weights, and {learned} of them "
            "visibly learned."
        )
    if report.verdict == "as initialised":
        return (
            "Verdict: as initialised. Nothing tells these weights from numbers drawn at random; "
            "if the network was trained, it was too little to be seen."
        )
    return (
        f"Verdict: trained. {layers} show order that at most one untrained network in a hundred "
        "shows."
    )
