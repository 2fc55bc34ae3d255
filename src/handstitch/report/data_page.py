"""The page of a data set's examination: findings, with the pictures that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from handstitch import figures
from handstitch._version import __version__
from handstitch.data.dataset import Dataset
from handstitch.doctor.findings import Findings, Sample, Suspect
from handstitch.report.languages import Lang, Words, translations, words
from handstitch.report.page import environment
from handstitch.report.pictures import data_uri

_SUSPECTS: Final = {"train": 96}
"""Suspects of a part whose pictures are shown; 36 of any other."""
_ROWS: Final = 600
"""Suspects of a part in the table."""
_GROUPS: Final = 30
_OF_GROUP: Final = 8
_CONSTANT: Final = 12


def page_of_data(found: Findings, parts: Sequence[Dataset], lang: Lang = "en") -> str:
    """The page as HTML, without scripts and external resources; `parts` are those examined.

    Features have no pictures. Names in it are untrusted, and escaped as in `page`.
    """
    said = words(lang)
    names: dict[str, str] = said.doctor["parts"]
    classes = translations(found.parts[0].counts, said)
    suspects = [
        (
            part,
            part.suspects[: _SUSPECTS.get(part.part, 36)],
            [_row(each, names, classes) for each in part.suspects[:_ROWS]],
        )
        for part in found.labels
    ]
    groups, constant = found.groups[:_GROUPS], found.constant[:_CONSTANT]
    shown = chain(
        (each.sample for _, some, _ in suspects for each in some),
        (sample for group in groups for sample in group.samples[:_OF_GROUP]),
        constant,
    )
    return (
        environment()
        .get_template("data.html")
        .render(
            w=said,
            found=found,
            version=__version__,
            title=said.doctor["title"].format(dataset=found.title),
            parts=names,
            class_names=classes,
            pictures=dict(_pictures(shown, parts)),
            percent=_percent,
            overview=_overview(found, said),
            suspects=suspects,
            kinds=[
                (
                    said.doctor["kinds"][kind],
                    *map(_count, (each.groups, each.samples, each.leaked, each.labels_differ)),
                )
                for kind, each in found.duplicates.items()
            ],
            groups=groups,
            all_groups=sum(each.groups for each in found.duplicates.values()),
            most_of_group=_OF_GROUP,
            constant=constant,
            drift=[
                (
                    names[each.part],
                    f"{each.auc:.3f}",
                    f"0.500 ± {each.auc_deviation:.3f}",
                    f"{each.auc_p:.2g}",
                    "–" if each.classes_p is None else f"{each.classes_p:.2g}",
                )
                for each in found.drift
            ],
            class_columns=[said.doctor["class"], *(names[part.part] for part in found.parts)],
            classes=[
                (classes.get(name, name), *(_count(part.counts[name]) for part in found.parts))
                for name in found.parts[0].counts
            ],
        )
    )


def _overview(found: Findings, said: Words) -> list[tuple[str, str]]:
    """What was found, as a line for each kind."""
    rows, kinds = said.doctor["overview_rows"], found.duplicates
    contradicted = {part.part: part.contradictions for part in found.labels}
    drifted = {each.part: each.auc for each in found.drift}
    names = said.doctor["parts"]

    def of_parts(numbers: dict[str, Any], form: str) -> str:
        return ", ".join(f"{names[part]} {number:{form}}" for part, number in numbers.items())

    sizes = {part.part: part.images for part in found.parts}
    lines = [
        (rows["samples"], of_parts(sizes, ",")),
        (rows["labels"], of_parts(contradicted, ",")),
        (rows["exact"], _count(kinds["exact"].groups)),
        (rows["near"], _count(kinds["near"].groups)),
        (rows["leaked"], " + ".join(_count(each.leaked) for each in kinds.values())),
        (rows["constant"], _count(sum(part.constant for part in found.parts))),
        (rows["balance"], of_parts({part.part: part.balance for part in found.parts}, ".3f")),
        (rows["drift"], of_parts(drifted, ".3f")),
    ]
    return [(name, value) for name, value in lines if value]


def _row(suspect: Suspect, names: dict[str, str], classes: dict[str, str]) -> tuple[str, ...]:
    sample = suspect.sample
    return (
        f"{names[sample.part]} {sample.position}",
        sample.file or "–",
        classes.get(sample.label, sample.label),
        classes.get(suspect.suggested, suspect.suggested),
        f"{suspect.self_confidence:.4f}",
        f"{suspect.confidence:.4f}",
    )


def _pictures(
    samples: Iterator[Sample], parts: Sequence[Dataset]
) -> Iterator[tuple[tuple[str, int], str]]:
    """(part, position) → data: URI, of samples that are images."""
    named = {part.part: part.images for part in parts}
    for sample in samples:
        images = named[sample.part]
        if images.ndim > 2:
            picture = data_uri(figures.thumbnail(images[sample.position]))
            yield (sample.part, sample.position), picture


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(p: float) -> str:
    """A probability with two digits that count: 0.03 %, and never 0 or 100 % unless it is that."""
    if 0 < p < 0.0001:
        return "< 0.01 %"
    return "> 99.99 %" if 0.9999 < p < 1 else f"{100 * p:.3g} %"
