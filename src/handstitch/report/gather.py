"""Contents of a run: read from its folder, and from its data set where that is available.

The page shows the best weights. If the test log has a test evaluation of these very weights, its
figures count, and the test images are read again for the pictures of mistakes only: no figure is
taken from them that the log does not have. Otherwise the figures are those of the validation
images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from handstitch import insight, storage
from handstitch.arrays import Images, Labels, Matrix
from handstitch.config import Config
from handstitch.config.toml import read_config
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data import sources, splits
from handstitch.errors import HandstitchError, ModelFileError
from handstitch.evaluation import Evaluator, evaluate, probabilities
from handstitch.model import Model, load_model
from handstitch.records import (
    EpochRecord,
    Evaluation,
    ReadingOptions,
    RunSummary,
    best_epoch,
    is_validated,
)
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from handstitch.runs.history import recorded_epochs
from handstitch.runs.test_log import TestEvaluation
from handstitch.training import weights_digest

_logger = logging.getLogger(__name__)

Missing = Literal[
    "history", "weights", "summary", "test log", "data", "other data", "images",
    "overflow", "initial",
]  # fmt: skip
"""What a page may lack; `Words.missing` has a sentence for each."""
Part = Literal["test", "validation"]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Samples of the part that the figures are of, and their predicted probabilities."""

    images: Images
    labels: Labels
    P: Matrix
    """Probabilities (samples, classes)."""
    P_uncalibrated: Matrix
    """The same at temperature 1."""
    temperature: float
    """That of P."""


@dataclass(slots=True, eq=False)
class RunContents:
    """Everything that is known of a run."""

    folder: Path
    config: Config
    summary: RunSummary | None = None
    """None until the run is finished."""
    history: list[EpochRecord] = field(default_factory=list)
    model: Model | None = None
    """The best weights."""
    initial: Parameters | None = None
    """θ before the first step, confirmed by the model file's digest; else None."""
    test_log: Sequence[TestEvaluation] = ()
    digest: str = ""
    """Of the best weights, as in the test log."""
    evaluation: Evaluation | None = None
    predictions: Predictions | None = None
    missing: list[Missing] = field(default_factory=list)

    @property
    def part(self) -> Part:
        """The part of the data that the figures are of."""
        return "test" if self.evaluation and self.evaluation.part == "test" else "validation"

    @property
    def dataset(self) -> str:
        """The data set that the run was trained on."""
        return self.model.dataset if self.model else self.config.dataset

    @property
    def is_unmeasured(self) -> bool:
        """Whether nothing was held out for validation, and these weights were not tested either."""
        return bool(self.history) and not self.is_validated and self.evaluation is None

    @property
    def is_validated(self) -> bool:
        """Whether images were held out for validation, so that there are figures of them."""
        return is_validated(self.history)

    @property
    def best(self) -> EpochRecord | None:
        """The epoch of the best weights."""
        return best_epoch(self.history)


def gather(
    folder: Path, data_dir: str | Path | None = None, dataset: str | Path | None = None
) -> RunContents:
    """The contents of the run in `folder`; what is not available is listed in `missing`.

    `dataset` is the path where its data are now.
    Nothing is fetched. Raises UsageError if there is no run, ConfigError if its settings cannot
    be read; a warning says why something is missing.
    """
    run_folder.require_run(folder)
    path, summary = folder / run_folder.CONFIG, folder / run_folder.SUMMARY
    run = RunContents(folder, read_config(path))
    with _noting(run, "summary", summary), suppress(FileNotFoundError):
        run.summary = storage.read_record(storage.inside(folder, summary.name), RunSummary)
    with _noting(run, "weights", folder / run_folder.BEST):
        run.model = load_model(storage.inside(folder, run_folder.BEST))
        run.digest = weights_digest(run.model.parameters.vector)
        if not run.model.has_images:
            run.missing.append("images")
        initial = insight.recover_initial_weights(run.model)
        run.initial = initial.parameters
        if run.initial is None and not run.model.start_digest:
            _logger.warning("%s", initial.sentence)
            run.missing.append("initial")
    with _noting(run, "history", folder / run_folder.HISTORY):
        run.history = recorded_epochs(folder)
        if not run.history:
            run.missing.append("history")
    with _noting(run, "test log", folder / test_log.TEST_LOG):
        log = test_log.read(folder)
        run.test_log, tested = log.evaluations, log.latest.get(run.digest)
        if tested and tested.part == "test":
            run.evaluation = tested
    if run.model is not None:
        with _noting(run, "data", run.model.dataset):
            _read_data(run, run.model, data_dir, dataset)
    return run


@contextmanager
def _noting(run: RunContents, what: Missing, source: Path | str) -> Iterator[None]:
    """A context in which an error becomes a warning, and `what` is noted as missing."""
    try:
        yield
    except (HandstitchError, OSError, ValueError) as error:
        problem = getattr(error, "problem", f"cannot be read: {error}")
        found = getattr(error, "found", None)
        name = "" if str(source) in problem else f"{source}: "
        _logger.warning("%s%s%s", name, problem, f" ({found})" if found else "")
        overflows = what == "data" and isinstance(error, ModelFileError)
        run.missing.append("overflow" if overflows else what)


def _read_data(
    run: RunContents, model: Model, data_dir: str | Path | None, dataset: str | Path | None
) -> None:
    """Predict the images of the part, and evaluate on validation if there was no test."""
    if run.evaluation and len(run.evaluation.class_scores) != len(model.class_names):
        run.evaluation = None
    if run.is_unmeasured:
        return
    part: Literal["test", "train"] = "test" if run.evaluation else "train"
    if dataset is None:
        source = sources.recorded(model.dataset, model.data_digest, data_dir)
    else:
        options = ReadingOptions.of(run.config.to_dict())
        source = sources.given(str(dataset), model.dataset, model.data_digest, data_dir, options)
        sources.require_same(source, model.dataset, model.data_digest)
    data = source.load(part, fetch=False)
    if run.evaluation:
        same = len(data) == run.evaluation.n
    elif (validation := source.validation_of(model.validation_digest)) is not None:
        same, data = model.data_digest == data.digest, validation
    else:
        config = run.config
        same = run.summary is None or run.summary.data_digest == data.digest
        data = splits.held_out(data, config.validation, config.seed, config.stratified)
    if not same or not insight.fits(model, data):
        _logger.warning("%s on this machine is not the data set of this run", model.dataset)
        run.missing.append("other data")
        return
    network = Network(model.parameters, model.activations)
    scaling = model.scaling
    run.evaluation = run.evaluation or evaluate(network, data, scaling, "best", model.temperature)
    Z = Evaluator(network, data.images, scaling).logits()
    P, uncalibrated = probabilities(Z, model.temperature), probabilities(Z)
    run.predictions = Predictions(data.images, data.labels, P, uncalibrated, model.temperature)
