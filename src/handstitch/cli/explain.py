"""Explanations of predictions in a terminal of 80 columns, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.cli import output
from handstitch.cli.output import percent
from handstitch.errors import printable

if TYPE_CHECKING:
    from pathlib import Path

    from handstitch.arrays import Images
    from handstitch.insight import Explanation
    from handstitch.model.classifier import Classifier
    from handstitch.report import Lang

_WIDE: Final = 34
"""Characters across a picture: two stand side by side."""
_LEVELS: Final = (0.05, 0.2, 0.45, 0.75)
"""Shares of the strongest cell from which a shade stands."""
_SHADES: Final = "░▒▓█"
_PLAIN: Final = ".:*#"
"""Shades where the terminal has no blocks."""
_GREYS: Final = " .:-=+*#%@"
_SHOWN: Final = 0.25
"""Share of the strongest change from which a change is drawn."""
_NAME: Final = 15


def present(
    classifier: Classifier,
    images: Images,
    answers: Sequence[dict[str, Any]],
    facts: dict[str, Any],
    *,
    out: Path | None,
    lang: Lang,
    json: bool,
) -> None:
    """Print the explanation of each answer, as `predict` has it; and write the page, if asked."""
    from handstitch import insight, report, storage

    explained = list(insight.explain(classifier.model, images))
    if out is not None:
        names, subjects = list(answers[0]["probabilities"]), [_subject(a, facts) for a in answers]
        page = report.page_of_explanations(explained, names, subjects, lang)
        storage.write(out, page.encode(), durable=False)
    if json:
        facts["page"] = out and str(out)
        for answer, each in zip(answers, explained, strict=True):
            answer["explanation"] = _as_dict(each, list(answer["probabilities"]))
        output.print_json(facts | {"predictions": answers})
        return
    print(f"Model: {printable(facts['model'])}, {classifier.weights} weights")
    for answer, each in zip(answers, explained, strict=True):
        print(f"\n{_subject(answer, facts)}\n")
        _show(each, answer["probabilities"])
    if out is not None:
        print()
        output.print_page(out)


def _subject(answer: dict[str, Any], facts: dict[str, Any]) -> str:
    """An image in words: its file, or its row and true class."""
    if "file" in answer:
        return printable(answer["file"])
    return f"{facts['dataset']}, {facts['part']}, row {answer['row']}, true class {answer['true']}"


def _show(explained: Explanation, probabilities: dict[str, float]) -> None:
    """Print image and answer, the evidence as a signed map, and the counterfactual."""
    names = [output.shortened(name, _NAME) for name in probabilities]
    answer, rival = names[explained.answer], names[explained.rival]
    _beside(_grey(explained.image), _words(explained, list(probabilities.values()), names))
    cells = _pooled(explained.contributions)
    strongest = float(np.abs(cells).max()) or 1.0
    print()
    _beside(
        [f"for {answer}", *_shaded(cells / strongest)],
        [f"for {rival}", *_shaded(-cells / strongest)],
    )
    key = " ".join(
        f"{shade} {share * strongest:.2g}" for shade, share in zip(_shades(), _LEVELS, strict=True)
    )
    high, wide = _cell(explained.image.shape[1])
    print(f"  {high} × {wide} pixels a character, which add {key} or more\n")
    change, difference = explained.change, explained.difference
    if change is None or difference is None:
        print("No small change was found that gives it another class.")
        return
    print(
        f"{names[change.answer]} ({percent(change.probability)}) after a change of "
        f"{change.pixels:,} pixels,\nby at most {change.largest} grey levels each, "
        f"{change.distance:,.0f} in all (L2); there may be smaller ones."
    )
    strong = _pooled(difference) / float(np.abs(_pooled(difference)).max() or 1)
    drawn = np.array(["-", " ", "+"])[np.digitize(strong, (-_SHOWN, _SHOWN))]
    _beside(
        ["", *_grey(change.image)],
        ["lighter +, darker -, where it is most", *("".join(row).rstrip() for row in drawn)],
    )


def _as_dict(explained: Explanation, names: Sequence[str]) -> dict[str, Any]:
    """An explanation for JSON."""
    from handstitch.insight import REGIONS

    change = explained.change
    return {
        "class": names[explained.answer],
        "against": names[explained.rival],
        "log_odds": explained.log_odds,
        "bias": explained.bias,
        "contributions": explained.contributions.tolist(),
        "regions": {
            name: float(value)
            for line, values in zip(REGIONS, explained.regions, strict=True)
            for name, value in zip(line, values, strict=True)
        },
        "change": change
        and {
            "class": names[change.answer],
            "probability": change.probability,
            "pixels": change.pixels,
            "largest": change.largest,
            "distance": change.distance,
            "image": change.image.tolist(),
        },
    }


def _words(explained: Explanation, P: Sequence[float], names: Sequence[str]) -> list[str]:
    """The answer, what adds up to it, and where the image speaks for and against it."""
    from handstitch.insight import REGIONS

    best = sorted(range(len(P)), key=lambda each: -P[each])[:3]
    answer, rival = names[explained.answer], names[explained.rival]
    values, places = explained.regions.ravel(), [name for line in REGIONS for name in line]
    order = np.argsort(-values, kind="stable")
    towards = [f"{places[n]} {values[n]:+.2f}" for n in order[:2] if values[n] > 0]
    away = [f"{places[n]} {values[n]:+.2f}" for n in order[::-1][:2] if values[n] < 0]
    pixels = explained.contributions.sum()
    return [
        *(f"{names[n]:<{_NAME}} {percent(P[n]):>8}" for n in best),
        "",
        f"{answer} against {rival}:",
        f"  pixels {pixels:+.2f}, bias {explained.bias:+.2f}: {explained.log_odds:+.2f}",
        "  = log of the ratio of probabilities",
        *([f"most for {answer}:", f"  {', '.join(towards)}"] if towards else []),
        *([f"most for {rival}:", f"  {', '.join(away)}"] if away else []),
    ]


def _beside(left: Sequence[str], right: Sequence[str]) -> None:
    for one, other in zip_longest(left, right, fillvalue=""):
        print(f"  {one:<{_WIDE}}    {other}".rstrip())


def _cell(columns: int) -> tuple[int, int]:
    """Rows and columns of pixels in a character, which is twice as high as wide."""
    wide = max(1, -(-columns // _WIDE))
    return 2 * wide, wide


def _pooled(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Sums over the pixels of each character."""
    high, wide = _cell(values.shape[1])
    rows = np.add.reduceat(values, range(0, values.shape[0], high), axis=0)
    return np.add.reduceat(rows, range(0, values.shape[1], wide), axis=1)


def in_characters(image: np.ndarray[Any, Any]) -> list[str]:
    """The lightness of a picture in characters, two to a pixel's width, at most 72 wide."""
    step = max(1, -(-image.shape[1] // 36))
    greys = _greys(_lightness(image[::step, ::step]))
    return ["  " + "".join(letter * 2 for letter in row).rstrip() for row in greys]


def _grey(image: np.ndarray[Any, Any]) -> list[str]:
    levels = _lightness(image)
    greys = _greys(_pooled(levels) / _pooled(np.ones(levels.shape)))
    return ["".join(row).rstrip() for row in greys]


def _lightness(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0 to 255; of colours ITU-R 601, as pillow makes them grey."""
    levels: np.ndarray[Any, Any] = image.astype(float)
    if image.ndim == 3:
        levels = levels @ [0.299, 0.587, 0.114]
    return levels


def _greys(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    places = (levels * len(_GREYS) / 256).astype(int)
    return np.take(list(_GREYS), places)


def _shaded(shares: np.ndarray[Any, Any]) -> list[str]:
    """Shades of what is positive; the strongest cell is 1."""
    shades = np.array([" ", *_shades()])[np.digitize(shares, _LEVELS)]
    return ["".join(row).rstrip() for row in shades]


def _shades() -> str:
    try:
        _SHADES.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN
    return _SHADES
