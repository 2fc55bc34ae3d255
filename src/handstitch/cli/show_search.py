"""handstitch show SEARCH: what the trials of a search tell."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import to_builtins

from handstitch import storage
from handstitch.cli import output
from handstitch.config.messages import format_value
from handstitch.errors import MachineError, UsageError, printable

if TYPE_CHECKING:
    from handstitch.figures import Lang
    from handstitch.search import Ranking, Search, Setting
    from handstitch.search.ranking import By, Lost

TABLE: Final = "settings.csv"
PICTURES: Final = "pictures"
_VERDICTS: Final = {True: "indistinguishable", False: "lower", None: "not compared"}
_SHOWN: Final = 40
"""Rows of the table at most; the file has them all."""


def show_search(folder: Path, by: By = "best", *, lang: Lang = "en", json: bool = False) -> None:
    """Print what the trials of the search in `folder` tell, and keep it there.

    The table goes into settings.csv and the pictures into pictures/, where the folder can be
    written. Raises UsageError if it is no search or has no trial yet.
    """
    from handstitch import search as searches
    from handstitch.search.summary import sentences
    from handstitch.search.table import settings_csv

    found = searches.load(folder)
    if not found.trials:
        raise UsageError(
            "this search has no finished trial yet",
            folder=folder,
            found="0 trials",
            wanted="at least one",
            fix=f"go on with it: handstitch search --out {shlex.quote(str(folder))}",
        )
    ranking = searches.rank(found.trials, by, found.seeds)
    files = {TABLE: settings_csv(ranking).encode(), **_pictures(found, ranking, lang)}
    written = _written(folder, files)
    if not json:
        _print(folder, found, ranking, written)
        return
    output.emit(
        {
            "search": str(folder),
            "kind": found.kind,
            "pruning": found.pruning,
            "planned": found.spec.trials,
            **to_builtins(ranking),
            "words": sentences(ranking),
        }
    )


def _print(folder: Path, found: Search, ranking: Ranking, written: list[str]) -> None:
    from handstitch.search.summary import named, sentences

    drawn = " on sketch, drawn data" if found.spec.config["dataset"] == "sketch" else ""
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    state = "" if found.is_over else f", {len(found.trials):,} of {found.spec.trials:,} trials done"
    candidates = f"{found.spec.settings:,} candidates × {seeds}"
    print(f"Search: {printable(folder)}, {found.kind}, {candidates}{state}{drawn}")
    _table(ranking)
    every: list[Setting | Lost] = [*ranking.settings, *ranking.lost]
    for each in every:
        if each.problem:
            name = named(each.parameters) or "the candidate"
            print(f"Not compared: {name}: {printable(each.problem)}")
    print()
    _say(*sentences(ranking))
    if ranking.importance:
        _importance(ranking)
    print()
    if written:
        print(f"Written: {', '.join(printable(folder / name) for name in written)}")
    if ranking.winner is not None:
        by = "" if ranking.by == "best" else " --by last"
        print(f"Train the winner: handstitch train --from-search {shlex.quote(str(folder))}{by}")


def _table(ranking: Ranking) -> None:
    from handstitch.search.table import searched

    names = searched(ranking)
    has_intervals = any(each.interval for each in ranking.settings)
    epochs = ["best\nepoch", "last\nepoch"][:: 1 if ranking.by == "best" else -1]
    heads = [name.replace("_", "\n") for name in names]
    spread = "95 %\ninterval" if has_intervals else "sd of\nseeds"
    table = output.table("", *heads, epochs[0], spread, epochs[1])
    for each in ranking.settings[:_SHOWN]:
        other = each.last_epoch_accuracy if ranking.by == "best" else each.best_epoch_accuracy
        spread = "–"
        if each.interval:
            spread = f"± {each.interval[1] - each.mean:.4f}"
        elif each.deviation is not None and not has_intervals:
            spread = f"{each.deviation:.4f}"
        table.add_row(
            "highest" if each.setting == ranking.winner else _VERDICTS[each.tied],
            *(output.text(format_value(each.parameters.get(name))) for name in names),
            f"{each.mean:.4f}",
            spread,
            f"{other:.4f}",
        )
    output.show(table, "Validation accuracy, mean over the seeds")
    left = len(ranking.settings) - _SHOWN
    if left > 0:
        print(f"… and {left:,} more in {TABLE}")


def _importance(ranking: Ranking) -> None:
    table = output.table("parameter", "share")
    for name, share in ranking.importance.items():
        table.add_row(output.text(name), f"{share:.2f}")
    output.show(table, "Share of the variance between trials that goes with each parameter")
    if ranking.importance_overlaps:
        _say("The candidates are no full grid: shares overlap and may add up to more than 1.")
    else:
        _say("Main effects of a full grid; seeds and interactions have the rest.")


def _say(*lines: str) -> None:
    """Sentences, broken between words on a terminal."""
    width = output.console().width
    for line in lines:
        print(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False))


def _pictures(found: Search, ranking: Ranking, lang: Lang) -> dict[str, bytes]:
    """The pictures as files; none where matplotlib is missing."""
    from handstitch import figures
    from handstitch.figures import search as drawings
    from handstitch.search.ranking import finished

    histories = {
        number: [trial.history for trial in trials.values()]
        for number, trials in finished(found.trials).items()
    }
    try:
        lang = figures.png_language(lang, output.notice)
        drawn = drawings.all_of(ranking.settings, histories, list(found.parameters), lang)
        return {f"{PICTURES}/{name}.png": figures.png(each) for name, each in drawn.items()}
    except figures.MissingMatplotlibError as error:
        output.notice(f"{error.problem}: {error.facts['found']}")
        return {}


def _written(folder: Path, files: dict[str, bytes]) -> list[str]:
    """The names of the files that could be written; the table is shown even where none can."""
    names = []
    for name, content in files.items():
        try:
            storage.write(folder / name, content, durable=False)
        except MachineError as error:
            output.notice(f"{name} is not written: {error.problem}")
        else:
            names.append(name)
    return names
