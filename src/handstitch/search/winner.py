"""From a search to a run of its winner, and from that run back to its search."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from handstitch.config import Config
from handstitch.errors import UsageError
from handstitch.runs import folder as run_folder
from handstitch.search.folder import BEST, TRIALS, Search, as_json, is_search
from handstitch.search.ranking import By, Candidate, Ranking, rank

ORIGIN: Final = "origin.json"
"""In a run's folder: which search chose its settings."""


class Winner(NamedTuple):
    """The setting that a search ranks highest, ready to be trained."""

    candidate: Candidate
    config: Config
    """That of its first trial: with the same threads, the run is that trial to the bit."""
    ranking: Ranking


class SearchOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """What a run remembers of the search that chose its settings."""

    search: str
    """Its folder, as seen from the run's."""
    candidate: int
    parameters: dict[str, Any]
    by: By
    indistinguishable: int
    """How many other settings could not be told from it."""


def winner(search: Search, by: By = "best") -> Winner:
    """The setting with the highest mean over its seeds. Raises UsageError if none is finished."""
    ranking = rank(search.trials, by, search.seeds)
    if ranking.winner is None:
        raise UsageError(
            "this search has no winner yet",
            folder=search.folder,
            found=f"{ranking.trials} trials, none of them trained to the end",
            wanted="one finished trial at least",
            fix=f"go on with it: handstitch search --out {search.folder}",
        )
    best = ranking.candidates[0]
    return Winner(best, search.plan.config_of(best.parameters, 0), ranking)


def origin(chosen: Winner, search: Search, run: Path) -> bytes:
    """What the run that will be in the folder `run` is to remember, as a file."""
    place = os.path.relpath(search.folder.absolute(), run.absolute())
    return as_json(
        SearchOrigin(
            search=Path(place).as_posix(),
            candidate=chosen.candidate.number,
            parameters=chosen.candidate.parameters,
            by=chosen.ranking.by,
            indistinguishable=max(0, len(chosen.ranking.indistinguishable) - 1),
        )
    )


def search_of(path: Path) -> Path | None:
    """The search that a run's settings, or a trial's weights, come from, if it is still there.

    `path` is a run's folder, one of its weights, or the weights of a trial in a search's folder.
    """
    if path.name == BEST and path.parent.parent.name == TRIALS:
        search = path.parent.parent.parent
        return search if is_search(search) else None
    run = run_folder.run_of(path)
    if run is None:
        return None
    try:
        note = msgspec.json.decode((run / ORIGIN).read_bytes(), type=SearchOrigin)
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    search = Path(os.path.normpath(run / note.search))
    return search if is_search(search) else None
