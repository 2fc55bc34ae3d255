"""handstitch train."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from handstitch import recipes
from handstitch.cli import console
from handstitch.cli.flags import (
    ConfigFile,
    DataDir,
    Json,
    Preset,
    given_settings,
    resolve,
    with_settings,
)
from handstitch.config_file import read_file
from handstitch.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from handstitch.runs import Run


@with_settings
def train(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    out: Annotated[
        Path | None, Parameter(help="folder of the run (default: the next free runs/train-N)")
    ] = None,
    resume: Annotated[
        Path | None, Parameter(help="folder of a run to go on with, to the same bits")
    ] = None,
    from_search: Annotated[
        Path | None,
        Parameter(metavar="SEARCH", help="folder of a search whose winner is to be trained"),
    ] = None,
    by: Annotated[
        Literal["best", "last"] | None,
        Parameter(help="with --from-search: rank by the best or by the last epoch [best]"),
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Train a network; its run folder holds the result.

    Settings come from flags, over HANDSTITCH_… variables, over --config, over the preset.
    Behind each flag stands its value in the preset `default`.
    """
    from handstitch import runs

    if from_search is not None:
        from handstitch.cli.from_search import begin

        _require_alone(from_search, preset=preset, config=config, resume=resume)
        prepared = begin(from_search, by or "best", given_settings(settings), out, data_dir)
    elif by is not None:
        raise UsageError(
            "--by goes with --from-search",
            found=f"--by {by}",
            wanted="a search to rank",
            fix=f"handstitch train --from-search SEARCH --by {by}",
        )
    elif resume is None:
        chosen = resolve(settings, config, preset).config
        prepared = runs.begin(chosen, out, data_dir, console.notice)
    else:
        if out is not None:
            raise UsageError(
                "--resume and --out do not go together",
                found=f"--resume {resume} --out {out}",
                wanted="one of them: a run goes on in its own folder",
                fix=f"handstitch train --resume {shlex.quote(str(resume))}",
            )
        asked = {
            **(recipes.read_preset(preset) if preset else {}),
            **(read_file(config) if config else {}),
            **recipes.read_environment(os.environ),
            **given_settings(settings),
        }
        prepared = runs.resume(resume, asked, data_dir, console.notice)
    with prepared as run:
        try:
            _train(run, json)
        except Interrupted as interrupted:
            here = f"epoch {run.state.epoch + 1}, step {run.state.batch}"
            console.notice(f"stopped in {here}; everything is saved. Go on with:")
            console.command(f"handstitch train --resume {shlex.quote(str(run.folder))}")
            return interrupted.exit_code
    _say_result(run, json)
    return 0


def _require_alone(from_search: Path, **others: object) -> None:
    given = [f"--{name} {value}" for name, value in others.items() if value is not None]
    if given:
        raise UsageError(
            f"--from-search and {given[0].split()[0]} do not go together",
            found=f"--from-search {from_search} {' '.join(given)}",
            wanted="one of them: the search has all settings of its winner",
            fix=f"handstitch train --from-search {shlex.quote(str(from_search))}",
        )


def _train(run: Run, json: bool) -> None:
    from handstitch.cli.progress import Progress
    from handstitch.cli.signals import stopping

    if run.dataset.name == "sketch":
        _say_sketch(run.reason)
    if run.is_over:
        console.notice(f"{run.folder} is finished; there is nothing left to train")
    elif run.state.epoch or run.state.batch:
        console.notice(f"going on in epoch {run.state.epoch + 1} after step {run.state.batch}")
    if run.task.batches.batch_size < run.config.batch_size:
        console.notice(
            f"a batch of {run.config.batch_size:,} is more than the "
            f"{run.task.batches.batch_size:,} training images; each epoch is one step"
        )
    with Progress(run, quiet=json) as progress, stopping(run):
        for record in run.train(progress.after_step):
            progress.epoch(record)


def _say_result(run: Run, json: bool) -> None:
    import msgspec

    summary = run.summary()
    if json:
        console.emit({"run": str(run.folder), **msgspec.to_builtins(summary)})
        return
    data = " on sketch, drawn data" if summary.drawn else ""
    print(
        f"Best: epoch {summary.best_epoch}, Val Accuracy: {summary.best_val_accuracy:.4f}{data}\n"
        f"Run folder: {run.folder}\n"
        f"Test it: handstitch test {shlex.quote(str(run.folder))}"
    )


def _say_sketch(reason: str) -> None:
    if not reason:
        console.notice("training on sketch, garments drawn by Handstitch: not Fashion-MNIST")
        return
    console.loud(
        "NOT Fashion-MNIST",
        [
            "This run learns from `sketch`, garments drawn by Handstitch itself.",
            f"Why: {reason}",
            "For the real data: handstitch data fetch fashion-mnist",
            "or name a folder that has the files: handstitch train --data-dir FOLDER",
        ],
    )
