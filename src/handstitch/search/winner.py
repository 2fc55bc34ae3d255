"""The best candidate of a search, a run with its settings, and the link from it to the search."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch import runs, storage
from handstitch.config import Config
from handstitch.config.messages import plural, pretty_json
from handstitch.config.schema import from_mapping
from handstitch.data import sources
from handstitch.errors import Argument, Call, HandstitchError, Phrase, UsageError
from handstitch.runs import folder as run_folder
from handstitch.search.folder import BEST, TRIALS, Search, is_search, load, read_description
from handstitch.search.ranking import By, Ranking, rank
from handstitch.search.summary import as_flags

_logger = logging.getLogger(__name__)

ORIGIN: Final = "origin.json"
"""In a run's folder: the search that chose its settings."""


class SearchOrigin(msgspec.Struct, frozen=True):
    """What is read from a run's link to its search; what else stands in it is for people."""

    search: str
    """Its folder, relative to the run's; a character for each byte, as a name may hold any."""
    study: str
    """The name in its search.json, part of it random: who wrote this record knew that search."""


def winner(search: Search, by: By = "best") -> tuple[Config, Ranking]:
    """(settings of the candidate with the highest mean, the ranking that it leads).

    They are those of its first trial: with the same threads, a run with them is that trial to the
    bit. Raises UsageError if no trial is complete.
    """
    ranking = rank(search.trials, by, search.plan.seeds)
    if ranking.winner is None:
        raise UsageError(
            "this search has no winner yet",
            file=search.folder,
            found=f"{ranking.trials} trials, none of them complete",
            wanted="at least one complete trial",
            fix=Phrase("resume it: {}", Call("search.run", Argument("out", search.folder))),
        )
    return search.plan.config_of(ranking.candidates[0].parameters, 0), ranking


def start_winner(
    folder: Path,
    by: By = "best",
    given: Mapping[str, Any] | None = None,
    out: Path | None = None,
    data_dir: Path | None = None,
) -> runs.Run:
    """Create a run with the settings of a search's winner; log how it was chosen.

    `folder` is that of the search; `given` replaces settings that it has not searched.
    """
    search, given = load(folder), dict(given or {})
    config, ranking = winner(search, by)
    best = ranking.candidates[0]
    if changed := {name: value for name, value in best.parameters.items() if name in given}:
        template = " ".join(["{}"] * len(changed))
        raise UsageError(
            "these settings were chosen by the search",
            found=Phrase(template, *map(Argument, changed)),
            wanted=Phrase(template, *map(Argument, changed, changed.values())),
            fix=Phrase("leave them out: {}", Call("search.start_winner", folder)),
        )
    compared = sum(one.indistinguishable is not None for one in ranking.candidates)
    _logger.info("the winner: %s", as_flags(best.parameters))
    _logger.info(
        "chosen by mean validation accuracy of the %s epoch over %s: %.4f, the highest of %s",
        *(by, plural(ranking.repeats, "seed"), best.mean, plural(compared, "candidate")),
    )
    others = len(ranking.indistinguishable) - 1
    if others > 0:
        _logger.info("it is indistinguishable from %s", plural(others, "other candidate"))
    place = os.path.relpath(folder.absolute(), (out or run_folder.RUNS / "train").absolute())
    origin = {
        "search": os.fsencode(Path(place).as_posix()).decode("latin-1"),
        "study": search.description.study,
        "candidate": best.number,
        "parameters": best.parameters,
        "by": by,
        "indistinguishable": others,
    }
    config = from_mapping(config.to_dict() | given, "the winner's settings")
    digest = search.description.data_digest
    source = sources.recorded(config.dataset, digest, data_dir)
    return runs.create(config, source, out, beside={ORIGIN: pretty_json(origin)})


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
            place = os.fsdecode(note.search.encode("latin-1"))
            search = Path(os.path.normpath(run / place))
            if not Path(place).anchor and read_description(search).study == note.study:
                return search
    return None
