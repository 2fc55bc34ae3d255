"""handstitch test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Dataset, Json, Model, Weights
from handstitch.errors import HandstitchError, printable

if TYPE_CHECKING:
    from handstitch.model.classifier import Classifier
    from handstitch.records import Evaluation


def test(
    path: Model = None,
    /,
    *,
    weights: Weights = "best",
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Measure a trained network on the test set: accuracy, loss, and where it errs.

    The interval is Wilson's, at 95 %: where the accuracy on endless such images would lie. Each
    look at the test set with a run is noted in its folder, and counted.
    """
    import msgspec

    from handstitch import runs
    from handstitch import search as searches
    from handstitch.runs import folder as run_folder

    target = run_folder.newest() if path is None else path
    classifier = runs.load(target, weights)
    evaluation = classifier.test(dataset, data_dir, output.notice)
    look = _noted(run_folder.run_of(target), classifier, evaluation)
    # Who tests several settings of a search chooses between them, too.
    look_of_search = _noted(searches.search_of(target), classifier, evaluation)
    if json:
        counted = {"look": look, "look_of_search": look_of_search}
        output.print_json(msgspec.structs.asdict(evaluation) | counted)
        return
    _print(evaluation, target, look, look_of_search)


def _noted(folder: Path | None, classifier: Classifier, evaluation: Evaluation) -> int | None:
    """Which look at the test set it is, with this run or search; None where none can be noted."""
    from handstitch.runs import test_log

    if folder is None or evaluation.dataset != classifier.model.dataset:
        return None
    digest = test_log.digest_of(classifier.model.parameters.vector)
    try:
        return test_log.note(folder, evaluation, digest, output.notice)
    except HandstitchError as error:
        # The figures are there; what cannot be written must not take them away.
        found = error.facts.get("found", "")
        output.notice(f"this look at the test set is not noted: {error.problem} ({found})")
        output.notice(f"the result stands; where it would be noted: {folder / test_log.LEDGER}")
        return None


def _print(
    evaluation: Evaluation, target: Path, look: int | None, look_of_search: int | None
) -> None:
    from handstitch.evaluation import most_confused

    low, high = evaluation.accuracy_interval
    names = tuple(score.name for score in evaluation.class_scores)
    drawn = " (drawn by Handstitch, not photographs)" if evaluation.dataset == "sketch" else ""
    print(f"Model: {printable(target)}, {evaluation.weights} weights")
    print(f"Data: {evaluation.dataset}{drawn}, {evaluation.n:,} test images")
    scores = output.table("class", "precision", "recall", "F1", "images")
    for score in evaluation.class_scores:
        scores.add_row(
            output.safe_text(score.name),
            f"{score.precision:.4f}",
            f"{score.recall:.4f}",
            f"{score.f1:.4f}",
            f"{score.support:,}",
        )
    output.show(scores, "Classes")
    pairs = most_confused(evaluation.confusion_matrix, names)
    if pairs:
        confused = output.table("is", "taken for", "images")
        for true, predicted, count in pairs:
            confused.add_row(output.safe_text(true), output.safe_text(predicted), f"{count:,}")
        output.show(confused, "Most confused")
    for number, subject in ((look, "this run"), (look_of_search, "runs of its search")):
        if number is not None:
            caution = "; choosing by it would flatter the result" if number > 1 else ""
            print(f"\nThis is look {number} at the test set with {subject}{caution}.", end="")
    print(f"\nTest loss: {evaluation.loss:.4f}")
    print(f"Calibration error: {evaluation.calibration_error:.4f}")
    print(
        f"Test accuracy: {evaluation.accuracy:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, {evaluation.correct:,} of {evaluation.n:,})"
    )
