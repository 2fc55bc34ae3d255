"""TensorBoard: a callback that writes the curves of a training run as event files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from handstitch.config.toml import to_toml
from handstitch.errors import MachineError, UsageError
from handstitch.records import EpochRecord
from handstitch.storage.os_errors import translate_os_errors
from handstitch.training.callbacks import Callback

if TYPE_CHECKING:
    from handstitch.training.trainer import Trainer


class TensorBoard(Callback):
    """Writes loss, accuracy, penalty, learning rate and seconds of every epoch, and the settings.

    `folder` is one run to `tensorboard --logdir FOLDER`, one of several to its parent. A resumed
    run writes a new file there with all of its epochs, which replace those before. TensorBoard
    names its files after the time and this machine. Raises UsageError without the extra
    `tensorboard`, MachineError where it cannot write.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._library = _Library()
        self._writer: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open an event file; write the settings, and the epochs of a resumed run."""
        library, settings = self._library, to_toml(trainer.config).encode()
        with self._writing():
            self._writer = library.EventFileWriter(str(self.folder))
            # What earlier files say from this step on is void.
            self._add(0, session_log=library.SessionLog(status=library.SessionLog.START))
            table = b"```toml\n" + settings + b"```"
            self._add(0, summary=library.text_pb("settings", table))
        for record in trainer.state.history:
            self.on_epoch(record)

    def on_epoch(self, record: EpochRecord) -> None:
        """Write the figures of the epoch; without validation there are none of it."""
        figures = {
            "loss/train": record.train_loss,
            "loss/validation": record.val_loss,
            "accuracy/train": record.train_accuracy,
            "accuracy/validation": record.val_accuracy,
            "l2_penalty": record.l2_penalty,
            "learning_rate": record.learning_rate,
            "seconds": record.seconds,
        }
        value = self._library.Summary.Value
        values = [value(tag=tag, simple_value=x) for tag, x in figures.items() if x is not None]
        with self._writing():
            self._add(record.epoch, summary=self._library.Summary(value=values))
            self._writer.flush()

    def on_end(self, history: Sequence[EpochRecord]) -> None:  # noqa: ARG002 (of every callback)
        """Close the event file."""
        with self._writing():
            self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with translate_os_errors(self.folder):
                yield
        except MachineError as error:
            fix = "fix that, or choose another folder for the event files"
            raise replace(error, fix=fix) from error

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(self._library.Event(wall_time=time(), step=step, **content))


class _Library:
    """The parts of the library tensorboard, which comes without TensorFlow."""

    def __init__(self) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.plugins.text.summary_v2 import text_pb
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise UsageError(
                "tensorboard is not installed, which writes event files",
                found=f"no module {error.name}",
                wanted="Handstitch with its extra `tensorboard`",
                fix="pip install 'handstitch[tensorboard]'",
            ) from error
        self.Event, self.SessionLog, self.Summary = Event, SessionLog, Summary
        self.EventFileWriter, self.text_pb = EventFileWriter, text_pb
