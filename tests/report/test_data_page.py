"""The page of a data set: sound, safe and complete, whatever the names."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch import figures
from handstitch.data.dataset import Dataset
from handstitch.doctor.findings import (
    Drift,
    Findings,
    Group,
    GroupCounts,
    PartFacts,
    PartLabels,
    Sample,
    Suspect,
)
from handstitch.errors import printable
from handstitch.report import page_of_data
from handstitch.report.languages import words
from tests.report.hostile import names
from tests.report.reading import Page, breaches
from tests.report.test_languages import strangers

ENGLISH = words("en").doctor
EACH = 120


def make_parts(classes: list[str], shape: tuple[int, ...] = (6, 4)) -> list[Dataset]:
    rng = np.random.Generator(np.random.Philox(1))
    labels = (np.arange(EACH) % len(classes)).astype(np.uint8)
    kind = np.uint8 if len(shape) > 1 else np.float32
    return [
        Dataset(
            "mine",
            part,
            rng.integers(0, 255, (EACH, *shape)).astype(kind),
            labels,
            tuple(classes),
            "memory",
        )
        for part in ("train", "test")
    ]


def make_findings(parts: list[Dataset], title: str = "mine", file: str = "", **more) -> Findings:
    train = parts[0]

    def sample(part: str, position: int) -> Sample:
        label = train.class_names[train.labels[position]]
        return Sample(part=part, position=position, label=label, file=printable(file))

    def group(kind, *samples: Sample, **facts) -> Group:
        return Group(kind=kind, samples=samples, **facts)

    facts: dict[str, Any] = {
        "dataset": "mine",
        "title": title,
        "location": "somewhere/secret",
        "seed": 3,
        "folds": 5,
        "parts": tuple(
            PartFacts(
                part=part.part,
                images=len(part),
                counts=dict(zip(part.class_names, part.counts(), strict=True)),
                balance=0.5,
                constant=1,
            )
            for part in parts
        ),
        "constant": (sample("train", 3), sample("test", 3)),
        "duplicates": {
            "exact": GroupCounts(groups=1, samples=20, leaked=10, labels_differ=1),
            "near": GroupCounts(groups=99, samples=200, leaked=1, labels_differ=0),
        },
        "groups": (
            group(
                "exact", *(sample("train", k) for k in range(20)),
                similarity=1.0, is_across=True, labels_differ=True,
            ),
            group(
                "near", sample("train", 1), sample("test", 2),
                similarity=0.9987, is_across=True, labels_differ=False,
            ),
        ),
        "labels": tuple(
            PartLabels(
                part=part.part,
                contradictions=1234,
                thresholds={},
                suspects=tuple(
                    Suspect(
                        sample=sample(part.part, position),
                        self_confidence=position / 1e5,
                        suggested=train.class_names[0],
                        confidence=0.99995,
                        is_counted=True,
                    )
                    for position in range(EACH)
                ),
            )
            for part in parts
        ),
        "drift": (
            Drift(
                part="test", samples=100, auc=0.61, auc_deviation=0.0123, auc_p=1e-9,
                classes_p=None,
            ),
        ),
        "skipped": ("near alike",),
    }  # fmt: skip
    return Findings(**(facts | more))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_sound_and_has_every_section(lang) -> None:
    parts = make_parts(["left", "right"])
    source = page_of_data(make_findings(parts), parts, lang)
    assert breaches(source) == []
    page, said = Page(source), words(lang).doctor
    for name in ("overview", "labels", "duplicates", "constant", "drift", "balance", "limits"):
        assert said[name]["heading"] in page.text
        assert said[name]["lead"] in page.text
        assert {"href": f"#{name}"} in page.all("a")
    assert said["skipped"]["near alike"] in page.text
    assert len(page.all("img")) == 96 + 36 + 8 + 2 + 2
    assert "secret" not in source


def test_the_figures_are_those_found() -> None:
    parts = make_parts(["left", "right"])
    text = Page(page_of_data(make_findings(parts), parts)).text
    for said in (
        "1,234 labels are confidently contradicted",
        "The first 96 to look at",
        "left → left? p (label) 0 % training 0",
        "right → left? p (label) < 0.01 % training 1",
        "exact 1 20 10 1",
        "near 99 200 1 0",
        "exact in several parts with different labels",
        "and 12 more",
        "near (0.9987) in several parts right",
        "The first 2 of 100 groups are shown.",
        "test 0.610 0.500 ± 0.012 1e-09 –",
        "left 60 60",
        "seed 3, 5 folds",
    ):
        assert said in text


def test_nothing_found_is_a_short_page() -> None:
    parts = make_parts(["left", "right"])
    none = GroupCounts(groups=0, samples=0, leaked=0, labels_differ=0)
    found = make_findings(
        parts,
        constant=(),
        groups=(),
        duplicates={"exact": none, "near": none},
        labels=(),
        drift=(),
        skipped=("labels", "drift", "near features"),
    )
    source = page_of_data(found, parts)
    assert breaches(source) == []
    page = Page(source)
    assert page.all("img") == []
    assert ENGLISH["skipped"]["drift"] in page.text
    assert ENGLISH["labels"]["heading"] not in page.text


def test_features_have_no_picture() -> None:
    parts = make_parts(["left", "right"], (5,))
    source = page_of_data(make_findings(parts), parts)
    assert breaches(source) == []
    assert Page(source).all("img") == []


def test_drawn_data_are_marked() -> None:
    parts = make_parts(["left", "right"])
    assert words("en").sketch["heading"] not in page_of_data(make_findings(parts), parts)
    source = page_of_data(make_findings(parts, dataset="sketch"), parts)
    assert source.index(words("en").sketch["heading"]) < source.index("<main>")


def test_hostile_names_leave_no_script_and_no_control_character() -> None:
    hostile = names(400)
    for start in range(0, len(hostile), 40):
        some = [f"{printable(hostile[k])[:180]} {k}" for k in range(start, start + 40)]
        parts = make_parts(some)
        found = make_findings(parts, hostile[start], hostile[start + 1])
        source = page_of_data(found, parts, "zh" if start % 80 else "en")
        assert breaches(source) == [], some
        text = Page(source).text
        for name in (*some[:20], printable(hostile[start + 1])):
            assert " ".join(name.split()) in text


def test_a_chinese_page_has_no_english_but_names() -> None:
    parts = make_parts(["左", "右"])
    page = Page(page_of_data(make_findings(parts), parts, "zh"))
    read = " ".join(page.pieces) + " ".join(each.get("alt", "") for each in page.all("img"))
    assert strangers(read) <= {"mine"}


def test_every_text_is_used() -> None:
    from handstitch.report import data_page
    from handstitch.report import page as report_page

    environment = report_page.environment()
    assert environment.loader is not None
    template = environment.loader.get_source(environment, "data.html")[0]
    sources = template + Path(data_page.__file__).read_text("utf-8")
    unused = [key for key in ENGLISH if not re.search(rf'd\.{key}\b|\["{key}"\]', sources)]
    assert unused == []


@pytest.mark.parametrize("shape", [(28, 28), (5, 3, 3), (400, 100), (300, 300, 3)])
def test_a_thumbnail_has_the_image_or_a_smaller_one(shape: tuple[int, ...]) -> None:
    image = np.random.Generator(np.random.Philox(1)).integers(0, 256, shape, np.uint8)
    png = figures.thumbnail(image)
    assert png == figures.thumbnail(image)
    found = np.asarray(Image.open(io.BytesIO(png)))
    if max(shape) <= 112:
        np.testing.assert_array_equal(found, image)
    else:
        assert max(found.shape) == 112
