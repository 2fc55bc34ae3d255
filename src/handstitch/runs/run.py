"""Training run in a folder: trained, saved, interrupted and resumed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Final, Self

import msgspec

from handstitch import machine, storage
from handstitch.config.messages import plural, pretty_json
from handstitch.config.toml import to_toml
from handstitch.errors import Call, Interrupted, MachineError, ModelFileError, Phrase
from handstitch.model import load_model, load_newest_state, save_model
from handstitch.model.trained import Calibrated, best_model, calibrated_model
from handstitch.records import EpochRecord, RunSummary, best_epoch, validation_losses
from handstitch.runs import model_card, snapshot
from handstitch.runs.folder import BEST, CARD, CONFIG, HISTORY, LAST, LOG, SUMMARY
from handstitch.runs.history import epoch_line, history_csv, read_records
from handstitch.training import AfterStep, Callback, Diagnostics, State, Trainer, calling, schedules

_logger = logging.getLogger(__name__)

SAVE_EVERY: Final = 30.0
"""Seconds between saves within an epoch: what a kill may cost."""


class Run:
    """A training run in its folder: `with create(…) as run: for record in run.train(): …`.

    While it is open the folder is locked against other processes. A resumed run restores its
    state when it is opened.
    """

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        *,
        reason: str = "",
        resuming: bool = False,
        epochs_before: int | None = None,
        started_from: str = "",
        validation_set: str = "",
    ) -> None:
        self.folder = folder
        self.trainer = trainer
        self.config = trainer.config
        self.state = trainer.state
        self.reason = reason
        """Why `auto` fell back to `sketch`; else empty."""
        self.validation_set = validation_set
        """Name of the data set that it is validated on, where that is another; else empty."""
        self.started_from = started_from
        """Name of the model whose weights were the first ones; else empty."""
        self.stop_asked = 0
        """A signal's number, to stop training after the current step; 0 to continue."""
        self._resuming = resuming
        self._epochs_before = epochs_before or self.config.epochs
        """The epochs of a resumed run before it was given more."""
        self._saved_at = monotonic()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(storage.lock_folder(self.folder))
            _logger.info("backend: %s", self.trainer.backend)
            if not self._resuming and (start := self.trainer.start):
                _logger.info("starting from %s: %s", self.started_from, start.words)
            if self._resuming:
                self._restore()
                if self.config.epochs > self._epochs_before:
                    self._extend()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def train(
        self, after_step: AfterStep | None = None, callbacks: Sequence[Callback] = ()
    ) -> Iterator[EpochRecord]:
        """Train to the end; yields each epoch's record once it is saved.

        The state is saved at every epoch's end and every SAVE_EVERY seconds. Raises Interrupted,
        with the state saved, after the step in which `stop_asked` was set.
        """
        self._saved_at = monotonic()
        diagnostics = Diagnostics()

        def then(state: State) -> None:
            diagnostics.after_step(state)
            if after_step is not None:
                after_step(state)
            if self.stop_asked or monotonic() - self._saved_at > SAVE_EVERY:
                self._save(ended=None)
                if self.stop_asked:
                    raise Interrupted(self.stop_asked)

        with calling(callbacks, self.trainer) as on_epoch:
            diagnostics.on_start(self.trainer)
            for record in self.trainer.epochs(then):
                diagnostics.on_epoch(record)  # before the state is saved, which holds them
                self._save(record)
                on_epoch(record)
                yield record
                if self.stop_asked and not self.trainer.is_over:
                    raise Interrupted(self.stop_asked)
            if not self._file(SUMMARY).exists():
                self._finish()

    def summary(self) -> RunSummary:
        """Summary of the run so far."""
        best = best_epoch(self.state.history)
        calibrated = self._calibrated if self.trainer.is_over else None
        return RunSummary(
            dataset=self.trainer.dataset.name,
            drawn=self.trainer.dataset.name == "sketch",
            notice=self.reason,
            data_digest=self.trainer.dataset.digest,
            train_images=len(self.trainer.batches.train_indices),
            val_images=len(self.trainer.validation_labels),
            sizes=list(self.trainer.sizes),
            parameters=self.state.network.parameters.vector.size,
            epochs=self.state.epoch,
            best_epoch=best.epoch if best else 0,
            best_val_accuracy=best.val_accuracy if best else 0.0,
            best_val_loss=best.val_loss if best else 0.0,
            temperature=calibrated.model.temperature if calibrated else 1.0,
            val_calibration_error=calibrated.error if calibrated else 0.0,
            val_uncalibrated_error=calibrated.uncalibrated_error if calibrated else 0.0,
            train_seconds=sum(record.train_seconds for record in self.state.history),
            seconds=sum(record.seconds for record in self.state.history),
            threads=int(self.config.threads),
            build=self.trainer.build,
            processor=machine.processor(),
            validation_set=self.validation_set,
            started_from=self.started_from,
            start_digest=self.trainer.start.digest if self.trainer.start else "",
            class_weights=self.trainer.class_weights,
            diagnoses=self.state.diagnoses,
        )

    @cached_property
    def _calibrated(self) -> Calibrated:
        """The model of the finished training."""
        return calibrated_model(self.trainer)

    def _file(self, name: str | Path) -> Path:
        return storage.inside(self.folder, name)

    def _save(self, ended: EpochRecord | None) -> None:
        """Save the state after this step; at the end of an epoch, the tables, too.

        The best weights first: should the process die between the two, the epoch is trained again
        and they are written again. The state holds them, too, so only the state waits for the
        disk; if a power cut takes the other file, resuming restores it.
        """
        try:
            if ended is not None and ended.is_best:
                best = best_model(self.trainer)
                save_model(self._file(BEST), best, durable=self.trainer.is_over)
            snapshot.save(self._file(LAST), self.trainer)
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
        storage.write(self._file(HISTORY), table, durable=False)
        if self.trainer.is_over or self.stop_asked:
            log = "".join(epoch_line(record) + "\n" for record in history)
            storage.write(self._file(LOG), log.encode(), durable=False)

    def _finish(self) -> None:
        save_model(self._file(BEST), self._calibrated.model)
        summary = self.summary()
        storage.write(self._file(CARD), model_card.write(summary, self.config).encode())
        # Last: a run that has a summary is finished.
        storage.write(self._file(SUMMARY), pretty_json(summary))

    def _restore(self) -> None:
        """Restore the newest sound state, and clean up after a kill."""
        last = self._file(LAST)
        for folder in (self.folder, last.parent):
            storage.remove_stale(folder)
        if not storage.existing_copies(last):
            _logger.info("nothing was saved yet: training starts at the first step")
            return
        saved, damage = load_newest_state(last)
        snapshot.restore(last, saved, self.trainer)
        table = {record.epoch: record for record in read_records(self.folder)}
        if damage is not None:
            again = max(0, max(table, default=0) - self.state.epoch)
            _logger.warning(
                "%s is damaged (%s); its backup is used, and %s trained again",
                last.name,
                damage.found or damage.problem,
                plural(again, "finished epoch"),
            )
        for difference in snapshot.differences(saved, self.trainer):
            _logger.warning("%s", difference)
        for number, record in enumerate(self.state.history):
            timed = table.get(record.epoch, record)
            self.state.history[number] = msgspec.structs.replace(
                record, train_seconds=timed.train_seconds, seconds=timed.seconds
            )
        self._restore_best()

    def _extend(self) -> None:
        """Make it a run of more epochs: in its settings, and no longer finished."""
        state, steps = self.state, len(self.trainer.batches)
        before = replace(self.config, epochs=self._epochs_before)
        losses = validation_losses(state.history)
        step = state.epoch * steps + state.batch
        # A finished run has no next step in its old schedule: the last is the one to compare with.
        old = schedules.learning_rate(before, max(0, step - 1), steps, losses)
        new = schedules.learning_rate(self.config, step, steps, losses)
        _logger.info(
            "%d epochs in place of %d: the %s schedule is that of %d epochs, "
            "and the learning rate goes from %.3g to %.3g",
            self.config.epochs,
            self._epochs_before,
            self.config.schedule,
            self.config.epochs,
            old,
            new,
        )
        storage.remove_quietly(self._file(SUMMARY))
        storage.write(self._file(CONFIG), to_toml(self.config).encode())

    def _restore_best(self) -> None:
        """Make the best weights on disk those of the restored state.

        They are of a later epoch if the process died between the two files; or damaged.
        """
        best = best_model(self.trainer)
        if not best.history:
            return
        try:
            if load_model(self._file(BEST)).history == best.history:
                return
        except ModelFileError as error:
            _logger.warning("%s is restored from the state: %s", BEST.name, error.problem)
        save_model(self._file(BEST), best)
