"""Epochs chosen from a history."""

from __future__ import annotations

import pytest

from handstitch.records import EpochRecord, best_epoch, some_epochs


def make_history(epochs: int, *best: int) -> list[EpochRecord]:
    figures = dict.fromkeys(
        ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "l2_penalty"), 0.5
    )
    return [
        EpochRecord(epoch=n, learning_rate=0.1, is_best=n in best, **figures)
        for n in range(1, epochs + 1)
    ]


def test_the_best_epoch_is_the_last_that_was_kept():
    best = best_epoch(make_history(9, 1, 4))
    assert best is not None
    assert best.epoch == 4
    assert best_epoch(make_history(3)) is None
    assert best_epoch([]) is None


def test_seconds_that_were_not_recorded_are_0():
    (record,) = make_history(1)
    assert (record.train_seconds, record.seconds) == (0, 0)


@pytest.mark.parametrize(
    ("epochs", "best", "shown"),
    [
        (5, 2, [1, 2, 3, 4, 5]),
        (9, 5, [1, 3, 5, 7, 9]),
        (9, 8, [1, 3, 5, 7, 8, 9]),
        (101, 2, [1, 2, 26, 51, 76, 101]),
    ],
)
def test_some_epochs_are_even_steps_and_the_best(epochs: int, best: int, shown: list[int]):
    assert [record.epoch for record in some_epochs(make_history(epochs, best), 5)] == shown
