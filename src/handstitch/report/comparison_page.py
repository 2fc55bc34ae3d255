"""The page of a comparison: verdict, differences with their intervals, images won and lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Any, Final, NamedTuple

from handstitch import figures
from handstitch._version import __version__
from handstitch.arrays import Images
from handstitch.comparison import ByImage, BySeed, Compared, Comparison, Example, Pair, Side
from handstitch.config.messages import format_value
from handstitch.report.comparison_sentences import seed_ranges, sentences, signed, small
from handstitch.report.languages import Lang, Words, translations, words
from handstitch.report.page import environment
from handstitch.report.pictures import data_uri

_PICTURES: Final = 12
"""Of the images that are won, and of those that are lost."""
_TICKS: Final = 5
"""Most intervals between the numbers of an axis."""


class DotRow(NamedTuple):
    """A difference in the chart; places are percent of the axis."""

    label: str
    value: str
    interval: str
    is_different: bool
    low: float
    dot: float
    high: float


def page_of_comparison(compared: Compared, lang: Lang = "en") -> str:
    """The page as HTML, without scripts and external resources.

    Names in it are untrusted, and escaped as in `page`.
    """
    found, said = compared.comparison, words(lang)
    text = said.comparison
    rows, zero, ticks = _dots(found, said)
    own = next((data.class_names for data in compared.data.values()), ())
    classes = translations(own, said)
    lines = sentences(found, said)
    names = [
        f"{side.letter} {name}"
        for side, name in zip(found.sides, _short([side.name for side in found.sides]), strict=True)
    ]
    return (
        environment()
        .get_template("comparison.html")
        .render(
            w=said,
            found=found,
            class_names=classes,
            version=__version__,
            title=text["title"].format(names=" · ".join(names)),
            verdicts=lines,
            headline=_headline(found, rows),
            rows=rows,
            zero=zero,
            ticks=ticks,
            sides=[
                (
                    f"{side.letter} {_place(side.name)}{_seeds(side, said)}",
                    f"{side.mean:.4f}",
                    "{:.4f} – {:.4f}".format(*side.interval) if side.interval else "–",
                )
                for side in found.sides
            ],
            by_seed=[(pair, [_seed_row(one) for one in pair.by_image]) for pair in found.pairs],
            examples=[
                _examples(pair, compared, classes, said) for pair in found.pairs if pair.by_image
            ],
            settings_columns=[
                text["settings_column"],
                *(side.letter for side in found.sides),
            ],
            settings=[
                (
                    row.name,
                    *(text["unknown"] if v is None else format_value(v) for v in row.values),
                )
                for row in found.settings
            ],
        )
    )


def _short(names: Sequence[str]) -> list[str]:
    """The last parts of these paths, as many as tell them apart."""
    parts = [Path(name).parts for name in names]
    lengths = range(1, max(map(len, parts)) + 1)
    endings = [["/".join(each[-count:]) for each in parts] for count in lengths]
    return next((each for each in endings if len({*each}) == len(each)), endings[-1])


def _seeds(side: Side, said: Words) -> str:
    """The seeds of a side, in brackets."""
    seeds = seed_ranges(side.seeds)
    form = said.comparison["seeds" if len(side.seeds) > 1 else "seed"]
    return str(form).format(seeds=seeds) if seeds else ""


def _place(name: str) -> str:
    """A path without the folders above this one: a page never shows where somebody's home is."""
    path = Path(name)
    if not path.is_absolute():
        return name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name)


def _headline(found: Comparison, rows: Sequence[DotRow]) -> DotRow | None:
    """The one difference there is to say; None of several pairs."""
    return rows[0] if len(found.pairs) == 1 and rows else None


def _seed_row(found: ByImage) -> tuple[str, ...]:
    return (
        "–" if found.seed is None else str(found.seed),
        f"{found.lost:,}",
        f"{found.won:,}",
        signed(found.difference),
        small(found.p).removeprefix("= "),
    )


def _dots(found: Comparison, said: Words) -> tuple[list[DotRow], float, list[tuple[float, str]]]:
    """(rows of the chart, place of 0, places and texts of the numbers on its axis)."""
    drawn = [
        (label, each.difference, each.interval, bool(each.is_different))
        for pair in found.pairs
        for label, each in _labelled(pair, said)
        if each.interval is not None
    ]
    ends = [0.0, *(100 * end for _, _, interval, _ in drawn for end in interval)]
    step = _step((max(ends) - min(ends)) or 1.0)
    first, last = floor(min(ends) / step), ceil(max(ends) / step)
    width = (last - first) * step

    def place(points: float) -> float:
        return round(100 * (points - first * step) / width, 3)

    rows = [
        DotRow(
            label,
            signed(difference),
            said.comparison["interval"].format(low=signed(low), high=signed(high)),
            is_different,
            place(100 * low),
            place(100 * difference),
            place(100 * high),
        )
        for label, difference, (low, high), is_different in drawn
    ]
    digits = max(0, -floor(log10(step)))
    ticks = [
        (place(at * step), f"{at * step:+.{digits}f}".replace("-", "−") if at else "0")
        for at in range(first, last + 1)
    ]
    return rows, place(0.0), ticks


def _labelled(pair: Pair, said: Words) -> Iterator[tuple[str, ByImage | BySeed]]:
    """The differences of a pair, with their labels; that over the seeds first."""
    forms: dict[str, str] = said.comparison["chart_row"]
    letters = {"first": pair.first, "second": pair.second}
    if (over := pair.by_seed) is not None:
        form = forms["paired" if over.is_paired else "unpaired"]
        yield form.format(**letters, n=over.seeds[0], m=over.seeds[1]), over
    for one in pair.by_image:
        form = forms["seed" if len(pair.by_image) > 1 else "image"]
        yield form.format(**letters, seed=one.seed), one


def _step(width: float) -> float:
    """1, 2 or 5 times a power of ten, so that `width` has at most _TICKS steps."""
    power = float(10 ** floor(log10(width / _TICKS)))
    return next(power * k for k in (1, 2, 5, 10) if width / (power * k) <= _TICKS)


def _examples(
    pair: Pair, compared: Compared, classes: dict[str, str], said: Words
) -> list[tuple[Any, ...]]:
    """(heading, lead, [(example, picture, answers)]) of the images won, and of those lost."""
    text, one = said.comparison, pair.by_image[0]
    images = compared.data[one.seed].images
    letters = {"first": pair.first, "second": pair.second}
    kinds = (
        ("won", one.won, one.examples_won[:_PICTURES]),
        ("lost", one.lost, one.examples_lost[:_PICTURES]),
    )
    return [
        (
            text[kind]["heading"].format(**letters),
            text[kind]["lead"].format(**letters, n=count, shown=len(examples)),
            [
                (example, _picture(images, example), _answers(pair, example, classes, said))
                for example in examples
            ],
        )
        for kind, count, examples in kinds
    ]


def _picture(images: Images, example: Example) -> str:
    """A data: URI; empty for features, which cannot be drawn."""
    return "" if images.ndim < 3 else data_uri(figures.thumbnail(images[example.position]))


def _answers(
    pair: Pair, example: Example, classes: dict[str, str], said: Words
) -> list[tuple[str, bool]]:
    """(what each side answers, whether it is right)."""
    return [
        (
            said.comparison["answer"].format(
                letter=letter, answer=classes.get(answer, answer), p=f"{p:.2f}"
            ),
            answer == example.label,
        )
        for letter, answer, p in zip(
            (pair.first, pair.second), example.answers, example.probabilities, strict=True
        )
    ]
