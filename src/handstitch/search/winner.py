"""The best candidate of a search, and the link from its run back to the search."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from handstitch.config import Config
from handstitch.config.messages import pretty_json
from handstitch.errors import Argument, Call, Phrase, UsageError
from handstitch.runs import folder as run_folder
from handstitch.search.folder import BEST, TRIALS, Search, is_search
from handstitch.search.ranking import By, Candidate, Ranking, rank

ORIGIN: Final = "origin.json"
"""In a run's folder: the search that chose its settings."""


class Winner(NamedTuple):
    """The candidate that a search ranks highest, ready to be trained."""

    candidate: Candidate
    config: Config
    """Of its first trial: with the same threads, the run is that trial to the bit."""
    ranking: Ranking


class SearchOrigin(msgspec.Struct, frozen=True):
    """What is read from a run's link to its search; what else stands in it is for people."""

    search: str
    """Its folder, relative to the run's."""


def winner(search: Search, by: By = "best") -> Winner:
    """The candidate with the highest mean. Raises UsageError if no trial is complete."""
    ranking = rank(search.trials, by, search.plan.seeds)
    if ranking.winner is None:
        raise UsageError(
            "this search has no winner yet",
            file=search.folder,
            found=f"{ranking.trials} trials, none of them complete",
            wanted="at least one complete trial",
            fix=Phrase("resume it: {}", Call("search.run", Argument("out", search.folder))),
        )
    best = ranking.candidates[0]
    return Winner(best, search.plan.config_of(best.parameters, 0), ranking)


def origin(chosen: Winner, search: Search, run: Path) -> bytes:
    """The file that links the run in the folder `run` to its search, and says what was chosen.

    `indistinguishable` is the number of other candidates that are indistinguishable from it.
    """
    place = os.path.relpath(search.folder.absolute(), run.absolute())
    return pretty_json(
        {
            "search": Path(place).as_posix(),
            "candidate": chosen.candidate.number,
            "parameters": chosen.candidate.parameters,
            "by": chosen.ranking.by,
            "indistinguishable": max(0, len(chosen.ranking.indistinguishable) - 1),
        }
    )


def search_of(path: Path) -> Path | None:
    """The search that chose a run's settings or trained a trial's weights; None if it is gone.

    `path` is a run's folder, one of its weights, or the weights of a trial in a search's folder.
    """
    search: Path | None = None
    if path.name == BEST and path.parent.parent.name == TRIALS:
        search = path.parent.parent.parent
    elif run := run_folder.run_of(path):
        with suppress(OSError, msgspec.DecodeError, ValueError):
            note = msgspec.json.decode((run / ORIGIN).read_bytes(), type=SearchOrigin)
            search = Path(os.path.normpath(run / note.search))
    return search if search and is_search(search) else None
