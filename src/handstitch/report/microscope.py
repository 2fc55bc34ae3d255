"""The page of a training step: every stage with its formulas and the numbers in them."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from handstitch import figures
from handstitch._version import __version__
from handstitch.insight.microscope import SHOWN, TrainingStep
from handstitch.insight.stages import Label, Stage, Table, stages
from handstitch.model import Model
from handstitch.report.formulas import mathml
from handstitch.report.languages import Lang, Words, translations, words
from handstitch.report.page import environment
from handstitch.report.pictures import data_uri


def page_of_step(step: TrainingStep, model: Model, lang: Lang = "en") -> str:
    """The page as HTML, without scripts and external resources; names in it are escaped."""
    said = words(lang)
    other = translations(model.class_names, said)
    model = structs.replace(model, class_names=tuple(other.get(n, n) for n in model.class_names))
    found = [
        (
            f"stage{place}",
            heading(each, said),
            each.formulas,
            facts(each),
            [_cells(table, said) for table in each.tables],
        )
        for place, each in enumerate(stages(step, model), 1)
    ]
    picture = data_uri(figures.thumbnail(step.image)) if model.has_images else None
    return (
        environment()
        .get_template("microscope.html")
        .render(
            w=said,
            version=__version__,
            title=said.microscope["title"],
            contents=[(place, section, True) for place, section, *_ in found],
            stages=found,
            picture=picture,
            label=model.class_names[step.label],
            sizes="-".join(map(str, model.parameters.sizes)),
            shown=SHOWN,
            worst=f"{step.worst:.1e}",
            mathml=mathml,
        )
    )


def _cells(table: Table, said: Words) -> tuple[str, list[str], list[tuple[str, ...]]]:
    """Caption, heads and rows of a table; formulas in it as MathML."""

    def shown(label: Label) -> str:
        return mathml(str(label.which[0])) if label.kind == "formula" else word(label, said)

    rows = [
        (shown(label), *map(number, values))
        for label, values in zip(table.rows, table.values, strict=True)
    ]
    return caption(table, said), ["", *map(shown, table.columns)], rows


def facts(stage: Stage) -> list[tuple[str, str]]:
    """Symbol and value of each single number."""
    return [(symbol, number(value)) for symbol, value in stage.facts.items()]


def heading(stage: Stage, said: Words) -> dict[str, Any]:
    """Heading and lead of a stage."""
    text: dict[str, str] = said.microscope[stage.kind]
    return {"heading": text["heading"].format(layer=stage.layer), "lead": text["lead"]}


def caption(table: Table, said: Words) -> str:
    """The name of a table, and of what it is a part."""
    name = said.microscope["complex"].format(name=table.name) if table.is_check else table.name
    text: str = said.microscope["of"].format(name=name, shape=table.shape)
    return text


def word(label: Label, said: Words) -> str:
    """The name of a row or column."""
    which = ", ".join(map(str, label.which))
    text: str = said.microscope["labels"][label.kind].format(which=which)
    return text


def number(value: float) -> str:
    """Five digits that count."""
    return f"{value + 0.0:.5g}".replace("-", "−")
