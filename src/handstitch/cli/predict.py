"""handstitch predict: classes and probabilities of pictures, and of a data set's images."""

from __future__ import annotations

import csv as tables
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import FLAGS, DataDir, Dataset, Json, Language, Weights, exclusive
from handstitch.cli.progress import progress
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
    from handstitch.arrays import Images
    from handstitch.data.sources import Source
    from handstitch.model.classifier import Classifier

_FEW: Final = 4
"""Pictures up to which each is shown as the network sees it."""
_FORM: Final = exclusive("--explain", "--csv")


def predict(
    *paths: Annotated[
        Path,
        Parameter(
            help="run folder or model file, if it is the first, and pictures, folders of "
            "pictures, arrays (.npy, .npz) or tables (.csv, .parquet) to classify",
            show_default="the newest run, without runs the network in the package; its test images",
        ),
    ],
    rows: Annotated[
        list[str] | None,
        Parameter(
            help="without files: images of the data set, such as 3 or 10:20",
            show_default="0:10; to explain, 0",
            consume_multiple=True,
            negative=(),
        ),
    ] = None,
    part: Annotated[Literal["test", "train"], Parameter(help="part of the data set")] = "test",
    weights: Weights = "best",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    explain: Annotated[
        bool,
        Parameter(
            help="which pixels speak for the answer and against the next, and what would change it",
            negative=(),
            show_default=False,
            group=(FLAGS, _FORM),
        ),
    ] = False,
    out: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="of an explanation: page with the same to write (.html)"),
    ] = None,
    lang: Language = "en",
    csv: Annotated[
        bool,
        Parameter(
            help="print a table as CSV on stdout",
            negative=(),
            show_default=False,
            group=(FLAGS, _FORM),
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Classify pictures, or images of a data set, with the probabilities of each answer.

    A picture is prepared as the training images were: resized, made grey for a network of grey
    images, and inverted if those were on black and it is on white. It is marked where it lies
    further from the training images than 95 % of the validation images do.

    With --explain, the contribution of every pixel to the answer against the second most probable
    class, which is exact for networks of ReLU and leaky ReLU, and a small change of the image that
    gives it another class.
    """
    from handstitch.cli.explain import present
    from handstitch.model.pretrained import pretrained
    from handstitch.runs import folder as run_folder

    _require_explained(out, explain=explain)
    model, files = _model_and_files(paths)
    if model is None and files and not run_folder.known():
        path, classifier = Path("pretrained"), pretrained()
    else:
        path = run_folder.newest() if model is None else model
        classifier = run_folder.load(path, weights)
    if files and (rows or dataset):
        raise UsageError(
            "files and a data set cannot be classified at once",
            found=f"{printable(files[0])}, {'--rows' if rows else '--dataset'}",
            wanted="files, or images of a data set",
            fix="leave one out",
        )
    if files:
        facts, images, answers = _of_files(classifier, files, quiet=json or csv or explain)
    else:
        source = classifier.source(dataset, data_dir)
        asked = rows or (["0"] if explain else ["0:10"])
        facts, images, answers = _of_dataset(classifier, source, part, asked)
    facts = {"model": str(path), **facts}
    if explain:
        present(classifier, images, answers, facts, out=out, lang=lang, json=json)
    elif json:
        output.print_json(facts | {"predictions": answers})
    elif csv:
        _print_csv(answers)
    else:
        print(f"Model: {printable(path)}, {classifier.weights} weights")
        if classifier.model.outliers is None:
            output.say(
                "It cannot say which are unlike its training images: it has no outlier detector."
            )
        _print(answers, facts.get("dataset", ""), part)


def _require_explained(out: Path | None, *, explain: bool) -> None:
    """Raise UsageError for a page that is none, or of no explanation."""
    if out is None:
        return
    output.require_page(out)
    if not explain:
        raise UsageError(
            "--out is for --explain",
            found=f"--out {out} without --explain",
            wanted="--explain, whose page it is; or no --out",
            fix="add --explain, or omit --out",
        )


def _model_and_files(paths: Sequence[Path]) -> tuple[Path | None, Sequence[Path]]:
    """The model that the first path is, or None; and the files to classify."""
    from handstitch.model import prepared
    from handstitch.runs import folder as run_folder

    if not paths:
        return None, ()
    first, *others = paths
    for other in others:
        if other.suffix == ".safetensors" or run_folder.run_of(other) is not None:
            raise UsageError(
                "the model comes first",
                found=f"{printable(other)} after {printable(first)}",
                wanted="one run folder or model file, then pictures",
                fix=output.command_line("predict", other, *(p for p in paths if p != other)),
            )
    if first.suffix.lower() == ".npz" and first.is_file():
        return (first, others) if _holds_weights(first) else (None, paths)
    is_model = not first.exists() or run_folder.run_of(first) is not None
    if not is_model and (first.is_dir() or prepared.is_image_file(first)):
        return None, paths
    if first.exists() or not prepared.is_image_file(first):
        return first, others
    raise prepared.missing(first)


def _holds_weights(path: Path) -> bool:
    """Whether an .npz is a model, and not data. Raises UsageError if it is both or neither."""
    from handstitch.data.readers import layouts, numpy_files
    from handstitch.model.layouts import FACTS, is_name

    names = [place.member.removesuffix(".npy") for place in numpy_files.places(path)]
    has_weights = any(map(is_name, names))
    others = set(names) - set(FACTS if has_weights else ())
    has_images = any(layouts.role(name).kind for name in others)
    if has_weights == has_images:
        raise UsageError(
            "this file may be a model or data" if has_weights else "this is no model and no data",
            file=printable(path),
            found=f"arrays {', '.join(map(printable, names[:10]))}",
            wanted="weights_0, bias_0, … of a model, or images of data",
            fix="save weights and images in files of their own"
            if has_weights
            else "name the array images, or save it alone: numpy.save('images.npy', images)",
        )
    return has_weights


def _of_files(
    classifier: Classifier, files: Sequence[Path], *, quiet: bool
) -> tuple[dict[str, Any], Images, list[dict[str, Any]]]:
    from handstitch.cli.explain import in_characters
    from handstitch.model.prepared import prepare

    found = prepare(files, classifier.model)
    if found.inverted:
        output.notice(
            f"inverted, for the training images were on "
            f"{'black' if classifier.model.background == 'dark' else 'white'}: "
            + ", ".join(found.inverted[:5])
            + (f" and {len(found.inverted) - 5} more" if len(found.inverted) > 5 else "")
        )
    if not quiet and found.images.ndim > 2 and len(found.images) <= _FEW:
        print("As the network sees " + ("it:" if len(found.images) == 1 else "them:"))
        for image in found.images:
            print("\n".join(in_characters(image)) + "\n")
    names = ({"file": name} for name in found.names)
    answers = _answers(classifier, names, found.images)
    return {"inverted": found.inverted}, found.images, answers


def _of_dataset(
    classifier: Classifier, source: Source, part: Literal["test", "train"], rows: list[str]
) -> tuple[dict[str, Any], Images, list[dict[str, Any]]]:
    data = source.load(part)
    classifier.require_classes(data)
    output.say_other_data(classifier.model.dataset, data.name)
    chosen = _positions(rows, len(data))
    true = [data.class_names[data.labels[position]] for position in chosen]
    rows_of = ({"row": row, "true": name} for row, name in zip(chosen, true, strict=True))
    # The classes of the data, as `test` counts them: the two may spell them differently.
    answers = _answers(classifier, rows_of, data.images[chosen], data.class_names)
    return {"dataset": data.name, "part": part}, data.images[chosen], answers


def _answers(
    classifier: Classifier,
    subjects: Iterable[dict[str, Any]],
    images: Images,
    class_names: Sequence[str] = (),
) -> list[dict[str, Any]]:
    with progress("Predictions"):
        names, P = class_names or classifier.class_names, classifier.predict_proba(images)
        distances: list[float | None] = [None] * len(P)  # null in JSON, empty in CSV
        if classifier.model.outliers is not None:
            distances = (-classifier.score_samples(images)).tolist()
    return [
        subject
        | {
            "predicted": names[p.argmax()],
            "outlier": None if distance is None else distance > 1,
            "distance": distance,
            "probabilities": dict(zip(names, p.tolist(), strict=True)),
        }
        for subject, p, distance in zip(subjects, P, distances, strict=True)
    ]


def _print(answers: Sequence[dict[str, Any]], dataset: str, part: str) -> None:
    subjects = ("row", "true class") if dataset else ("file",)
    table, shown = [], min(3, len(answers[0]["probabilities"]))
    for answer in answers:
        best = sorted(answer["probabilities"].items(), key=lambda pair: -pair[1])[:shown]
        cells = [f"{name} {output.percent(p)}" for name, p in best]
        first = [str(answer["row"]), answer["true"]] if dataset else [printable(answer["file"])]
        is_wrong = dataset and answer["true"] != answer["predicted"]
        remarks = ["wrong"] * bool(is_wrong) + ["unlike the training images"] * bool(
            answer["outlier"]
        )
        remark = ", ".join(remarks)
        table.append([*first, *cells, output.marked(remark, "wrong") if is_wrong else remark])
    columns = (*subjects, *("predicted", "second", "third")[:shown], "")
    output.print_table(columns, table, f"{dataset}, {part}" if dataset else "")


def _print_csv(answers: Sequence[dict[str, Any]]) -> None:
    rows = [
        {name: value for name, value in answer.items() if name != "probabilities"}
        | {f"p({name})": p for name, p in answer["probabilities"].items()}
        for answer in answers
    ]
    writer = tables.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


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
