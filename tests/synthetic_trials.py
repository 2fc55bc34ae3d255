"""Synthetic trials for tests, with known accuracies of every candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from handstitch.records import EpochRecord, Trial

Curve = Callable[[int], float]
"""Epoch, from 1 → a figure."""


def epochs(
    val_accuracy: Sequence[float],
    *,
    train_loss: Curve = lambda epoch: 1 / epoch,
    val_loss: Curve = lambda epoch: 1.1 / epoch,
    train_accuracy: Curve = lambda epoch: 0.9,
) -> list[EpochRecord]:
    """A history with these validation accuracies."""
    records: list[EpochRecord] = []
    for number, accuracy in enumerate(val_accuracy, 1):
        records.append(
            EpochRecord(
                epoch=number,
                train_loss=train_loss(number),
                train_accuracy=train_accuracy(number),
                val_loss=val_loss(number),
                val_accuracy=accuracy,
                l2_penalty=0.0,
                learning_rate=0.1,
                train_seconds=1.0,
                seconds=1.5,
                is_best=all(accuracy > (each.val_accuracy or 0) for each in records),
            )
        )
    return records


def trial(
    candidate: int,
    repeat: int,
    history: Sequence[EpochRecord],
    parameters: Mapping[str, Any] | None = None,
    *,
    seeds: int = 5,
    state: Literal["complete", "pruned", "failed"] = "complete",
    problem: str = "",
) -> Trial:
    """One trial, numbered as a search numbers it."""
    return Trial(
        number=candidate * seeds + repeat,
        candidate=candidate,
        repeat=repeat,
        seed=100 + repeat,
        parameters=dict(parameters or {"learning_rate": float(candidate)}),
        state=state,
        history=list(history),
        val_images=6000,
        threads=1,
        seconds=10.0,
        problem=problem,
    )


def search(
    table: Sequence[Sequence[float]] | np.ndarray[Any, np.dtype[np.float64]],
    parameters: Sequence[Mapping[str, Any]] | None = None,
) -> list[Trial]:
    """A search with these accuracies (candidate, repeat): one epoch each, so best is last."""
    return [
        trial(
            candidate,
            repeat,
            epochs([float(value)]),
            parameters[candidate] if parameters else None,
            seeds=len(row),
        )
        for candidate, row in enumerate(table)
        for repeat, value in enumerate(row)
    ]
