"""Start a run in a folder, new or resumed: to be trained epoch by epoch, or to its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from handstitch import machine, storage
from handstitch.config import Config
from handstitch.config.messages import plural, pretty_json
from handstitch.config.schema import from_mapping
from handstitch.config.toml import format_toml, read_config, to_toml
from handstitch.data import sources
from handstitch.data.catalog import TITLES
from handstitch.data.dataset import Dataset
from handstitch.data.sources import Source
from handstitch.errors import Argument, Call, ConfigError, Phrase
from handstitch.model.classifier import Classifier
from handstitch.records import ReadingOptions
from handstitch.runs import folder as run_folder
from handstitch.runs import snapshot, validation_set
from handstitch.runs.folder import CONFIG, RUNS, VALIDATION
from handstitch.runs.history import epoch_line
from handstitch.runs.origin import Origin, recorded
from handstitch.runs.run import Run
from handstitch.runs.validation_set import ValidationSet
from handstitch.training import Callback, Trainer, backend

_logger = logging.getLogger(__name__)

_FEW: Final = 30
"""Validation images below which an accuracy of 0.9 has a standard error above 0.05."""


def train(
    config: Config | None = None,
    data: str | Path | Dataset | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    *,
    validation: str | Path | Dataset | None = None,
    start_from: str | Path | Classifier | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train a network in a new run folder, and return the finished run.

        run = train(Config(epochs=5), data="sketch", out="runs/a")

    `config` is the default recipe unless given; `data` a data set's name, a path or a Dataset, in
    place of `config.dataset`; `out` the folder, or the first free of runs/train, runs/train-2, …;
    `data_dir` the folder of a named data set's files. `validation` is the path of another data set,
    or a Dataset, to validate on: then none of `data` is held out. `start_from` is a run's folder, a
    model file or a Classifier: the first weights are its weights, the data are its data where none
    are given, and `config` must be of its network. Epochs are logged at level INFO, and `callbacks`
    are told of them. Raises ConfigError, DataError, MachineError or DivergedError.
    """
    origin = None if start_from is None else Origin.of(start_from)
    if config is None:
        name = str(data) if isinstance(data, str | Path) else "auto"
        config = Config(**(origin.settings(name) if origin else {}))
    run = create(config, data, out, data_dir, validation=validation, origin=origin)
    return _train(run, callbacks)


def resume(
    folder: str | Path,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    *,
    validation: str | Path | Dataset | None = None,
    epochs: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train an interrupted run to its end, with the bits of an uninterrupted one.

    `data` is the Dataset it was started with, if it was started with one, and `validation` the
    same, or the path of its validation set now. `epochs`, more than it
    has, make it a run of so many, finished or not. `callbacks` are told of the epochs from here on.
    Raises UsageError if there is no run in `folder`, ModelFileError if its state is damaged.
    """
    given = {} if epochs is None else {"epochs": epochs}
    run = reopen(folder, given, data=data, data_dir=data_dir, validation=validation)
    return _train(run, callbacks)


def _train(run: Run, callbacks: Sequence[Callback]) -> Run:
    with run:
        for record in run.train(callbacks=callbacks):
            _logger.info("%s", epoch_line(record))
    return run


def create(
    config: Config,
    data: str | Path | Dataset | Source | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    *,
    beside: Mapping[str, bytes] | None = None,
    validation: str | Path | Dataset | None = None,
    origin: Origin | None = None,
) -> Run:
    """A new run in a new folder, as `train` makes it, that has not trained yet.

    `beside` are further files of it, `validation` is a set of its own, `origin` the model to start
    from, which brings its own data set where none is named. Data set and number of threads are
    resolved before it is made. Where `auto` fell back to `sketch`, its name says so.
    """
    if config.precision != "float32":
        backend.resolve(config)  # which may refuse it: before data are read
    reason, source = "", None
    if not isinstance(data, Dataset):
        if origin and data is None and config.dataset == "auto":
            data = sources.recorded(origin.model.dataset, origin.model.data_digest, data_dir)
        source = data if isinstance(data, Source) else None
        if source is None:
            options = ReadingOptions.of(config.to_dict())
            source = sources.resolve(str(data or config.dataset), data_dir, options)
        reason, data = source.reason, source.load("train")
    own = validation_set.choose(config, data, source, validation)
    record = None if validation is None or own is None else ValidationSet(own.name, own.digest)
    # The network is made before the folder: an error leaves nothing behind.
    run = Run(
        Path(out or RUNS),
        Trainer(config, data, own, origin.model if origin else None),
        reason=reason,
        started_from=origin.name if origin else "",
        validation_set=record.name if record else "",
    )
    if not len(run.trainer.validation_labels):
        _logger.info("no image is held out for validation: the last epoch is kept")
    elif len(run.trainer.validation_labels) < _FEW:
        _logger.warning(
            "only %s for validation: which epoch is best is decided by chance",
            plural(len(run.trainer.validation_labels), "image"),
        )
    storage.check_writable(run.folder, 8 * run.state.network.parameters.vector.nbytes)
    files = {
        **(beside or {}),
        **(origin.files if origin else {}),
        **({VALIDATION: pretty_json(record)} if record else {}),
        CONFIG: to_toml(run.config).encode(),
    }
    if out is None:
        run.folder = storage.new_folder(RUNS, "train-sketch" if reason else "train", files)
    else:
        storage.create_folder(run.folder, files)
    return run


def reopen(
    folder: str | Path,
    given: Mapping[str, Any] | None = None,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    validation: str | Path | Dataset | None = None,
) -> Run:
    """The run in `folder`, to be trained on: it ends with the bits of an uninterrupted one.

    `given` are settings from the command line. A data set among them is where its data are now, and
    `validation` where its validation set is; more epochs make it a run of so many, finished or not.
    Raises ConfigError if others differ from the run's, UsageError if there is no run.
    """
    folder = Path(folder)
    run_folder.require_run(folder)
    config = read_config(folder / CONFIG)
    given = dict(given or {})
    place = given.pop("dataset", config.dataset)
    epochs_before = config.epochs
    if given.get("epochs", 0) > config.epochs:
        config = replace(config, epochs=given["epochs"])
    require_same(config, given, folder)
    if config.precision != "float32":
        _require_unit(config, folder)
    source, record = None, validation_set.recorded(folder)
    if validation is not None and record is None:
        raise ConfigError(
            "this run has no validation set of its own",
            file=folder,
            found="a data set to validate on",
            wanted="none: it holds images out, as it was started",
            fix=Phrase("leave {} out", Argument("validation")),
        )
    if data is None:
        name = config.dataset
        digest = "" if name in TITLES else snapshot.data_digest(folder / run_folder.LAST)
        if place != name:
            options = ReadingOptions.of(config.to_dict())
            source = sources.given(place, name, digest, data_dir, options)
            sources.require_same(source, name, digest)
        else:
            source = sources.recorded(name, digest, data_dir)
        data = source.load("train")
    own = validation_set.choose(config, data, source, validation, record)
    if machine.resolve_threads(config.threads) > machine.cores():
        _logger.info(
            "resuming with %s threads as before; this machine has %s",
            config.threads,
            plural(machine.cores(), "core"),
        )
    if config.backend == "numba" and (reason := backend.unsupported_reason(config)):
        _logger.warning("the run started with the numba backend and resumes with numpy: %s", reason)
        config = replace(config, backend="numpy")
    origin = recorded(folder)
    return Run(
        folder,
        Trainer(config, data, own, origin.model if origin else None),
        validation_set=record.name if record else "",
        resuming=True,
        epochs_before=epochs_before,
        started_from=origin.name if origin else "",
    )


def _require_unit(config: Config, folder: Path) -> None:
    """Raise ConfigError where the run in `folder`, of bfloat16 products, cannot resume here."""
    try:
        backend.resolve(config)
    except ConfigError as error:
        new = Call("train", Argument("start_from", folder))
        raise replace(
            error,
            problem=f"{error.problem}, with which this run was started",
            file=folder,
            fix=Phrase("resume it where they are, or start a new run from its weights: {}", new),
        ) from error


def require_same(config: Config, given: Mapping[str, Any], folder: Path) -> None:
    """Raise ConfigError if a given setting differs from the run's."""
    asked = from_mapping(config.to_dict() | dict(given), "the settings given")
    changed = [
        name for name in given if getattr(asked, name) not in {getattr(config, name), "auto"}
    ]
    if changed:
        raise ConfigError(
            "a run resumes with the settings it was started with",
            found=", ".join(format_toml(name, getattr(asked, name)) for name in changed),
            wanted=", ".join(format_toml(name, getattr(config, name)) for name in changed),
            fix=Phrase(
                "leave them out, or start a new run with the new values: {}",
                Call(
                    "config.precedence.resolve",
                    Argument("file", folder / CONFIG),
                    Argument("flags", {name: getattr(asked, name) for name in changed}),
                ),
            ),
        )
