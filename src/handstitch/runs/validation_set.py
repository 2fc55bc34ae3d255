"""validation.json: the data set of its own that a run is validated on, by name and digest."""

from __future__ import annotations

from pathlib import Path

import msgspec

from handstitch import storage
from handstitch.config import Config
from handstitch.data import validation
from handstitch.data.dataset import Dataset
from handstitch.data.sources import Source
from handstitch.errors import ModelFileError
from handstitch.model.info import Digest, Name
from handstitch.records import ReadingOptions
from handstitch.runs.folder import VALIDATION


class ValidationSet(msgspec.Struct, frozen=True):
    """The content of validation.json."""

    name: Name
    digest: Digest


def choose(
    config: Config,
    data: Dataset,
    source: Source | None = None,
    given: str | Path | Dataset | None = None,
    record: ValidationSet | None = None,
) -> Dataset | None:
    """The samples to validate a training on `data` on; None where they are split off, or none.

    Those that are `given`; those in the run's `record`; or the validation part of its `source`.
    Raises DataError if those given are not those of the record.
    """
    if isinstance(given, Dataset):
        found = given
    elif given is not None:
        found = validation.open_path(given, data, ReadingOptions.of(config.to_dict()))
    elif record is not None:
        return validation.find(record.digest, data)
    else:
        return source.validation if source and config.validation else None
    validation.require_same(found, record.digest if record else "")
    return found


def recorded(folder: Path) -> ValidationSet | None:
    """The validation set of the run in `folder`; None where it has none of its own.

    Raises ModelFileError if its record cannot be read.
    """
    file = storage.inside(folder, VALIDATION)
    if not file.exists():
        return None
    try:
        return storage.read_record(file, ValidationSet)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            "the record of the validation set cannot be read",
            file=file,
            found=str(error),
            wanted="its name and digest, as they were written",
            fix="restore the file",
        ) from error
