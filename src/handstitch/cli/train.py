"""handstitch train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from handstitch.cli import console
from handstitch.cli.flags import ConfigFile, DataDir, Json, Preset, resolve, with_settings
from handstitch.cli.progress import Progress


@with_settings
def train(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    out: Annotated[
        Path | None, Parameter(help="folder of the run (default: the next free runs/train-N)")
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Train a network; its run folder holds the result.

    Settings come from flags, over HANDSTITCH_… variables, over --config, over the preset.
    Behind each flag stands its value in the preset `default`.
    """
    from handstitch import runs

    resolved = resolve(settings, config, preset)
    with runs.begin(resolved.config, out, data_dir, console.notice) as run:
        if run.reason:
            _say_sketch(run.reason)
        if run.task.batches.batch_size < run.config.batch_size:
            console.notice(
                f"a batch of {run.config.batch_size:,} is more than the "
                f"{run.task.batches.batch_size:,} training images; each epoch is one step"
            )
        with Progress(run, quiet=json) as progress:
            for record in run.train(progress.after_step):
                progress.epoch(record)
    summary = run.summary()
    if json:
        console.emit({"run": str(run.folder), **_plain(summary)})
        return
    data = " on sketch, drawn data" if summary.drawn else ""
    print(
        f"Best: epoch {summary.best_epoch}, Val Accuracy: {summary.best_val_accuracy:.4f}{data}\n"
        f"Run folder: {run.folder}\n"
        f"Test it: handstitch test {run.folder}"
    )


def _say_sketch(reason: str) -> None:
    console.loud(
        "NOT Fashion-MNIST",
        [
            "This run learns from `sketch`, garments drawn by Handstitch itself.",
            f"Why: {reason}",
            "For the real data: handstitch data fetch fashion-mnist",
            "or name a folder that has the files: handstitch train --data-dir FOLDER",
        ],
    )


def _plain(summary: Any) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(summary)
    return plain
