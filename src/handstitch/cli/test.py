"""handstitch test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import (
    DataDir,
    Dataset,
    Json,
    Model,
    Pretrained,
    Weights,
    require_no_model,
)
from handstitch.cli.progress import progress
from handstitch.errors import printable

if TYPE_CHECKING:
    from handstitch.records import Evaluation


def test(
    path: Model = None,
    /,
    *,
    weights: Weights = "best",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    pretrained: Pretrained = False,
    flip: Annotated[
        bool,
        Parameter(
            help="also: accuracy of the mean probabilities of image and mirror image",
            negative=(),
            show_default=False,
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Evaluate a trained network on the test set: accuracy, loss, and its mistakes.

    The interval is Wilson's 95 % score interval of the accuracy. Every test evaluation of a run is
    recorded in its folder, and counted; what --flip adds is not the test accuracy, and not kept.
    """
    import msgspec

    from handstitch import search as searches
    from handstitch.model.pretrained import pretrained as load_pretrained
    from handstitch.runs import folder as run_folder
    from handstitch.runs import test_log

    if pretrained:
        require_no_model(path)
        target, run, search, classifier = Path("pretrained"), None, None, load_pretrained()
    else:
        target = run_folder.newest() if path is None else path
        run, search = run_folder.run_of(target), searches.search_of(target)
        classifier = run_folder.load(target, weights)
    with progress("Test images"):
        evaluation = classifier.evaluate(dataset=dataset, data_dir=data_dir)
    # Before the log: where it is refused, nothing was tested.
    flipped = classifier.evaluate(dataset=dataset, data_dir=data_dir, flip=True) if flip else None
    output.say_other_data(classifier.model.dataset, evaluation.dataset)
    of_run = test_log.record(run, classifier.model, evaluation)
    # Testing several candidates of a search is a selection between them, too.
    of_search = test_log.record(search, classifier.model, evaluation)
    if json:
        numbers = {"test_evaluation": of_run, "test_evaluation_of_search": of_search}
        also = {"with_flips": flipped} if flipped else {}
        output.print_json(msgspec.structs.asdict(evaluation) | numbers | also)
    else:
        _print(evaluation, target, {"this run": of_run, "its search": of_search})
        if flipped:
            print(
                f"With flips: {flipped.accuracy:.4f} (mean probabilities of image and mirror "
                f"image, {flipped.correct:,} of {flipped.n:,}; not recorded)"
            )


def _print(evaluation: Evaluation, target: Path, numbers: dict[str, int | None]) -> None:
    from handstitch.evaluation import most_confused

    (low, high), scores = evaluation.accuracy_interval, evaluation.class_scores
    drawn = " (drawn by Handstitch, not photographs)" if evaluation.dataset == "sketch" else ""
    print(f"Model: {printable(target)}, {evaluation.weights} weights")
    print(f"Data: {evaluation.dataset}{drawn}, {evaluation.n:,} test images")
    output.print_table(
        ("class", "precision", "recall", "F1", "images"),
        (
            (
                score.name,
                f"{score.precision:.4f}",
                f"{score.recall:.4f}",
                f"{score.f1:.4f}",
                f"{score.support:,}",
            )
            for score in scores
        ),
        "Classes",
    )
    if pairs := most_confused(evaluation.confusion_matrix, scores):
        output.print_table(
            ("true class", "predicted", "images"),
            ((true.name, predicted.name, f"{count:,}") for true, predicted, count in pairs),
            "Most confused",
        )
    print()
    for subject, number in numbers.items():
        if number is not None:
            caution = "; choosing by it would bias the result" if number > 1 else ""
            output.say(f"This is test evaluation {number} of {subject}{caution}.")
    output.say(
        f"Test loss: {evaluation.loss:.4f}",
        f"Calibration error: {evaluation.calibration_error:.4f} at temperature "
        f"{evaluation.temperature:.3f}, {evaluation.uncalibrated_error:.4f} at 1",
        f"Test accuracy: {evaluation.accuracy:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, {evaluation.correct:,} of {evaluation.n:,})",
    )
