"""Callbacks of a training run: told of its start, of every epoch, and of its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from handstitch.records import EpochRecord

if TYPE_CHECKING:
    from handstitch.training.trainer import Trainer


class Callback(Protocol):
    """Any object with these three methods; a class derived from this one needs those it uses only.

        class Print(handstitch.Callback):
            def on_epoch(self, record):
                print(record.epoch, record.val_accuracy)

    What a method raises ends the training as any error does: of a run in a folder everything up to
    this epoch is saved, and `resume` goes on from there.
    """

    # These do nothing with their arguments: they are for a class that leaves them out.

    def on_start(self, trainer: Trainer) -> None:  # noqa: ARG002
        """Before the first step; `trainer.state.history` has the epochs of a resumed run so far."""
        return

    def on_epoch(self, record: EpochRecord) -> None:  # noqa: ARG002
        """After an epoch; of a run in a folder, once it is saved."""
        return

    def on_end(self, history: Sequence[EpochRecord]) -> None:  # noqa: ARG002
        """After all epochs, those of before included, or where training was left or failed.

        Called wherever `on_start` succeeded, the last callback first.
        """
        return


@contextmanager
def calling(
    callbacks: Sequence[Callback], trainer: Trainer
) -> Iterator[Callable[[EpochRecord], None]]:
    """Start the callbacks, and at the block's end, however it ends, end them; gives `on_epoch`."""
    with ExitStack() as started:
        for callback in callbacks:
            callback.on_start(trainer)
            started.callback(callback.on_end, trainer.state.history)

        def on_epoch(record: EpochRecord) -> None:
            for callback in callbacks:
                callback.on_epoch(record)

        yield on_epoch
