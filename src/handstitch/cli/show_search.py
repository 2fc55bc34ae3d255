"""handstitch show SEARCH: the ranking of a search, and its figures."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from msgspec import to_builtins

from handstitch import figures, storage
from handstitch import search as searches
from handstitch.cli import output
from handstitch.cli.search_output import candidate_table
from handstitch.config.messages import plural
from handstitch.errors import MachineError, UsageError, printable, shell_word
from handstitch.figures import Lang
from handstitch.figures import search as drawings
from handstitch.search import Candidate, Ranking, Search
from handstitch.search.ranking import By, FailedCandidate, finished
from handstitch.search.summary import as_flags, sentences
from handstitch.search.table import candidates_csv

TABLE: Final = "candidates.csv"
PICTURES: Final = "pictures"
_VERDICTS: Final = {True: "≈", False: "lower", None: "–"}
_SHOWN: Final = 40
"""Most lines of the table; the file has them all."""


def show_search(folder: Path, by: By = "best", *, lang: Lang = "en", json: bool = False) -> None:
    """Print the ranking of the search in `folder`, and write it there with its figures.

    The table is written to candidates.csv and the figures to pictures/, if the folder is writable.
    Raises UsageError if it is not a search or has no finished trial.
    """
    found = searches.load(folder)
    if not found.trials:
        raise UsageError(
            "this search has no finished trial yet",
            file=folder,
            found="0 trials",
            wanted="at least one",
            fix=f"resume it: handstitch search --out {shell_word(folder)}",
        )
    ranking = searches.rank(found.trials, by, found.plan.seeds)
    files = {TABLE: candidates_csv(ranking).encode(), **_pictures(found, ranking, lang)}
    written = _written(folder, files)
    if not json:
        _print(folder, found, ranking, written)
        return
    output.print_json(
        {
            "search": str(folder),
            "kind": found.plan.kind,
            "pruning": found.plan.pruning,
            "planned": found.plan.trials,
            **to_builtins(ranking),
            "words": sentences(ranking),
        }
    )


def _print(folder: Path, found: Search, ranking: Ranking, written: list[str]) -> None:
    plan = found.plan
    drawn = " on sketch, drawn data" if plan.config["dataset"] == "sketch" else ""
    state = "" if found.is_over else f", {len(found.trials):,} of {plan.trials:,} trials finished"
    size = f"{plural(plan.candidates, 'candidate')} × {plural(plan.seeds, 'seed')}"
    _say(f"Search: {printable(folder)}, {plan.kind}, {size}{state}{drawn}")
    _table(ranking)
    every: list[Candidate | FailedCandidate] = [*ranking.candidates, *ranking.failed_candidates]
    for candidate in every:
        if candidate.problem:
            name = as_flags(candidate.parameters)
            _say(f"Not compared: {name}: {printable(candidate.problem)}")
    print()
    _say(*sentences(ranking))
    if ranking.importance:
        _importance(ranking)
    print()
    if written:
        _say(f"Written to {printable(folder)}: {', '.join(written)}")
    if ranking.winner is not None:
        by = "" if ranking.by == "best" else " --by last"
        print(f"Train the winner: handstitch train --from-search {shell_word(folder)}{by}")


def _table(ranking: Ranking) -> None:
    shown = ranking.candidates[:_SHOWN]
    has_intervals = any(candidate.interval for candidate in ranking.candidates)
    epochs = ["best\nepoch", "last\nepoch"][:: 1 if ranking.by == "best" else -1]
    spread = "95 %\ninterval" if has_intervals else "sd of\nseeds"
    lines = [
        (
            "highest" if one.number == ranking.winner else _VERDICTS[one.indistinguishable],
            one.parameters,
            f"{one.mean:.4f}",
            _spread(one, has_intervals),
            f"{one.last_epoch_accuracy if ranking.by == 'best' else one.best_epoch_accuracy:.4f}",
        )
        for one in shown
    ]
    table = candidate_table(("", epochs[0], spread, epochs[1]), lines)
    output.show(table, "Mean validation accuracy (≈ indistinguishable from the highest)")
    left = len(ranking.candidates) - _SHOWN
    if left > 0:
        print(f"… and {left:,} more in {TABLE}")


def _spread(candidate: Candidate, has_intervals: bool) -> str:
    if candidate.interval:
        return f"± {candidate.interval[1] - candidate.mean:.4f}"
    if candidate.deviation is None or has_intervals:
        return "–"
    return f"{candidate.deviation:.4f}"


def _importance(ranking: Ranking) -> None:
    rows = ((name, f"{share:.2f}") for name, share in ranking.importance.items())
    title = "Importance: share of the variance between trials, by parameter"
    output.show(output.table(("parameter", "share"), rows), title)
    if ranking.importance_overlaps:
        _say("The candidates are not a full grid: shares overlap and may add up to more than 1.")
    else:
        _say("Main effects of a full grid; the rest is due to seeds and interactions.")


def _say(*lines: str) -> None:
    """Print sentences, broken between words on a terminal."""
    width = output.console().width
    for line in lines:
        print(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False))


def _pictures(found: Search, ranking: Ranking, lang: Lang) -> dict[str, bytes]:
    """File name → picture."""
    histories = {
        number: [trial.history for trial in trials.values()]
        for number, trials in finished(found.trials).items()
    }
    lang = figures.png_language(lang)
    drawn = drawings.all_of(ranking.candidates, histories, list(found.plan.parameters), lang)
    return {f"{PICTURES}/{name}.png": figures.png(figure) for name, figure in drawn.items()}


def _written(folder: Path, files: dict[str, bytes]) -> list[str]:
    """The names of the files that were written; a folder that is not writable is no error."""
    names = []
    for name, content in files.items():
        try:
            storage.write(storage.inside(folder, name), content, durable=False)
        except MachineError as error:
            output.notice(f"{name} is not written: {error.problem}")
        else:
            names.append(name)
    return names
