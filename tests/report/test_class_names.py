"""A Chinese page names garments in Chinese; own classes, and those of the model, stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handstitch import figures, insight
from handstitch.comparison import Compared
from handstitch.config import Config
from handstitch.data.dataset import GARMENTS
from handstitch.figures import style
from handstitch.figures.labels import texts
from handstitch.insight import take_step
from handstitch.report import (
    page_of_comparison,
    page_of_data,
    page_of_explanations,
    page_of_step,
)
from handstitch.report.charts import draw_charts
from handstitch.report.languages import Lang, translations, words
from handstitch.report.page import render
from tests.report.samples import make_contents
from tests.report.test_comparison_page import make_compared
from tests.report.test_data_page import make_findings, make_parts
from tests.sample_models import sample

CHINESE = words("zh").class_names
OWN = ["Shirt", "Bag", "Coat"]
IMAGE = np.arange(0, 256, 16, dtype=np.uint8).reshape(4, 4)


def page(kind: str, classes: list[str], lang: Lang) -> str:
    if kind == "comparison":
        compared = make_compared(["left", "right"], classes)
        data = replace(compared.data[0], class_names=tuple(classes))
        return page_of_comparison(
            Compared(compared.comparison, dict.fromkeys(range(5), data)), lang
        )
    if kind == "data":
        parts = make_parts(classes)
        return page_of_data(make_findings(parts), parts, lang)
    found = make_contents(classes, history=[], model=None, initial=None)
    model = sample((16, 5, len(classes)), class_names=tuple(classes), image_shape=(4, 4))
    if kind == "explanation":
        assert found.predictions is not None
        rivals = np.arange(len(classes))
        explained = insight.explain(model, found.predictions.images[: len(rivals)], rivals)
        return page_of_explanations(explained, classes, map(str, rivals), lang)
    if kind == "step":
        steps = (
            take_step(model, Config(hidden_sizes=(5,)), IMAGE, label)
            for label in range(len(classes))
        )
        return "".join(page_of_step(step, model, lang) for step in steps)
    return render(found, draw_charts(found, words(lang), lang), words(lang))


def test_the_table_has_every_garment() -> None:
    assert tuple(CHINESE) == GARMENTS
    assert len(set(CHINESE.values())) == 10
    short = texts("handstitch.export.laboratory.languages", "zh")["classes"]  # beside bars
    assert {name: CHINESE[name].partition("/")[0] for name in GARMENTS} == short
    assert translations(GARMENTS, words("en")) == translations(OWN, words("zh")) == {}


@pytest.mark.parametrize("kind", ["run", "data", "comparison", "explanation", "step"])
def test_garments_are_named_in_chinese(kind: str) -> None:
    text = page(kind, list(GARMENTS), "zh")
    assert [name for name in CHINESE.values() if name not in text] == []
    assert [name for name in GARMENTS if f">{name}" in text or f"✗ {name}" in text] == []


@pytest.mark.parametrize("kind", ["data", "comparison", "explanation", "step"])
def test_own_classes_keep_their_names(kind: str) -> None:
    text = page(kind, OWN, "zh")
    assert [name for name in OWN if name not in text] == []
    assert "衬衫" not in text
    assert "外套" not in text


def test_a_png_without_a_chinese_font_has_the_names_of_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[str, str]] = []
    draw = figures.confusion_matrix

    def noted(matrix: Any, names: Any, lang: Lang, width: int) -> Any:
        drawn.append((lang, names[-1]))
        return draw([[1]], [""], lang, width)

    monkeypatch.setattr(style, "families", lambda: [style.FAMILY])
    monkeypatch.setattr(figures, "confusion_matrix", noted)
    found = make_contents(list(GARMENTS), history=[], model=None, predictions=None)
    draw_charts(found, words("zh"), "zh")
    assert set(drawn) == {("zh", "短靴"), ("en", "Ankle boot")}
    assert found.evaluation is not None
    assert found.evaluation.class_scores[-1].name == "Ankle boot"
