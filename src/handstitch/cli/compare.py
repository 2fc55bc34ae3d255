"""handstitch compare."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Dataset, Json, Language, Weights
from handstitch.errors import printable

if TYPE_CHECKING:
    from handstitch.comparison import Comparison, Example, Pair, Side
    from handstitch.report.languages import Words

_SHOWN: Final = 5
"""Images of each kind in the terminal; the page has more."""
_LONGEST: Final = 18
"""Characters of a class name or a value in a table of 80 columns."""


def compare(
    *paths: Annotated[
        Path,
        Parameter(help="run, folder of runs, search, its candidate SEARCH:NUMBER, or model file"),
    ],
    weights: Weights = "best",
    out: Annotated[
        Path | None, Parameter(metavar="FILE", help="page with the images to write (.html)")
    ] = None,
    lang: Language = "en",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Compare networks, image by image and seed by seed.

    The first is the one that others are compared with. Runs that differ in their seed alone are
    one side, compared over its seeds; a folder of runs is one, too. By image the test is McNemar's,
    by seed Student's.

    The images are those held out for validation, where all held out the same ones; otherwise, and
    where all were tested before, the test images, which is recorded as handstitch test does.
    """
    import msgspec

    from handstitch import comparison, report, storage
    from handstitch.report.languages import words

    if out is not None:
        output.require_page(out)
    compared = comparison.compare(paths, weights, dataset=dataset, data_dir=data_dir)
    found, said = compared.comparison, words("en")
    if out is not None:
        page = report.page_of_comparison(compared, lang).encode()
        storage.write(out, page, durable=False)
    lines = report.sentences_of_comparison(found, said)
    if json:
        output.print_json(
            msgspec.to_builtins(found) | {"words": lines, "page": None if out is None else str(out)}
        )
        return
    _print_sides(found)
    for pair in found.pairs:
        _print_pair(pair)
    _print_settings(found, said)
    for line in lines:
        print()
        print(textwrap.fill(printable(line), output.console().width, break_on_hyphens=False))
    if out is not None:
        print()
        output.print_page(out)


def _print_sides(found: Comparison) -> None:
    drawn = " (drawn by Handstitch, not photographs)" if found.dataset == "sketch" else ""
    print(f"Data: {printable(found.dataset)}{drawn}, {found.images:,} {found.part} images\n")
    for side in found.sides:
        print(f"{side.letter}  {printable(side.name)}{_seeds(side)}")
    output.print_table(
        ("", "accuracy", "95 % interval"),
        (
            (
                side.letter,
                f"{side.mean:.4f}",
                "{:.4f} to {:.4f}".format(*side.interval) if side.interval else "–",
            )
            for side in found.sides
        ),
        "Accuracy",
    )


def _seeds(side: Side) -> str:
    """The seeds of a side, in brackets."""
    from handstitch.report.comparison_sentences import seed_ranges

    seeds = seed_ranges(side.seeds)
    return f" (seed{'s' * (len(side.seeds) > 1)} {seeds})" if seeds else ""


def _print_pair(pair: Pair) -> None:
    from handstitch.report.comparison_sentences import signed, small

    first, second = pair.first, pair.second
    if pair.by_image:
        output.print_table(
            (
                "seed", "both", f"{first} alone", f"{second} alone", "neither",
                f"{second} − {first}", "interval", "p",
            ),
            (
                (
                    "–" if one.seed is None else str(one.seed),
                    *(f"{count:,}" for count in (one.both, one.lost, one.won, one.neither)),
                    signed(one.difference),
                    " to ".join(map(signed, one.interval)),
                    small(one.p).removeprefix("= "),
                )
                for one in pair.by_image
            ),
            f"{second} and {first} by image: images that are right, difference in points",
        )  # fmt: skip
    of_seed = f", seed {pair.by_image[0].seed}" if len(pair.by_image) > 1 else ""
    for one in pair.by_image[:1]:
        for letter, examples, count in (
            (second, one.examples_won, one.won),
            (first, one.examples_lost, one.lost),
        ):
            if examples:
                shown = examples[:_SHOWN]
                output.print_table(
                    ("image", "label", f"{first} says", f"{second} says"),
                    map(_example, shown),
                    f"Only {letter} is right: {len(shown)} of {count:,}{of_seed}",
                    words=4,
                )


def _example(example: Example) -> tuple[str, ...]:
    answers = zip(example.answers, example.probabilities, strict=True)
    return (
        str(example.position),
        output.shortened(example.label, _LONGEST),
        *(f"{output.shortened(answer, _LONGEST)} {p:.2f}" for answer, p in answers),
    )


def _print_settings(found: Comparison, said: Words) -> None:
    if not found.settings:
        print(f"\n{said.comparison['same_settings']}")
        return
    output.print_table(
        ("setting", *(side.letter for side in found.sides)),
        ((row.name, *map(_value, row.values)) for row in found.settings),
        "Settings that differ",
        words=1 + len(found.sides),
    )


def _value(value: object) -> str:
    from handstitch.config.messages import format_value

    return "–" if value is None else output.shortened(format_value(value), _LONGEST)
