"""handstitch train --from-search: the winner of a search, trained with its full history."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handstitch.cli import output
from handstitch.config.precedence import flags_of
from handstitch.config.schema import from_mapping
from handstitch.errors import UsageError
from handstitch.runs.folder import RUNS

if TYPE_CHECKING:
    from handstitch.runs import Run
    from handstitch.search.ranking import By


def begin(
    folder: Path, by: By, given: Mapping[str, Any], out: Path | None, data_dir: Path | None
) -> Run:
    """A new run with the settings of the search's winner; says by what it was chosen.

    `given` are settings over those of the search, none of which it searched.
    """
    from handstitch import runs
    from handstitch import search as searches
    from handstitch.search.summary import named
    from handstitch.search.winner import ORIGIN, origin

    found = searches.load(folder)
    chosen = searches.winner(found, by)
    ranking, candidate = chosen.ranking, chosen.candidate
    changed = {name: value for name, value in candidate.parameters.items() if name in given}
    if changed:
        raise UsageError(
            "these settings are what the search chose",
            found=" ".join(flags_of(name)[0] for name in changed),
            wanted=named(changed),
            fix=f"leave them out: handstitch train --from-search {shlex.quote(str(folder))}",
        )
    config = from_mapping(chosen.config.to_dict() | dict(given), "the winner's settings")
    seeds = "1 seed" if ranking.repeats == 1 else f"{ranking.repeats} seeds"
    compared = sum(each.indistinguishable is not None for each in ranking.candidates)
    output.notice(f"the winner: {named(candidate.parameters) or 'the only candidate'}")
    output.notice(
        f"chosen by mean validation accuracy of the {by} epoch over {seeds}: {candidate.mean:.4f}, "
        f"the highest of {compared} candidates"
    )
    others = len(ranking.indistinguishable) - 1
    if others > 0:
        many = "1 other candidate" if others == 1 else f"{others} other candidates"
        output.notice(f"it is indistinguishable from {many}; which, and why:")
        output.command(f"handstitch show {shlex.quote(str(folder))}")
    note = origin(chosen, found, out or RUNS / "train")
    return runs.begin(config, out, data_dir, output.notice, {ORIGIN: note})
