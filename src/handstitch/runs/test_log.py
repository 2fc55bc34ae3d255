"""The looks taken at a test set, so that nobody chooses by it unawares.

A test set tells how good a network is as long as nothing was chosen by it. Who tests, changes a
setting and tests again, and keeps the better, has chosen; what the test set then says flatters.
So every look is noted in the folder of the run (or search) that was looked at, together with the
evaluation it gave:

test/looks.json            every look in order, and the last evaluation of each set of weights
test/looks.previous.json   the same before the last look
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handstitch import storage
from handstitch.arrays import Vector
from handstitch.errors import DataError, MachineError
from handstitch.records import Evaluation

LEDGER: Final = Path("test", "looks.json")
"""Where a folder keeps its looks."""
_LARGEST: Final = 64 * 2**20
"""Bytes. An evaluation with 100 classes has 40,000."""
_PATIENCE: Final = 5.0
"""Seconds to wait for another process that is noting a look of its own."""

Notify = Callable[[str], None]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One look at the test set."""

    time: Annotated[str, Meta(max_length=40)]
    """UTC, ISO 8601, to the second."""
    weights_digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """`digest_of` the network's parameters."""
    weights: str
    """Which they were then: `best`, `last`, or a file's name."""
    dataset: str
    n: Annotated[int, Meta(ge=0)]
    """Images."""
    accuracy: Fraction


class _Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    looks: tuple[Look, ...] = ()
    evaluations: dict[str, Evaluation] = msgspec.field(default_factory=dict)
    """Digest of the weights → what the last look at them gave."""


def digest_of(parameters: Vector) -> str:
    """SHA-256, in hexadecimal, of θ as little-endian float32: says which weights were tested."""
    return hashlib.sha256(parameters.astype("<f4").tobytes()).hexdigest()


def note(
    folder: Path,
    evaluation: Evaluation,
    weights_digest: str,
    notify: Notify = lambda line: None,
) -> int:
    """Write a look into the folder's ledger; which look it is, counted from 1.

    The ledger is the old one or the new one at every instant. Raises MachineError if it cannot be
    written, DataError if the one that is there cannot be read: it is never begun anew over that.
    """
    with _alone(folder):
        ledger = _read(folder, notify)
        look = Look(
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            weights_digest=weights_digest,
            weights=evaluation.weights,
            dataset=evaluation.dataset,
            n=evaluation.n,
            accuracy=evaluation.accuracy,
        )
        grown = _Ledger((*ledger.looks, look), ledger.evaluations | {weights_digest: evaluation})
        text = msgspec.json.format(msgspec.json.encode(grown), indent=1) + b"\n"
        storage.write_with_backup(folder / LEDGER, text)
    return len(grown.looks)


def read(folder: Path, notify: Notify = lambda line: None) -> list[Look]:
    """Every look on record, the first first; none if nobody looked.

    If the ledger is damaged, the one before it counts, and `notify` hears of that. Raises
    DataError if there is no sound one, MachineError if it may not be read.
    """
    return list(_read(folder, notify).looks)


def evaluation_of(
    folder: Path, weights_digest: str, notify: Notify = lambda line: None
) -> Evaluation | None:
    """What the last look at these weights gave; None if nobody looked at them. Raises as `read`."""
    return _read(folder, notify).evaluations.get(weights_digest)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within, no other process notes a look here; two tests at once are two looks."""
    place = (folder / LEDGER).parent
    storage.make_folder(place)
    until = monotonic() + _PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(storage.FolderLock(place))
                break
            except storage.FolderTakenError:
                if monotonic() > until:
                    raise
                sleep(0.02)
        yield


def _read(folder: Path, notify: Notify) -> _Ledger:
    damage: DataError | None = None
    for path in storage.generations(folder / LEDGER):
        try:
            ledger = _parsed(path)
        except DataError as error:
            damage = damage or error
        else:
            if damage is not None:
                notify(f"{damage.problem}; {path.name} is taken instead")
            return ledger
    if damage is not None:
        raise damage
    return _Ledger()


def _parsed(path: Path) -> _Ledger:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise MachineError(
            "the record of looks at the test set cannot be read",
            file=path,
            found=error.strerror or str(error),
            fix="have its rights changed",
        ) from error
    if len(content) > _LARGEST:
        raise _damaged(path, f"more than {_LARGEST:,} bytes")
    try:
        ledger = msgspec.json.decode(content, type=_Ledger)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    if not all(map(_consistent, ledger.evaluations.values())):
        raise _damaged(path, "an evaluation that contradicts its confusion matrix")
    return ledger


def _consistent(evaluation: Evaluation) -> bool:
    """Whether the confusion matrix is of these classes, images and correct answers."""
    matrix = evaluation.confusion_matrix
    classes = len(evaluation.class_scores)
    return (
        classes > 0
        and {classes} == {len(matrix), *map(len, matrix)}
        and min(map(min, matrix)) >= 0
        and sum(map(sum, matrix)) == evaluation.n
        and sum(row[label] for label, row in enumerate(matrix)) == evaluation.correct
    )


def _damaged(path: Path, found: str) -> DataError:
    return DataError(
        "the record of looks at the test set is damaged",
        file=path,
        found=found,
        wanted="the file as handstitch test wrote it",
        fix="put back a copy; or move it away, and the count begins anew",
    )
