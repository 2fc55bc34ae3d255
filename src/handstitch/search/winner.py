"""The best candidate of a search, and the link from its run back to the search."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from handstitch import storage
from handstitch.config import Config
from handstitch.config.messages import pretty_json
from handstitch.errors import Argument, Call, HandstitchError, Phrase, UsageError
from handstitch.runs import folder as run_folder
from handstitch.search.folder import BEST, TRIALS, Search, is_search, read_description
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
    study: str
    """The name in its search.json, part of it random: who wrote this record knew that search."""


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
            "study": search.description.study,
            "candidate": chosen.candidate.number,
            "parameters": chosen.candidate.parameters,
            "by": chosen.ranking.by,
            "indistinguishable": max(0, len(chosen.ranking.indistinguishable) - 1),
        }
    )


def search_of(path: Path) -> Path | None:
    """The search that chose a run's settings or trained a trial's weights; None if it is gone.

    `path` is a run's folder, one of its weights, or the weights of a trial in a search's folder.
    A run's record of its search counts only if that search bears the name in it: otherwise a run
    that somebody sent could name any search here. Raises MachineError at a link.
    """
    if path.name == BEST and path.parent.parent.name == TRIALS:
        search = path.parent.parent.parent
        return search if is_search(search) else None
    if run := run_folder.run_of(path):
        file = storage.inside(run, ORIGIN)
        with suppress(OSError, ValueError, HandstitchError):
            note = storage.read_record(file, SearchOrigin)
            search = Path(os.path.normpath(run / note.search))
            if not Path(note.search).anchor and read_description(search).study == note.study:
                return search
    return None
