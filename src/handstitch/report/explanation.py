"""Explanations of answers: pictures and words of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from handstitch import figures
from handstitch.arrays import Matrix
from handstitch.insight import REGIONS, Explanation
from handstitch.report.languages import Words, translations
from handstitch.report.pictures import Picture, data_uri

_NAMED: Final = 2
"""Regions named for either class."""


class Reason(NamedTuple):
    """An explanation for a page."""

    name: str
    pictures: tuple[Picture, Picture]
    """The image, and its signed map."""
    against: str
    lines: tuple[str, ...]
    """What adds up, and where it speaks for which class."""
    changed: tuple[Picture, ...]
    """The changed image and the change; none where no change was found."""
    change: str


def reasons(
    explained: Iterable[Explanation], class_names: Sequence[str], names: Iterable[str], said: Words
) -> list[Reason]:
    """The explanations, with the name of each image."""
    other = translations(class_names, said)
    shown = [other.get(name, name) for name in class_names]
    return [_reason(*each, shown, said) for each in zip(explained, names, strict=True)]


def _reason(each: Explanation, name: str, class_names: Sequence[str], said: Words) -> Reason:
    text, change = said.explain, each.change
    pair = {"answer": class_names[each.answer], "rival": class_names[each.rival]}
    total = {"pixels": each.contributions.sum(), "bias": each.bias, "total": each.log_odds}
    lines = [text["sum"].format(**total).replace("-", "−")]
    places = [text["regions"][place] for line in REGIONS for place in line]
    for who, sign in (("answer", 1), ("rival", -1)):
        values = sign * each.regions.ravel()
        order = np.argsort(-values, kind="stable")[:_NAMED]
        where = ", ".join(f"{places[n]} {values[n]:.2f}" for n in order if values[n] > 0)
        if where:
            lines.append(text["most"].format(name=pair[who], where=where))
    changed: tuple[Picture, ...] = ()
    if change is not None and (difference := each.difference) is not None:
        changed = (
            Picture(data_uri(figures.thumbnail(change.image)), text["changed_alt"]),
            Picture(data_uri(_signed(difference)), text["change_alt"]),
        )
    return Reason(
        name=name,
        pictures=(
            Picture(data_uri(figures.thumbnail(each.image)), name),
            Picture(data_uri(_signed(each.contributions)), text["map_alt"].format(**pair)),
        ),
        against=text["against"].format(**pair),
        lines=tuple(lines),
        changed=changed,
        change=text["no_change"]
        if change is None
        else text["change"].format(
            **change._asdict() | {"answer": class_names[change.answer]},
            p=f"{100 * change.probability:.1f} %",
        ),
    )


def _signed(values: Matrix) -> bytes:
    """The PNG file of a map, on its own scale."""
    return figures.signed_png(values, figures.colour_limit(values))
