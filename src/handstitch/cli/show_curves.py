"""handstitch show curves: training curves as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from handstitch import figures
from handstitch.cli import output, pictures
from handstitch.cli.flags import Json, Language, Model
from handstitch.cli.pictures import Out
from handstitch.errors import ModelFileError, UsageError, printable, shell_word
from handstitch.model import load_model
from handstitch.records import EpochRecord, best_epoch, some_epochs
from handstitch.runs import folder as run_folder
from handstitch.runs.history import recorded_epochs, timeless_records

_LINES: Final = 24
"""Rows of the table; a longer run shows evenly spaced epochs, the best and the last."""


def curves(
    path: Model = None,
    /,
    *,
    style: Annotated[
        Literal["handstitch", "course"],
        Parameter(help="all curves with the best epoch and the rate; or as in the course report"),
    ] = "handstitch",
    out: Out = None,
    lang: Language = "en",
    json: Json = False,
) -> None:
    """Show accuracies, losses and learning rate of every epoch, as a table and as a picture."""
    target = run_folder.newest() if path is None else path
    picture = pictures.picture_path(target, run_folder.CURVES, out)
    history = _history(target)
    if not json:
        _print(history, target)
    pictures.present(
        {"path": str(target), "epochs": history},
        lambda lang: figures.curves(history, style, lang),
        picture,
        lang,
        asked=out is not None,
        json=json,
    )


def _history(target: Path) -> list[EpochRecord]:
    """The epochs of a run, or those in a model file (without their seconds)."""
    if target.is_file():
        records = timeless_records(target, load_model(target).history)
        if not records:
            raise ModelFileError(
                "this model file has no training history",
                file=target,
                found="weights without a history",
                wanted="a run folder, or a model file written by handstitch train",
                fix=f"show its weights: handstitch show weights {shell_word(target)}",
            )
        return records
    run_folder.require_run(target)
    records = recorded_epochs(target)
    if not records:
        raise UsageError(
            "this run has no finished epoch",
            file=target,
            found=f"no sound epoch in {run_folder.HISTORY} or its weights",
            wanted="at least one epoch",
            fix="wait for its first epoch, or resume it: "
            f"handstitch train --resume {shell_word(target)}",
        )
    return records


def _print(history: list[EpochRecord], target: Path) -> None:
    shown, best = some_epochs(history, _LINES), best_epoch(history)
    timed = any(record.seconds for record in history)
    print(f"{'Run' if target.is_dir() else 'Model'}: {printable(target)}")
    output.print_table(
        (
            "epoch", "train\nloss", "train\naccuracy", "val\nloss", "val\naccuracy",
            "learning\nrate", *(["seconds"] if timed else []), "",
        ),
        (
            (
                f"{record.epoch:,}",
                f"{record.train_loss:.4f}",
                f"{record.train_accuracy:.4f}",
                *("–" if x is None else f"{x:.4f}" for x in (record.val_loss, record.val_accuracy)),
                f"{record.learning_rate:.3g}",
                *([f"{record.seconds:.2f}"] if timed else []),
                output.marked("best", "best")
                if record is best and record.val_loss is not None
                else "",
            )
            for record in shown
        ),
    )  # fmt: skip
    if len(shown) < len(history):
        all_epochs = f"; all: {printable(target / run_folder.HISTORY)}" if target.is_dir() else ""
        print(f"{len(shown)} of {len(history):,} epochs{all_epochs}")
