"""handstitch train."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import (
    FLAGS,
    ConfigFile,
    DataDir,
    Json,
    Preset,
    RankBy,
    exclusive,
    resolve,
    with_settings,
)
from handstitch.config import precedence
from handstitch.errors import Interrupted, UsageError, printable, shell_word

if TYPE_CHECKING:
    from handstitch.config import Config
    from handstitch.runs import Origin, Run
    from handstitch.training import Callback

# A resumed run keeps its folder, and the winner of a search its settings.
_FOLDER: Final = exclusive("--resume", "--out")
_CURVES: Final = exclusive("--tensorboard", "--find-rate")
_START: Final = exclusive("--start-from", "--from-search", "--resume", "--find-rate")
_WINNER: Final = (exclusive("--from-search", "--preset"), exclusive("--from-search", "--config"))


@with_settings()
def train(
    *,
    preset: Annotated[Preset, Parameter(group=(FLAGS, _WINNER[0]))] = None,
    config: Annotated[ConfigFile, Parameter(group=(FLAGS, _WINNER[1]))] = None,
    out: Annotated[
        Path | None,
        Parameter(
            group=(FLAGS, _FOLDER),
            help="folder of the run; with --find-rate, of its picture, or the picture",
            show_default="the next free runs/train-N",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        Parameter(group=(FLAGS, _FOLDER, _START), help="folder of a run to resume, bit for bit"),
    ] = None,
    start_from: Annotated[
        Path | None,
        Parameter(
            group=(FLAGS, _START),
            metavar="MODEL",
            help="run folder or model file to start from: its network, weights and scaling",
        ),
    ] = None,
    from_search: Annotated[
        Path | None,
        Parameter(
            group=(FLAGS, _START, *_WINNER),
            metavar="SEARCH",
            help="folder of a search; train its winner",
        ),
    ] = None,
    by: RankBy = None,
    tensorboard: Annotated[
        Path | None,
        Parameter(
            group=(FLAGS, _CURVES),
            metavar="FOLDER",
            help="write the curves as event files of TensorBoard there (extra tensorboard)",
        ),
    ] = None,
    find_rate: Annotated[
        bool,
        Parameter(
            group=(FLAGS, _START, _CURVES),
            help="do not train: find a learning rate (range test)",
            negative=(),
            show_default=False,
        ),
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Train a network; its run folder holds the result.

    Precedence of settings: flags, HANDSTITCH_… variables, --config, --preset, defaults.
    """
    from handstitch import TensorBoard, runs

    callbacks = [TensorBoard(tensorboard)] if tensorboard else []
    validation = _validation_set(settings)
    if by is not None and from_search is None:
        raise UsageError(
            "--by requires --from-search",
            found=f"--by {by}",
            wanted="the folder of a search",
            fix=f"handstitch train --from-search SEARCH --by {by}",
        )
    if validation is not None and from_search is not None:
        raise UsageError(
            "a search's winner is validated as its trials were",
            found=f"--validation {shell_word(validation)}",
            wanted="the fraction that the search held out",
            fix=f"leave it out: handstitch train --from-search {shell_word(from_search)}",
        )
    if find_rate:
        from handstitch.cli import find_rate as rates

        chosen = resolve(settings, config, preset).config
        flags = {"preset": preset, "config": config, **settings, "data_dir": data_dir}
        rates.find_rate(chosen, out, data_dir, flags, json=json)
        return 0
    if from_search is not None:
        from handstitch.search import start_winner

        given = precedence.read_flags(settings)
        prepared = start_winner(from_search, by or "best", given, out, data_dir)
        output.notice("the ranking that chose it:")
        output.command(output.command_line("show", from_search))
    elif resume is not None:
        sources = precedence.sources(precedence.read_flags(settings), config, preset)
        given = {name: value for _, source in sources for name, value in source.items()}
        prepared = runs.reopen(resume, given, data_dir=data_dir, validation=validation)
    elif start_from is not None:
        origin = runs.Origin.of(start_from)
        chosen = _following(origin, resolve(settings, config, preset), preset)
        prepared = runs.create(chosen, None, out, data_dir, validation=validation, origin=origin)
    else:
        chosen = resolve(settings, config, preset).config
        prepared = runs.create(chosen, None, out, data_dir, validation=validation)
    with prepared as run:
        try:
            _train(run, callbacks, json)
        except Interrupted as interrupted:
            position = f"epoch {run.state.epoch + 1}, step {run.state.batch}"
            output.notice(f"stopped in {position}; everything is saved. Resume with:")
            places = {"tensorboard": tensorboard, "data_dir": data_dir}
            output.command(output.command_line("train", resume=run.folder, **places))
            return interrupted.exit_code
    _print_result(run, output.command_line("test", run.folder, data_dir=data_dir), json)
    return 0


def _validation_set(settings: dict[str, Any]) -> str | None:
    """The path of a validation set, taken from the settings; None for a fraction or none."""
    word = settings.get("validation")
    if word is None or re.fullmatch(r"[-+.,%\deE]*|nan|inf", word):
        return None
    settings["validation"] = None
    return str(word)


def _following(origin: Origin, chosen: precedence.ResolvedConfig, preset: str | None) -> Config:
    """The settings as chosen, with the model's where neither flag, variable nor file has one."""
    loose = {"default", f"preset {preset}"}
    wanted = origin.settings(chosen.config.dataset)
    kept = {name: value for name, value in wanted.items() if chosen.origins[name] in loose}
    return replace(chosen.config, **kept)


def _train(run: Run, callbacks: Sequence[Callback], json: bool) -> None:
    from handstitch.cli.progress import RunProgress
    from handstitch.cli.signals import stopping

    if run.trainer.dataset.name == "sketch":
        output.say_sketch("train", run.reason)
    if run.trainer.is_over:
        output.notice(f"{run.folder} is finished; there is nothing left to train")
    elif run.state.epoch or run.state.batch:
        output.notice(f"resuming in epoch {run.state.epoch + 1} after step {run.state.batch}")
    largest = run.trainer.batches.batch_size
    if largest < run.config.batch_size:
        output.notice(
            f"a batch of {run.config.batch_size:,} is more than the {largest:,} training images; "
            f"each epoch is one step; for more: --batch-size {max(1, largest // 8)} or --epochs"
        )
    progress = RunProgress(run, quiet=json)
    with progress.bar or nullcontext(), stopping(run):
        for record in run.train(progress.after_step, callbacks):
            progress.epoch(record)


def _print_result(run: Run, test: str, json: bool) -> None:
    import msgspec

    summary = run.summary()
    if json:
        output.print_json({"run": str(run.folder), **msgspec.to_builtins(summary)})
        return
    data = " on sketch, drawn data" if summary.drawn else ""
    accuracy = summary.best_val_accuracy
    kept = f"Kept: epoch {summary.best_epoch}, the last, without validation{',' if data else ''}"
    best = f"Best: epoch {summary.best_epoch}, Val Accuracy: {accuracy or 0:.4f}"
    print(
        f"{kept if accuracy is None else best}{data}\n"
        f"Run folder: {printable(run.folder)}\n"
        f"Test it: {test}"
    )
