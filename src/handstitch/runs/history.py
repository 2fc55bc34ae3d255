"""The history of a run: history.csv, and a line of train.log for each epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from handstitch import storage
from handstitch.errors import HandstitchError, ModelFileError
from handstitch.model import load_model
from handstitch.records import EpochRecord
from handstitch.runs.folder import BEST, HISTORY, LAST
from handstitch.storage import backup_of


def epoch_line(record: EpochRecord) -> str:
    """An epoch in the course report's wording, then `best` if it is.

    Without validation it is that of training alone.
    """
    line = f"Epoch {record.epoch}, Train Loss: {record.train_loss:.4f}"
    if record.val_loss is None or record.val_accuracy is None:
        return line
    best = ", best" if record.is_best else ""
    return f"{line}, Val Loss: {record.val_loss:.4f}, Val Accuracy: {record.val_accuracy:.4f}{best}"


def history_csv(history: list[EpochRecord]) -> str:
    """The records as a table with a header; numbers are written exactly."""
    text = io.StringIO()
    table = csv.DictWriter(text, EpochRecord.__struct_fields__, lineterminator="\n")
    table.writeheader()
    table.writerows(msgspec.structs.asdict(record) for record in history)
    return text.getvalue()


def recorded_epochs(folder: Path) -> list[EpochRecord]:
    """The epochs of a run, from history.csv, which has their seconds; else from its last state or
    best weights, which have none. An empty list if none of these is sound.
    """
    records = _sound(read_records(folder))
    for name in (LAST, backup_of(LAST), BEST):
        if not records:
            with suppress(HandstitchError):
                path = storage.inside(folder, name)
                records = _sound(timeless_records(path, load_model(path).history))
    return records


def _sound(records: list[EpochRecord]) -> list[EpochRecord]:
    """The records; an empty list if one is missing or has a number that is not finite."""
    in_order = all(record.epoch == number for number, record in enumerate(records, 1))
    numbers = (number for record in records for number in msgspec.structs.astuple(record))
    are_finite = all(number is None or isfinite(number) for number in numbers)
    return records if in_order and are_finite else []


def read_records(folder: Path) -> list[EpochRecord]:
    """The epochs in history.csv; none if a line of it cannot be read.

    Raises MachineError if it is a link.
    Only the seconds are needed from it, which a state must not hold; the arithmetic depends on
    nothing in it.
    """
    try:
        text = storage.read_file(storage.inside(folder, HISTORY)).decode()
        table = csv.DictReader(io.StringIO(text))
        rows = [{name: value or None for name, value in row.items()} for row in table]
        return [msgspec.convert(row, EpochRecord, strict=False) for row in rows]
    except (OSError, ValueError, TypeError, csv.Error):
        return []


def timeless_records(path: Path, history: Sequence[Mapping[str, Any]]) -> list[EpochRecord]:
    """The epochs in the metadata of the model file `path`, with 0 seconds each.

    Raises ModelFileError if they are invalid.
    """
    try:
        return msgspec.convert(history, list[EpochRecord])
    except msgspec.ValidationError as error:
        raise ModelFileError(
            "the history in this file is invalid",
            file=path,
            found=str(error),
            wanted="one record for each epoch, as Handstitch writes them",
            fix="give another file, or train again",
        ) from error
