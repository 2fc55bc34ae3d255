"""Training run in a folder: trained, saved, interrupted and resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

import msgspec

from handstitch import machine, storage, training
from handstitch.config import Config
from handstitch.config.messages import plural, pretty_json
from handstitch.config.schema import from_mapping
from handstitch.config.toml import format_toml, read_file, to_toml
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.errors import (
    Argument,
    Call,
    ConfigError,
    Interrupted,
    MachineError,
    ModelFileError,
    Phrase,
)
from handstitch.machine import memory
from handstitch.model import load_model, load_newest_state, save_model
from handstitch.records import EpochRecord, RunSummary, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs import model_card
from handstitch.runs.folder import BEST, CARD, CONFIG, HISTORY, LAST, LOG, RUNS, SUMMARY
from handstitch.runs.history import epoch_line, history_csv, read_records
from handstitch.runs.snapshot import Snapshot
from handstitch.training import backend, footprint

_logger = logging.getLogger(__name__)

SAVE_EVERY: Final = 30.0
"""Seconds between saves within an epoch: what a kill may cost."""

AfterStep = Callable[[training.State], None]


class Run:
    """A training run in its folder: `with begin(…) as run: for record in run.train(): …`.

    While it is open the folder is locked against other processes and the BLAS has the run's
    number of threads. A resumed run restores its state when it is opened.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        dataset: Dataset,
        *,
        reason: str = "",
        resuming: bool = False,
    ) -> None:
        self.folder = folder
        self.config = config
        self.dataset = dataset
        self.reason = reason
        """Why `auto` fell back to `sketch`; else empty."""
        self.task = training.TrainingData(config, dataset)
        sizes = self.task.sizes
        memory.require(
            footprint.bytes_needed(config, sizes, len(dataset)),
            f"a network {'-'.join(map(str, sizes))}",
        )
        self.state = training.start(config, sizes)
        self.build = machine.build_info() | backend.build_info(config)
        self.stop_asked = 0
        """A signal's number, to stop training after the current step; 0 to continue."""
        self._snapshot = Snapshot(self.state, self.task, config, dataset, self.build)
        self._resuming = resuming
        self._saved_at = monotonic()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(storage.lock_folder(self.folder))
            opening.enter_context(machine.blas_threads(int(self.config.threads)))
            if self._resuming:
                self._restore()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def is_over(self) -> bool:
        """Whether training is complete."""
        return training.is_over(self.state, self.config)

    def train(self, after_step: AfterStep | None = None) -> Iterator[EpochRecord]:
        """Train to the end; yields each epoch's record once it is saved.

        The state is saved at every epoch's end and every SAVE_EVERY seconds. Raises Interrupted,
        with the state saved, after the step in which `stop_asked` was set.
        """
        self._saved_at = monotonic()

        def then(state: training.State) -> None:
            if after_step is not None:
                after_step(state)
            if self.stop_asked or monotonic() - self._saved_at > SAVE_EVERY:
                self._save(ended=None)
                if self.stop_asked:
                    raise Interrupted(self.stop_asked)

        for record in training.train(self.state, self.task, self.config, then):
            self._save(record)
            yield record
            if self.stop_asked and not self.is_over:
                raise Interrupted(self.stop_asked)
        if not (self.folder / SUMMARY).exists():
            self._finish()

    def summary(self) -> RunSummary:
        """Summary of the run so far."""
        best = best_epoch(self.state.history)
        return RunSummary(
            dataset=self.dataset.name,
            drawn=self.dataset.name == "sketch",
            notice=self.reason,
            data_digest=self.dataset.digest,
            train_images=len(self.task.batches.train_indices),
            val_images=len(self.task.validation_labels),
            sizes=list(self.task.sizes),
            parameters=self.state.network.parameters.vector.size,
            epochs=self.state.epoch,
            best_epoch=best.epoch if best else 0,
            best_val_accuracy=best.val_accuracy if best else 0.0,
            best_val_loss=best.val_loss if best else 0.0,
            train_seconds=sum(record.train_seconds for record in self.state.history),
            seconds=sum(record.seconds for record in self.state.history),
            threads=int(self.config.threads),
            build=self.build,
            processor=machine.processor(),
        )

    def _save(self, ended: EpochRecord | None) -> None:
        """Save the state after this step; at the end of an epoch, the tables, too.

        The best weights first: should the process die between the two, the epoch is trained again
        and they are written again. The state holds them, too, so only the state waits for the
        disk; if a power cut takes the other file, resuming restores it.
        """
        try:
            if ended is not None and ended.is_best:
                best = self._snapshot.best_model()
                save_model(self.folder / BEST, best, durable=self.is_over)
            self._snapshot.write(self.folder / LAST)
            if ended is not None:
                self._write_tables()
        except MachineError as error:
            fix = Phrase("fix that, then resume the run: {}", Call("resume", self.folder))
            raise replace(error, fix=fix) from error
        self._saved_at = monotonic()

    def _write_tables(self) -> None:
        # The state holds the history; a power cut may take its tables.
        history = self.state.history
        table = history_csv(history).encode()
        storage.write(self.folder / HISTORY, table, durable=False)
        if self.is_over or self.stop_asked:
            log = "".join(epoch_line(record) + "\n" for record in history)
            storage.write(self.folder / LOG, log.encode(), durable=False)

    def _finish(self) -> None:
        save_model(self.folder / BEST, self._snapshot.best_model())
        summary = self.summary()
        storage.write(self.folder / CARD, model_card.write(summary, self.config).encode())
        # Last: a run that has a summary is finished.
        storage.write(self.folder / SUMMARY, pretty_json(summary))

    def _restore(self) -> None:
        """Restore the newest sound state, and clean up after a kill."""
        for folder in (self.folder, self.folder / LAST.parent):
            storage.remove_stale(folder)
        last = self.folder / LAST
        if not storage.existing_copies(last):
            _logger.info("nothing was saved yet: training starts at the first step")
            return
        saved, damage = load_newest_state(last)
        self._snapshot.restore(last, saved)
        table = {record.epoch: record for record in read_records(self.folder)}
        if damage is not None:
            again = max(0, max(table, default=0) - self.state.epoch)
            _logger.warning(
                "%s is damaged (%s); its backup is used, and %s trained again",
                last.name,
                damage.found or damage.problem,
                plural(again, "finished epoch"),
            )
        for difference in self._snapshot.differences(saved):
            _logger.warning("%s", difference)
        for number, record in enumerate(self.state.history):
            timed = table.get(record.epoch, record)
            self.state.history[number] = msgspec.structs.replace(
                record, train_seconds=timed.train_seconds, seconds=timed.seconds
            )
        self._restore_best()

    def _restore_best(self) -> None:
        """Make the best weights on disk those of the restored state.

        They are of a later epoch if the process died between the two files; or damaged.
        """
        best = self._snapshot.best_model()
        if not best.history:
            return
        try:
            if load_model(self.folder / BEST).history == best.history:
                return
        except ModelFileError as error:
            _logger.warning("%s is restored from the state: %s", BEST.name, error.problem)
        save_model(self.folder / BEST, best)


def begin(
    config: Config,
    out: Path | None = None,
    data_dir: Path | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Run:
    """A new run in a new folder: `out`, or the first free of runs/train, runs/train-2, ….

    `beside` are further files of it. Data set and number of threads are resolved before it is
    made. Where `auto` fell back to `sketch`, its name says so.
    """
    choice = loading.resolve(config.dataset, data_dir)
    dataset = loading.load(choice.name, "train", data_dir, location=choice.location)
    config = backend.resolve_auto(config, choice.name)
    # The network is made before the folder: an error leaves nothing behind.
    run = Run(out or RUNS, config, dataset, reason=choice.reason)
    storage.check_writable(run.folder, 8 * run.state.network.parameters.vector.nbytes)
    files = {**(beside or {}), CONFIG: to_toml(config).encode()}
    if out is None:
        run.folder = storage.new_folder(RUNS, "train-sketch" if choice.reason else "train", files)
    else:
        storage.create_folder(out, files)
    return run


def resume(
    folder: Path,
    given: Mapping[str, Any] | None = None,
    data_dir: Path | None = None,
) -> Run:
    """Resume the run in `folder`: it ends with the bits of an uninterrupted one.

    `given` are settings from the command line. Raises ConfigError if they differ from the run's,
    UsageError if there is no run, ModelFileError if it is of before 0.1.
    """
    folder = Path(folder)
    run_folder.require_run(folder)
    config = from_mapping(read_file(folder / CONFIG), str(folder / CONFIG))
    require_same(config, given or {}, folder)
    dataset = loading.load(config.dataset, "train", data_dir)
    if int(config.threads) > machine.cores():
        _logger.info(
            "resuming with %s threads as before; this machine has %s",
            config.threads,
            plural(machine.cores(), "core"),
        )
    if config.backend == "numba" and (reason := backend.unsupported_reason(config)):
        _logger.warning("the run started with the numba backend and resumes with numpy: %s", reason)
        config = replace(config, backend="numpy")
    return Run(folder, config, dataset, resuming=True)


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
