"""What is to be said about a run: read from its folder, and from the data where they are at hand.

The page shows the best weights. If a look at the test set with these very weights is on record,
its figures count, and the test images are read again for the pictures of mistakes alone: no
figure is taken from them that the record does not have. Otherwise the figures are those of the
images held out for validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from handstitch import insight
from handstitch.arrays import Images, Labels, Matrix
from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.config.toml import read_file
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data import loading, splits
from handstitch.data.scaling import Scaling
from handstitch.errors import HandstitchError
from handstitch.evaluation import Evaluator, evaluate
from handstitch.model import Model, load_model
from handstitch.records import EpochRecord, Evaluation, RunSummary, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log as looks
from handstitch.runs.test_log import Look

Missing = Literal["history", "weights", "summary", "looks", "data", "other data", "initial"]
"""What a page may have to do without; `Words.missing` says each in words."""
Part = Literal["test", "validation"]
Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Images of the part that the page is about, and what the network says of them."""

    images: Images
    labels: Labels
    P: Matrix
    """Probabilities (images, classes)."""


@dataclass(slots=True, eq=False)
class Findings:
    """All that is known of a run."""

    folder: Path
    config: Config
    summary: RunSummary | None = None
    """None until the run is finished."""
    history: list[EpochRecord] = field(default_factory=list)
    model: Model | None = None
    """The best weights."""
    initial: Parameters | None = None
    """θ before the first step, drawn again and confirmed by the model file's digest; else None."""
    looks: list[Look] = field(default_factory=list)
    digest: str = ""
    """Of the best weights, as the ledger of looks has it."""
    evaluation: Evaluation | None = None
    pictures: Pictures | None = None
    missing: list[Missing] = field(default_factory=list)

    @property
    def part(self) -> Part:
        """What the figures are of."""
        return "test" if self.evaluation and self.evaluation.part == "test" else "validation"

    @property
    def dataset(self) -> str:
        """The data set that the run learnt from."""
        return self.model.dataset if self.model else self.config.dataset

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights were kept."""
        return best_epoch(self.history)


def gather(
    folder: Path, data_dir: str | Path | None = None, notify: Notify = lambda line: None
) -> Findings:
    """All that is known of the run in `folder`; what is not to be had is in `missing`.

    Nothing is fetched. Raises UsageError if there is no run, ConfigError if its settings cannot
    be read; `notify` hears why something is missing.
    """
    run_folder.require_run(folder)
    path = folder / run_folder.CONFIG
    found = Findings(folder, from_mapping(read_file(path), str(path)))
    path = folder / run_folder.SUMMARY
    with _noting(found, "summary", path, notify):
        if path.exists():
            found.summary = msgspec.json.decode(path.read_bytes(), type=RunSummary)
    path = folder / run_folder.BEST
    with _noting(found, "weights", path, notify):
        found.model = load_model(path)
        found.digest = looks.digest_of(found.model.parameters.vector)
        begun = insight.recover_initial_weights(found.model)
        found.initial = begun.parameters
        if found.initial is None:
            notify(begun.sentence)
            found.missing.append("initial")
    _read_history(found)
    with _noting(found, "looks", folder / looks.LEDGER, notify):
        _read_looks(found, notify)
    if found.model is not None:
        with _noting(found, "data", Path(found.model.dataset), notify):
            _read_data(found, found.model, data_dir, notify)
    return found


@contextmanager
def _noting(found: Findings, what: Missing, path: Path, notify: Notify) -> Iterator[None]:
    """Within, an error is told, and that `what` is missing."""
    try:
        yield
    except HandstitchError as error:
        detail = error.facts.get("found")
        notify(f"{path}: {error.problem}" + (f" ({detail})" if detail else ""))
        found.missing.append(what)
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        notify(f"{path} cannot be read: {error}")
        found.missing.append(what)


def _read_history(found: Findings) -> None:
    """From the table, which has the seconds; or from the state or model, which have none."""
    found.history = _sound(run_folder.read_records(found.folder))
    for path in (found.folder / run_folder.LAST, found.folder / run_folder.BEST):
        if found.history:
            return
        with suppress(HandstitchError):
            kept = load_model(path).history
            found.history = _sound(run_folder.timeless_records(path, kept))
    if not found.history:
        found.missing.append("history")


def _sound(records: list[EpochRecord]) -> list[EpochRecord]:
    """The records; none if one is missing or has a number that is not finite."""
    numbers = np.array([msgspec.structs.astuple(record) for record in records], np.float64)
    in_order = all(record.epoch == number for number, record in enumerate(records, 1))
    return records if in_order and np.isfinite(numbers).all() else []


def _read_looks(found: Findings, notify: Notify) -> None:
    found.looks = looks.read(found.folder, notify)
    if found.model is not None:
        measured = looks.evaluation_of(found.folder, found.digest)
        classes = len(found.model.class_names)
        if measured and measured.part == "test" and len(measured.class_scores) == classes:
            found.evaluation = measured


def _read_data(found: Findings, model: Model, data_dir: str | Path | None, notify: Notify) -> None:
    """Evaluate on validation, if there was no test; and keep what the pictures are made of."""
    tested = found.evaluation
    part: Literal["test", "train"] = "test" if tested else "train"
    data = loading.load(model.dataset, part, data_dir, fetch=False, notify=notify)
    images, labels = data.images, data.labels
    if tested:
        same = len(data) == tested.n
    else:
        config = found.config
        _, held_out = splits.split(labels, config.validation, config.seed, config.stratified)
        images, labels = images[held_out], labels[held_out]
        same = found.summary is None or found.summary.data_digest == data.digest
    if not same or not insight.fits(model, data):
        notify(f"{model.dataset} is not the data that this run learnt from")
        found.missing.append("other data")
        return
    network = Network(model.parameters, model.activations)
    scaling = Scaling(model.offset, model.scale)
    found.evaluation = tested or evaluate(
        network,
        images,
        labels,
        scaling,
        model.class_names,
        dataset=model.dataset,
        part="validation",
        weights="best",
    )
    found.pictures = Pictures(images, labels, Evaluator(network, images, scaling).probabilities())
