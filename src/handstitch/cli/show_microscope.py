"""handstitch show microscope: one training step on one image, with every number of its formulas."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import (
    DataDir,
    Dataset,
    Json,
    Language,
    Model,
    Pretrained,
    Weights,
    load_network,
)
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handstitch.arrays import Matrix
    from handstitch.insight import TrainingStep
    from handstitch.insight.stages import Stage
    from handstitch.model.classifier import Classifier

_WIDTH: Final = 80
_CELL: Final = 13
"""Characters of a number, where there is room."""


def microscope(
    path: Model = None,
    /,
    *,
    image: Annotated[
        int, Parameter(metavar="N", help="image of the training part, counted from 0")
    ] = 0,
    pretrained: Pretrained = False,
    weights: Weights = "best",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, Parameter(metavar="FILE", help="page with the same to write (.html)")
    ] = None,
    lang: Language = "en",
    json: Json = False,
) -> None:
    """Show one training step on one image: every formula with its actual numbers.

    Forward, loss, backward and update of core/, run in float64, and forward again. Of each matrix a
    few rows and columns are shown, those with the largest gradients; their derivatives are compared
    with the complex step. No file of the run is changed.
    """
    from handstitch import report, storage
    from handstitch.insight.stages import stages

    if out is not None:
        output.require_page(out)
    target, classifier = load_network(path, weights, pretrained=pretrained)
    step, of = _step(classifier, image, dataset, data_dir)
    model = classifier.model
    if out is not None:
        storage.write(out, report.page_of_step(step, model, lang).encode(), durable=False)
    if json:
        found = [_as_dict(stage) for stage in stages(step, model)]
        numbers = {"loss": step.loss, "loss_after": step.loss_after, "worst": step.worst}
        page = {"page": out and str(out)}
        output.print_json({"model": str(target), **of, **numbers, **page, "stages": found})
        return
    print(f"Model: {printable(target)}, {classifier.weights} weights")
    print(f"Data: {of['dataset']}, training image {image}")
    _print(step, classifier)
    if out is not None:
        print()
        output.print_page(out)


def _step(
    classifier: Classifier, image: int, dataset: str | None, data_dir: Path | None
) -> tuple[TrainingStep, dict[str, Any]]:
    """The step on this training image, and which image it is."""
    from handstitch import insight

    data = classifier.source(dataset, data_dir).load("train")
    classifier.require_classes(data)
    output.say_other_data(classifier.model.dataset, data.name)
    if not 0 <= image < len(data):
        raise UsageError(
            f"there is no image {image}",
            found=f"--image {image}",
            wanted=f"a whole number from 0 to {len(data) - 1:,}",
            fix="--image 0",
        )
    label = int(data.labels[image])
    step = insight.take_step(classifier.model, classifier.config, data.images[image], label)
    return step, {"dataset": data.name, "image": image, "class": data.class_names[label]}


def _as_dict(stage: Stage) -> dict[str, Any]:
    from handstitch.report.languages import words
    from handstitch.report.microscope import word

    said = words("en")
    return stage._asdict() | {
        "tables": [
            {
                "name": table.name,
                "shape": table.shape,
                "complex_step": table.is_check,
                "rows": [word(label, said) for label in table.rows],
                "columns": [word(label, said) for label in table.columns],
                "values": table.values.tolist(),
            }
            for table in stage.tables
        ]
    }


def _print(step: TrainingStep, classifier: Classifier) -> None:
    """Every stage, in 80 columns."""
    from handstitch.insight.microscope import SHOWN
    from handstitch.insight.stages import stages
    from handstitch.report.languages import words
    from handstitch.report.microscope import caption, facts, heading, word

    model, said = classifier.model, words("en")
    texts = said.microscope
    sizes = "-".join(map(str, model.parameters.sizes))
    label = printable(model.class_names[step.label])
    lead = texts["lead"].format(label=label, sizes=sizes)
    for text in (lead, texts["slice"].format(shown=SHOWN)):
        print(fill(text, _WIDTH, break_on_hyphens=False))

    for stage in stages(step, model):
        print(f"\n── {heading(stage, said)['heading']} ".ljust(_WIDTH + 1, "─"))
        print("\n".join(f"  {formula}" for formula in stage.formulas))
        if stage.facts:
            print("  " + ", ".join(f"{symbol} = {value}" for symbol, value in facts(stage)))
        for table in stage.tables:
            print(f"\n{caption(table, said)}")
            _print_table(
                [word(label, said) for label in table.columns],
                [word(label, said) for label in table.rows],
                table.values,
            )
    checked = texts["checked"].format(worst=f"{step.worst:.1e}")
    print(f"\n{fill(checked, _WIDTH, break_on_hyphens=False)}")


def _print_table(columns: Sequence[str], rows: Sequence[str], values: Matrix) -> None:
    """A table as wide as the terminal at most, with as many digits as there is room for."""
    cell = min(_CELL, (_WIDTH - 14) // len(columns))
    first = _WIDTH - cell * len(columns)
    first = min(first, max(20, *map(len, rows)))

    heads = (output.shortened(name, cell - 1) for name in columns)
    print(" " * first + "".join(head.rjust(cell) for head in heads))
    digits = 5 if cell > 11 else 4
    for name, numbers in zip(rows, values, strict=True):
        shown = "".join(f"{number:>{cell}.{digits}g}" for number in numbers)
        print(f"{output.shortened(name, first):{first}}{shown}")
