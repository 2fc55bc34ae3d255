"""Test log: every evaluation on the test set is recorded, so that selection on it is visible.

A test set tells how good a network is as long as nothing was chosen by it. Whoever tests, changes
a setting, tests again and keeps the better has chosen; the test accuracy is then biased upwards.
So every test evaluation is recorded in the folder of the run (or search) it belongs to:

test/log.json            every test evaluation in order, and the last result of each set of weights
test/log.previous.json   the same before the last evaluation
"""

from __future__ import annotations

import errno
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handstitch import storage
from handstitch.config.messages import pretty_json
from handstitch.errors import DataError, HandstitchError, MachineError, shell_word
from handstitch.model import Model
from handstitch.records import Evaluation, Fraction
from handstitch.training import weights_digest

_logger = logging.getLogger(__name__)

TEST_LOG: Final = Path("test", "log.json")
"""The test log within the folder of a run or search."""
_LARGEST: Final = 64 * 2**20
"""Bytes. An evaluation with 100 classes has 40,000."""
_PATIENCE: Final = 5.0
"""Seconds to wait for another process that is appending."""


class TestEvaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One evaluation on the test set."""

    time: Annotated[str, Meta(max_length=40)]
    """UTC, ISO 8601, to the second."""
    weights_digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """`weights_digest` of the network's parameters."""
    weights: str
    """`best`, `last`, or the file's name."""
    dataset: str
    n: Annotated[int, Meta(ge=0)]
    """Images."""
    accuracy: Fraction


class TestLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The test evaluations of a folder, in order, and the last of each set of weights."""

    evaluations: tuple[TestEvaluation, ...] = ()
    latest: dict[str, Evaluation] = msgspec.field(default_factory=dict)
    """Digest of the weights → their last evaluation."""


def append(folder: Path, evaluation: Evaluation, weights_digest: str) -> int:
    """Append an evaluation to the folder's test log; its number, counted from 1.

    The log is the old one or the new one at every instant. Raises MachineError if it cannot be
    written, DataError if an existing log is damaged: it is never replaced by a new one.
    """
    path = storage.inside(folder, TEST_LOG)
    storage.make_folder(path.parent)
    with storage.lock_folder(path.parent, _PATIENCE):
        for place in (folder, path.parent):  # of a test evaluation that was killed
            storage.remove_stale(place)
        log = read(folder)
        entry = TestEvaluation(
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            weights_digest=weights_digest,
            weights=evaluation.weights,
            dataset=evaluation.dataset,
            n=evaluation.n,
            accuracy=evaluation.accuracy,
        )
        log = TestLog((*log.evaluations, entry), log.latest | {weights_digest: evaluation})
        storage.write(path, pretty_json(log), backup=True)
    return len(log.evaluations)


def record(folder: Path | None, model: Model, evaluation: Evaluation) -> int | None:
    """The number of this test evaluation of `model` in the folder's log; None if it is not in it.

    It is not without a folder, or of other data than the model's. A log that cannot be written is
    a warning: the result is there, and must not be lost with it.
    """
    if folder is None or evaluation.dataset != model.dataset:
        return None
    try:
        return append(folder, evaluation, weights_digest(model.parameters.vector))
    except HandstitchError as error:
        _logger.warning(
            "this test evaluation is not recorded: %s (%s)", error.problem, error.found or ""
        )
        _logger.warning("the result stands; the log would be %s", folder / TEST_LOG)
        return None


def read(folder: Path) -> TestLog:
    """The test log of a folder; empty if there was no test evaluation.

    If the log is damaged, its backup counts, with a warning. Raises DataError if both are damaged,
    MachineError if they may not be read or are links.
    """
    damage: DataError | None = None
    for path in storage.existing_copies(storage.inside(folder, TEST_LOG)):
        try:
            log = _parse(path)
        except DataError as error:
            damage = damage or error
        else:
            if damage is not None:
                _logger.warning("%s; %s is used instead", damage.problem, path.name)
            return log
    if damage is not None:
        raise damage
    return TestLog()


def _parse(path: Path) -> TestLog:
    try:
        log = storage.read_record(path, TestLog, _LARGEST)
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _damaged(path, str(error.strerror)) from error
        raise MachineError(
            "the test log could not be read",
            file=path,
            found=error.strerror or str(error),
            fix=f"check its permissions: ls -l {shell_word(path)}",
        ) from error
    if not all(map(_consistent, log.latest.values())):
        raise _damaged(path, "an evaluation that contradicts its confusion matrix")
    return log


def _consistent(evaluation: Evaluation) -> bool:
    """Whether the confusion matrix is of these classes, images and correct answers."""
    matrix = evaluation.confusion_matrix
    classes = len(evaluation.class_scores)
    return (
        classes > 0
        and {classes} == {len(matrix), *map(len, matrix)}
        and [score.support for score in evaluation.class_scores] == list(map(sum, matrix))
        and sum(map(sum, matrix)) == evaluation.n
        and sum(row[label] for label, row in enumerate(matrix)) == evaluation.correct
    )


def _damaged(path: Path, found: str) -> DataError:
    return DataError(
        "the test log is damaged",
        file=path,
        found=found,
        wanted="the file as it was written",
        fix="restore a copy; or move it away, and a new log starts",
    )
