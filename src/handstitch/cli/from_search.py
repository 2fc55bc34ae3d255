"""handstitch train --from-search: a run with the settings of a search's winner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handstitch import runs
from handstitch import search as searches
from handstitch.cli import output
from handstitch.config.messages import plural
from handstitch.config.precedence import flags_of
from handstitch.config.schema import from_mapping
from handstitch.errors import UsageError, shell_word
from handstitch.runs import Run
from handstitch.runs.folder import RUNS
from handstitch.search.ranking import By
from handstitch.search.summary import as_flags
from handstitch.search.winner import ORIGIN, origin


def begin(
    folder: Path, by: By, given: Mapping[str, Any], out: Path | None, data_dir: Path | None
) -> Run:
    """Create a run with the settings of the search's winner, and print how it was chosen.

    `given` are settings that replace those of the search; it must not have searched them.
    """
    found = searches.load(folder)
    chosen = searches.winner(found, by)
    ranking, candidate = chosen.ranking, chosen.candidate
    changed = {name: value for name, value in candidate.parameters.items() if name in given}
    if changed:
        raise UsageError(
            "these settings were chosen by the search",
            found=" ".join(flags_of(name)[0] for name in changed),
            wanted=as_flags(changed),
            fix=f"leave them out: handstitch train --from-search {shell_word(folder)}",
        )
    config = from_mapping(chosen.config.to_dict() | dict(given), "the winner's settings")
    compared = sum(one.indistinguishable is not None for one in ranking.candidates)
    output.notice(f"the winner: {as_flags(candidate.parameters)}")
    output.notice(
        f"chosen by mean validation accuracy of the {by} epoch over "
        f"{plural(ranking.repeats, 'seed')}: {candidate.mean:.4f}, "
        f"the highest of {plural(compared, 'candidate')}"
    )
    others = len(ranking.indistinguishable) - 1
    if others > 0:
        output.notice(
            f"it is indistinguishable from {plural(others, 'other candidate')}; for details:"
        )
        output.command(f"handstitch show {shell_word(folder)}")
    note = origin(chosen, found, out or RUNS / "train")
    return runs.create(config, None, out, data_dir, beside={ORIGIN: note})
