"""handstitch show SEARCH: what the trials of a search tell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handstitch import storage
from handstitch.cli import console
from handstitch.errors import MachineError, UsageError, printable

if TYPE_CHECKING:
    from handstitch.figures import Lang
    from handstitch.records import EpochRecord
    from handstitch.search import Ranking, Search, Setting
    from handstitch.search.ranking import By

TABLE: Final = "settings.csv"
PICTURES: Final = "pictures"
_SHOWN: Final = 40
"""Rows of the table at most; the file has them all."""


def show_search(folder: Path, by: By = "best", *, lang: Lang = "en", json: bool = False) -> None:
    """Print what the trials of the search in `folder` tell, and keep it there.

    The table goes into settings.csv and the pictures into pictures/, where the folder can be
    written. Raises UsageError if it is no search or has no trial yet.
    """
    from handstitch import search as searches
    from handstitch.search.ranking_table import settings_csv

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
    written = _written(folder, {TABLE: settings_csv(ranking).encode()})
    written += _written(folder, _pictures(found, ranking, lang))
    if json:
        _emit(folder, found, ranking)
    else:
        _print(folder, found, ranking, written)


def _emit(folder: Path, found: Search, ranking: Ranking) -> None:
    import msgspec

    from handstitch.search.ranking_words import sentences

    console.emit(
        {
            "search": str(folder),
            "kind": found.kind,
            "pruning": found.pruning,
            "planned": found.spec.trials,
            **msgspec.to_builtins(ranking),
            "words": sentences(ranking),
        }
    )


def _print(folder: Path, found: Search, ranking: Ranking, written: list[str]) -> None:
    from handstitch.search.ranking_words import sentences

    drawn = " on sketch, drawn data" if found.spec.config["dataset"] == "sketch" else ""
    settings = f"{found.spec.settings:,} settings × {found.seeds} " + (
        "seed" if found.seeds == 1 else "seeds"
    )
    state = "" if found.is_over else f", {len(found.trials):,} of {found.spec.trials:,} trials done"
    print(f"Search: {printable(folder)}, {found.kind}, {settings}{state}{drawn}")
    _table(ranking)
    print()
    for line in sentences(ranking):
        print(line)
    if ranking.importance:
        _importance(ranking)
    print()
    if written:
        print(f"Written: {', '.join(printable(folder / name) for name in written)}")
    if ranking.winner is not None:
        by = "" if ranking.by == "best" else " --by last"
        print(f"Train the winner: handstitch train --from-search {shlex.quote(str(folder))}{by}")


def _table(ranking: Ranking) -> None:
    from handstitch.search.ranking_table import searched
    from handstitch.search.ranking_words import written

    names = searched(ranking)
    counted = ("best epoch", "last epoch") if ranking.by == "best" else ("last epoch", "best epoch")
    table = console.table(
        "", *names, "seeds", counted[0], "95 % interval", counted[1], "sd of seeds"
    )
    for each in ranking.settings[:_SHOWN]:
        other = each.last_epoch_accuracy if ranking.by == "best" else each.best_epoch_accuracy
        table.add_row(
            _standing(ranking, each),
            *(console.text(written(each.parameters.get(name))) for name in names),
            str(len(each.seeds)),
            f"{each.mean:.4f}",
            "–" if each.interval is None else f"{each.interval[0]:.4f} to {each.interval[1]:.4f}",
            f"{other:.4f}",
            "–" if each.deviation is None else f"{each.deviation:.4f}",
        )
    console.show(table, "Validation accuracy, mean over the seeds")
    left = len(ranking.settings) - _SHOWN
    if left > 0:
        print(f"… and {left:,} more in {TABLE}")
    for each in ranking.settings:
        _say_problem(each.parameters, each.problem)
    for lost in ranking.lost:
        _say_problem(lost.parameters, lost.problem)


def _say_problem(parameters: dict[str, object], problem: str) -> None:
    from handstitch.search.ranking_words import named

    if problem:
        print(f"Not compared: {named(parameters) or 'the setting'}: {printable(problem)}")


def _standing(ranking: Ranking, setting: Setting) -> str:
    if setting.tied is None:
        return "not compared"
    if setting.setting == ranking.winner:
        return "highest"
    return "tied" if setting.tied else "lower"


def _importance(ranking: Ranking) -> None:
    table = console.table("parameter", "share of the variance")
    for name, share in ranking.importance.items():
        table.add_row(console.text(name), f"{share:.2f}")
    console.show(table, "What each parameter explains by itself; seeds and interplay have the rest")


def _pictures(found: Search, ranking: Ranking, lang: Lang) -> dict[str, bytes]:
    """The pictures as files; none where matplotlib is missing."""
    from handstitch import figures
    from handstitch.figures import search as drawings

    histories: dict[int, list[list[EpochRecord]]] = {}
    for trial in found.trials:
        if trial.state == "complete":
            histories.setdefault(trial.setting, []).append(list(trial.history))
    try:
        lang = figures.png_language(lang, console.notice)
        drawn = drawings.all_of(ranking.settings, histories, list(found.parameters), lang)
        return {f"{PICTURES}/{name}.png": figures.png(each) for name, each in drawn.items()}
    except figures.MissingMatplotlibError as error:
        console.notice(f"{error.problem}: {error.facts['found']}")
        return {}


def _written(folder: Path, files: dict[str, bytes]) -> list[str]:
    """The names of the files that could be written; the table is shown even where none can."""
    names = []
    for name, content in files.items():
        try:
            storage.write(folder / name, content, lasting=False)
        except MachineError as error:
            console.notice(f"{name} is not written: {error.problem}")
        else:
            names.append(name)
    return names
