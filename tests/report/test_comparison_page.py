"""The page of a comparison: sound, safe and complete, whatever the names."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch.comparison import ByImage, BySeed, Compared, Comparison, Example, Pair, Side
from handstitch.comparison.findings import Setting
from handstitch.data.dataset import Dataset
from handstitch.report import page_of_comparison, sentences_of_comparison
from handstitch.report.languages import words
from tests.report.hostile import names
from tests.report.reading import Page, breaches
from tests.report.test_languages import strangers


def make_compared(
    titles: list[str], classes: list[str], shape: tuple[int, ...] = (6, 4), **changes: Any
) -> Compared:
    """Sides of these names; of the first two there are five seeds, which are told apart."""
    rng = np.random.default_rng(0)
    labels = (np.arange(60) % len(classes)).astype(np.uint8)
    images: Any = rng.integers(0, 255, (60, *shape)).astype("u1" if len(shape) > 1 else "f4")
    letters = "ABCDEFG"[: len(titles)]

    def example(at: int, *, is_won: bool) -> Example:
        right, wrong = classes[labels[at]], classes[(labels[at] + 1) % len(classes)]
        answers = (wrong, right) if is_won else (right, wrong)
        return Example(position=at, label=right, answers=answers, probabilities=(0.75, 0.5))

    def by_image(seed: int) -> ByImage:
        facts: dict[str, Any] = {
            "seed": seed, "n": 60, "both": 20, "won": 20, "lost": 10, "neither": 10,
            "difference": 1 / 6, "interval": (-0.01, 0.33), "p": 0.099, "is_different": False,
            "images_needed": 12_345, "detectable": 0.25,
            "examples_won": [example(at, is_won=True) for at in range(20)],
            "examples_lost": [example(at, is_won=False) for at in range(20, 30)],
        }  # fmt: skip
        return ByImage(**(facts | changes))

    seeds = range(5)
    found = Comparison(
        dataset="mine",
        part="validation",
        images=60,
        alpha=0.05 / (len(titles) - 1),
        sides=[
            Side(
                letter=letter,
                name=title,
                networks=[f"{title}-{seed}" for seed in seeds],
                seeds=list(seeds),
                accuracies=[0.5] * 5,
                mean=0.5,
                interval=(0.4, 0.6),
            )
            for letter, title in zip(letters, titles, strict=True)
        ],
        settings=[Setting(name="dropout", values=[None, *range(1, len(titles))])],
        pairs=[
            Pair(
                first="A",
                second=letter,
                by_image=[by_image(seed) for seed in seeds],
                by_seed=BySeed(
                    is_paired=True,
                    seeds=(5, 5),
                    difference=0.012,
                    interval=(0.008, 0.016),
                    deviation=0.003,
                    is_different=True,
                    seeds_needed=4,
                    detectable=0.004,
                ),
            )
            for letter in letters[1:]
        ],
        indistinguishable=["B", "C"] if len(titles) > 2 else None,
    )
    known = tuple(str(number) for number in range(len(classes)))  # a page takes the images alone
    data = Dataset("mine", "validation", images, labels, known, "memory")
    return Compared(found, dict.fromkeys(seeds, data))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_names_break_nothing(lang: Any) -> None:
    attacks = names(30)
    for at in range(0, 30, 6):
        compared = make_compared(attacks[at : at + 3], attacks[at + 2 : at + 6])
        assert breaches(page_of_comparison(compared, lang)) == []


def test_it_has_the_verdict_every_difference_and_the_images() -> None:
    page = Page(page_of_comparison(make_compared(["/srv/somebody/one", "two"], ["left", "right"])))
    read = " ".join(" ".join(page.pieces).split())
    assert "Compared: A one · B two" in read
    assert "somebody" not in page.source
    assert "+1.20 points, B − A, 5 seeds" in read
    assert "B is better than A by 1.20 points" in read
    assert len(page.all("circle")) == 6
    assert len(page.all("img")) == 12 + 10
    assert "A: right 0.75" in read
    assert "dropout – 1" in read


def test_places_on_the_axis_are_those_of_the_numbers() -> None:
    compared = make_compared(["one", "two"], ["left", "right"])
    page = Page(page_of_comparison(compared))
    (axis,) = [svg for svg in page.all("svg") if svg["class"] == "dot-axis"]
    low, high = (float(end.replace("−", "-")) for end in axis["aria-label"].split(", "))
    assert (low, high) == (-10, 40)
    dots = [float(circle["cx"].rstrip("%")) for circle in page.all("circle")]
    assert dots == pytest.approx(
        [100 * (1.2 + 10) / 50, *[100 * (100 / 6 + 10) / 50] * 5], abs=0.01
    )


def test_features_have_no_pictures_and_no_images_no_section() -> None:
    features = make_compared(["one", "two"], ["left", "right"], (3,))
    assert Page(page_of_comparison(features)).all("img") == []
    alike = make_compared(
        ["one", "two"], ["left", "right"], won=0, lost=0, examples_won=[], examples_lost=[]
    )
    assert breaches(page_of_comparison(alike)) == []


def test_a_chinese_page_has_no_english_but_names() -> None:
    page = Page(page_of_comparison(make_compared(["甲", "乙", "丙"], ["左", "右"]), "zh"))
    read = " ".join(page.pieces)
    assert strangers(read) - {"mine", "dropout"} == set()


def test_sentences_say_how_many_more_would_decide() -> None:
    def said(**changes: Any) -> str:
        found = make_compared(["one", "two"], ["left", "right"]).comparison
        (pair,), replace = found.pairs, msgspec.structs.replace
        assert pair.by_seed is not None
        by_seed = replace(pair.by_seed, **changes)
        pair = replace(pair, by_image=pair.by_image[:1], by_seed=by_seed)
        return " ".join(sentences_of_comparison(replace(found, pairs=[pair]), words("en")))

    inconclusive = {"is_different": False, "interval": (-0.01, 0.02)}
    more = said(**inconclusive, seeds_needed=23)
    assert "takes about 23 seeds of each, 18 more." in more
    assert "takes about 12,000 images." in more
    assert "These 60 images show differences from 25.00 points on" in more
    assert "more than 1,000 seeds" in said(**inconclusive, seeds_needed=1001)
    assert "takes about" not in said().partition("By image")[0]
    assert "the variation from seed to seed is unknown" in said(interval=None, is_different=None)
