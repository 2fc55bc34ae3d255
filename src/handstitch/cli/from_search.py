"""handstitch train --from-search: the winner of a search, trained with its full history."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handstitch.cli import console
from handstitch.config import from_mapping
from handstitch.errors import UsageError
from handstitch.recipes import flags_of
from handstitch.run_folder import RUNS

if TYPE_CHECKING:
    from handstitch.runs import Run
    from handstitch.search import Winner
    from handstitch.search.ranking import By


def begin(
    folder: Path, by: By, given: Mapping[str, Any], out: Path | None, data_dir: Path | None
) -> Run:
    """A new run with the settings of the search's winner; says by what it was chosen.

    `given` are settings over those of the search, none of which it searched.
    """
    from handstitch import runs
    from handstitch import search as searches
    from handstitch.search.winners import ORIGIN, origin

    found = searches.load(folder)
    chosen = searches.winner(found, by)
    _require_searched_kept(folder, chosen, given)
    config = from_mapping(chosen.config.to_dict() | dict(given), "the winner's settings")
    _say(chosen, folder)
    note = origin(chosen, found, out or RUNS / "train")
    return runs.begin(config, out, data_dir, console.notice, {ORIGIN: note})


def _require_searched_kept(folder: Path, chosen: Winner, given: Mapping[str, Any]) -> None:
    from handstitch.search.ranking_words import named

    changed = [name for name in given if name in chosen.setting.parameters]
    if changed:
        raise UsageError(
            "these settings are what the search chose",
            found=" ".join(flags_of(name)[0] for name in changed),
            wanted=named({name: chosen.setting.parameters[name] for name in changed}),
            fix=f"leave them out: handstitch train --from-search {shlex.quote(str(folder))}",
        )


def _say(chosen: Winner, folder: Path) -> None:
    """Which setting it is, by what it was chosen, and what that is worth."""
    from handstitch.search.ranking_words import named

    ranking, setting = chosen.ranking, chosen.setting
    epoch = "best epoch" if ranking.by == "best" else "last epoch"
    compared = sum(each.tied is not None for each in ranking.settings)
    seeds = "1 seed" if ranking.repeats == 1 else f"{ranking.repeats} seeds"
    console.notice(f"the winner: {named(setting.parameters) or 'the only candidate'}")
    console.notice(
        f"chosen by mean validation accuracy of the {epoch} over {seeds}: {setting.mean:.4f}, "
        f"the highest of {compared} candidates"
    )
    others = len(ranking.tied) - 1
    if others > 0:
        many = "1 other candidate" if others == 1 else f"{others} other candidates"
        console.notice(f"it is indistinguishable from {many}; which, and why:")
        console.command(f"handstitch show {shlex.quote(str(folder))}")
