"""The page of a training step: its numbers, formulas and safety."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from msgspec import structs

from handstitch.errors import printable
from handstitch.insight import take_step
from handstitch.insight.stages import stages
from handstitch.report import Lang, page_of_step
from handstitch.report.formulas import mathml
from tests.insight.test_microscope import IMAGE, LABEL, make
from tests.report.hostile import PIECES
from tests.report.reading import Page, breaches

NAMES = ("class 0", "class 1", "class 2", "class 3", "class 4")


def page_of(names: Sequence[str] = NAMES, lang: Lang = "en") -> str:
    model, config = make("leaky_relu")
    model = structs.replace(model, class_names=tuple(map(printable, names)))
    return page_of_step(take_step(model, config, IMAGE, LABEL), model, lang)


def test_the_numbers_on_the_page_are_those_of_the_step() -> None:
    model, config = make("leaky_relu")
    step = take_step(model, config, IMAGE, LABEL)
    page = page_of_step(step, model)
    found = [
        float(cell.replace("−", "-")) for cell in re.findall(r'<td class="number">(.*?)<', page)
    ]
    of_step = [value for stage in stages(step, model) for table in stage.tables
               for value in table.values.ravel()]  # fmt: skip
    assert len(found) > 200
    assert found == [float(f"{value:.5g}") for value in of_step]
    facts = dict(re.findall(r'class="fact">(\S+) = (\S+)<', page))
    assert float(facts["L"]) == float(f"{step.loss:.5g}")
    assert float(facts["L′"]) == float(f"{step.loss_after:.5g}")
    assert f"{step.worst:.1e}" in page


def test_the_page_is_sound_and_safe_in_both_languages() -> None:
    for names in (NAMES, PIECES[:5]):
        for lang in ("en", "zh"):
            assert breaches(page_of(names, lang)) == []
    assert "前向，第 2 层" in Page(page_of(lang="zh")).text


def test_every_formula_is_on_the_page_as_mathml() -> None:
    model, config = make("leaky_relu")
    page = page_of()
    for stage in stages(take_step(model, config, IMAGE, LABEL), model):
        assert all(str(mathml(formula)) in page for formula in stage.formulas)


def test_mathml_has_every_sign_of_a_formula() -> None:
    model, config = make("leaky_relu")
    plain = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵀ²ᶻᵗ⁻Ŝ[]_", "0123456789T2zt−S   ")
    for stage in stages(take_step(model, config, IMAGE, LABEL), model):
        for formula in stage.formulas:
            signs = unescape(re.sub(r"<mo>\^</mo>|<[^>]*>|[\[\]]", "", str(mathml(formula))))
            wanted = formula.replace("\u0302", "").translate(plain)
            assert sorted("".join(signs.split())) == sorted("".join(wanted.split())), formula
    assert "<msub><mi>W</mi><mn>1</mn></msub>" in mathml("Z₁ = A₀ W₁ + b₁")
    assert "<msup><mi>A</mi><mtext>T</mtext></msup>" in mathml("dW = Aᵀ dZ")
    assert "<mover><mi>S</mi><mo>^</mo></mover>" in mathml("√Ŝ")
