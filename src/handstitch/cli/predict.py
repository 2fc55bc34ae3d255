"""handstitch predict: classes and probabilities of images."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Dataset, Json, Model, Weights
from handstitch.errors import UsageError


def predict(
    path: Model = None,
    /,
    *,
    rows: Annotated[
        list[str] | None,
        Parameter(
            help="images by index from 0, such as 3 or 10:20",
            show_default="0:10",
            consume_multiple=True,
            negative=(),
        ),
    ] = None,
    part: Annotated[Literal["test", "train"], Parameter(help="part of the data set")] = "test",
    weights: Weights = "best",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Classify images of a data set, with the probability of each answer."""
    from handstitch.data import loading
    from handstitch.runs import folder as run_folder

    classifier = run_folder.load(run_folder.newest() if path is None else path, weights)
    model = classifier.model
    data = loading.load(dataset or model.dataset, part, data_dir)
    chosen = _positions(rows or ["0:10"], len(data))
    P = classifier.predict_proba(data.images[chosen])
    predictions = [
        {
            "row": position,
            "true": data.class_names[data.labels[position]],
            "predicted": model.class_names[p.argmax()],
            "probabilities": dict(zip(model.class_names, p.tolist(), strict=True)),
        }
        for position, p in zip(chosen, P, strict=True)
    ]
    if json:
        output.print_json({"dataset": data.name, "part": part, "predictions": predictions})
        return
    output.print_table(
        ("row", "true class", "predicted", "probability", ""),
        (
            (
                str(prediction["row"]),
                prediction["true"],
                prediction["predicted"],
                f"{p:.1%}",
                "" if prediction["true"] == prediction["predicted"] else "wrong",
            )
            for prediction, p in zip(predictions, P.max(axis=1), strict=True)
        ),
        f"{data.name}, {part}",
    )


def _positions(words: list[str], n: int) -> list[int]:
    """Indices from words like `3` and `10:20` (20 excluded) into n images."""
    positions: list[int] = []
    for word in words:
        first, colon, end = word.partition(":")
        try:
            start = int(first or 0)
            stop = int(end or n) if colon else start + 1
        except ValueError:
            start = stop = -1
        if not 0 <= start < stop <= n:
            raise UsageError(
                f"invalid rows {word}",
                found=f"--rows {word}",
                wanted=f"indices from 0 to {n - 1:,}, or ranges such as 10:20",
                fix="--rows 0:10",
            )
        positions.extend(range(start, stop))
    return positions
