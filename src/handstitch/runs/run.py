"""Training runs: each in a folder of its own, which one process at a time may work in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

import msgspec

from handstitch import machine, storage, training
from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.config.toml import read_file, to_toml
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.errors import ConfigError, Interrupted, ModelFileError
from handstitch.machine import memory
from handstitch.model import load_model, load_newest_state, save_model, state_exists
from handstitch.model.classifier import Classifier
from handstitch.records import EpochRecord, RunSummary, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs import model_card
from handstitch.runs.folder import BEST, CARD, CONFIG, HISTORY, LAST, LOG, RUNS, SUMMARY
from handstitch.runs.snapshot import Snapshot
from handstitch.training import backend, footprint

SAVE_EVERY: Final = 30.0
"""Seconds of training that a kill may cost, if an epoch is longer than that."""

Notify = Callable[[str], None]
AfterStep = Callable[[training.State], None]


class Run:
    """One run in its folder: `with begin(…) as run: for record in run.train(): …`.

    While it is open the folder is locked against other processes and the BLAS has the run's
    number of threads. A run that is gone on with takes up its state when it is opened.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        dataset: Dataset,
        notify: Notify,
        *,
        reason: str = "",
        resuming: bool = False,
    ) -> None:
        self.folder = folder
        self.config = config
        self.dataset = dataset
        self.reason = reason
        """Why the data are `sketch` though nobody asked for it; else empty."""
        self.task = training.TrainingData(config, dataset)
        sizes = self.task.sizes
        memory.require(
            footprint.bytes_needed(config, sizes, len(dataset)),
            f"a network {'-'.join(map(str, sizes))}",
        )
        self.state = training.start(config, sizes)
        self.build = machine.build_info() | backend.build_info(config)
        self.stop_asked = 0
        """Set to a signal's number, this ends training after the step in flight."""
        self._snapshot = Snapshot(self.state, self.task, config, dataset, self.build)
        self._notify = notify
        self._goes_on = resuming
        self._saved_at = monotonic()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(storage.FolderLock(self.folder))
            opening.enter_context(machine.blas_threads(int(self.config.threads)))
            if self._goes_on:
                self._go_on()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train."""
        return training.is_over(self.state, self.config)

    def train(self, after_step: AfterStep | None = None) -> Iterator[EpochRecord]:
        """Train to the end and yield each epoch's record once everything of it is on disk.

        The state is saved at every epoch's end and every SAVE_EVERY seconds. Raises Interrupted,
        with the state saved, after the step in which `stop_asked` was set.
        """
        self._saved_at = monotonic()

        def then(state: training.State) -> None:
            if after_step is not None:
                after_step(state)
            if self.stop_asked or monotonic() - self._saved_at > SAVE_EVERY:
                self._save(ended=None)
                self._stop_if_asked()

        for record in training.train(self.state, self.task, self.config, then):
            self._save(record)
            yield record
            if not self.is_over:
                self._stop_if_asked()
        if not (self.folder / SUMMARY).exists():
            self._finish()

    def summary(self) -> RunSummary:
        """What came out so far."""
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

    def _stop_if_asked(self) -> None:
        if self.stop_asked:
            raise Interrupted(self.stop_asked)

    def _save(self, ended: EpochRecord | None) -> None:
        """Write everything the run needs to go on from this step; after an epoch, its tables, too.

        The best weights first: should the process die between the two, the epoch is trained again
        and they are written again. The state holds them, too, so it is the state that waits for
        the disk; if a power cut takes the other file, going on writes it anew.
        """
        with run_folder.with_resume_hint(self.folder):
            if ended is not None and ended.is_best:
                best = self._snapshot.best_model()
                save_model(self.folder / BEST, best, lasting=self.is_over)
            self._snapshot.write(self.folder / LAST)
            if ended is not None:
                self._write_tables()
        self._saved_at = monotonic()

    def _write_tables(self) -> None:
        # The state holds the history; a power cut may take its tables.
        history = self.state.history
        table = run_folder.history_csv(history).encode()
        storage.write(self.folder / HISTORY, table, lasting=False)
        if self.is_over or self.stop_asked:
            log = "".join(run_folder.line(record) + "\n" for record in history)
            storage.write(self.folder / LOG, log.encode(), lasting=False)

    def _finish(self) -> None:
        save_model(self.folder / BEST, self._snapshot.best_model())
        summary = self.summary()
        storage.write(self.folder / CARD, model_card.write(summary, self.config).encode())
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
        storage.write(self.folder / SUMMARY, text)  # last: a run that has it is finished

    def _go_on(self) -> None:
        """Take up the newest sound state, and put right what a kill left half done."""
        for folder in (self.folder, self.folder / LAST.parent):
            storage.clean(folder)
        last = self.folder / LAST
        if not state_exists(last):
            self._notify("nothing was saved yet: the run begins at its first step")
            return
        saved, damage = load_newest_state(last)
        self._snapshot.restore(last, saved)
        noted = {record.epoch: record for record in run_folder.read_records(self.folder)}
        if damage is not None:
            again = max(0, max(noted, default=0) - self.state.epoch)
            epochs = "1 finished epoch is" if again == 1 else f"{again} finished epochs are"
            self._notify(
                f"{last.name} is damaged ({damage.facts.get('found', damage.problem)}); the one "
                f"before it is sound: {epochs} trained again"
            )
        for difference in self._snapshot.differences(saved):
            self._notify(difference)
        self.state.history = [
            msgspec.structs.replace(
                record,
                train_seconds=noted.get(record.epoch, record).train_seconds,
                seconds=noted.get(record.epoch, record).seconds,
            )
            for record in self.state.history
        ]
        self._mend_best()

    def _mend_best(self) -> None:
        """Make the best weights on disk those of the state that was taken up.

        They are of a later epoch if the process died between the two files; or damaged.
        """
        best = self._snapshot.best_model()
        if not best.history:
            return
        try:
            if load_model(self.folder / BEST).history == best.history:
                return
        except ModelFileError as error:
            self._notify(f"{BEST.name} is written anew: {error.problem}")
        save_model(self.folder / BEST, best)


def begin(
    config: Config,
    out: Path | None = None,
    data_dir: Path | None = None,
    notify: Notify = lambda line: None,
    beside: Mapping[str, bytes] | None = None,
) -> Run:
    """A new run in a new folder: `out`, or the next free one of runs/train, runs/train-2, ….

    `beside` are files that the folder is to hold from its first moment.

    The data set is found and verified and the thread count resolved before the folder is made.
    On `sketch` that nobody asked for, the folder's name says so, too.
    """
    choice = loading.resolve(config.dataset, data_dir, notify=notify)
    dataset = loading.load(choice.name, "train", data_dir, notify=notify, place=choice.place)
    config = backend.resolve_auto(config, choice.name)
    # The network is made before the folder: a setting that does not fit leaves nothing behind.
    run = Run(out or RUNS, config, dataset, notify, reason=choice.reason)
    storage.probe(run.folder, 8 * run.state.network.parameters.vector.nbytes)
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
    notify: Notify = lambda line: None,
) -> Run:
    """The run in `folder`, to be gone on with to the bits of one that was never interrupted.

    `given` are settings that were asked for besides. Raises ConfigError if they are not the
    run's own, UsageError if there is no run.
    """
    folder = Path(folder)
    run_folder.require_run(folder)
    config = from_mapping(read_file(folder / CONFIG), str(folder / CONFIG))
    require_same(config, given or {}, folder)
    dataset = loading.load(config.dataset, "train", data_dir, notify=notify)
    if int(config.threads) > machine.cores():
        here = f"cores here: {machine.cores()}"
        notify(
            f"the run started with {config.threads} threads; resuming with {config.threads}; {here}"
        )
    if config.backend == "numba" and (reason := backend.unsupported_reason(config)):
        notify(f"the run started with the numba backend and resumes with numpy: {reason}")
        config = replace(config, backend="numpy")
    return Run(folder, config, dataset, notify, resuming=True)


def require_same(config: Config, given: Mapping[str, Any], folder: Path) -> None:
    """Raise ConfigError if a setting that was given is not the one the run was begun with."""
    asked = from_mapping(config.to_dict() | dict(given), "the settings given with --resume")
    changed = [
        name for name in given if getattr(asked, name) not in {getattr(config, name), "auto"}
    ]
    if changed:
        raise ConfigError(
            "a run goes on with the settings it was begun with",
            found=", ".join(f"{name} = {_shown(asked, name)}" for name in changed),
            wanted=", ".join(f"{name} = {_shown(config, name)}" for name in changed),
            fix=f"leave them out, or begin another run: handstitch train --config "
            f"{folder / CONFIG} with the new values",
        )


def load(path: str | Path, weights: str = "best") -> Classifier:
    """The trained network of a run folder (its best weights, or its last) or of a model file."""
    path = Path(path)
    file = run_folder.weights_of(path, weights)
    with run_folder.mending(path, weights):
        return Classifier(file, weights if path.is_dir() else path.name)


def _shown(config: Config, name: str) -> str:
    return msgspec.json.encode(getattr(config, name)).decode()
