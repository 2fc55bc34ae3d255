"""The page of a search: first what is inconclusive, then ranking, parameters, curves and winner."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from handstitch import search as searches
from handstitch import storage
from handstitch._version import __version__
from handstitch.config.toml import read_config
from handstitch.data.catalog import TITLES
from handstitch.errors import HandstitchError, shell_word
from handstitch.report import inline_charts, languages, tables
from handstitch.report.charts import percent
from handstitch.report.inline_charts import Curve, Scale, Whisker
from handstitch.report.languages import Lang, Words
from handstitch.report.page import environment
from handstitch.report.parameter_effects import effects
from handstitch.report.run_table import address_of_page, interval_text
from handstitch.runs.folder import CONFIG, PAGE
from handstitch.search import Candidate, Ranking, Search
from handstitch.search.ranking import By, FailedCandidate, finished
from handstitch.search.space import described
from handstitch.search.summary import as_flags, candidates_csv, sentences
from handstitch.search.winner import ORIGIN

TABLE: Final = "candidates.csv"
_CURVES: Final = 12
"""Candidates whose curves are drawn large."""
_CANDIDATES: Final = 60
"""Most lines of the ranking; the table in the folder has all."""


class WrittenSearch(NamedTuple):
    """The files that `make_search` wrote, and the ranking that they show."""

    page: Path
    table: Path
    search: Search
    ranking: Ranking


class RankingLine(NamedTuple):
    """A line of the ranking."""

    flags: str
    verdict: str
    """`highest`, `indistinguishable`, `lower` or `not compared`."""
    mean: str
    notes: list[str]
    whisker: Whisker
    curves: list[Curve]
    alt: str
    """Its interval in words."""
    other: str
    """Mean accuracy by the epoch that the ranking is not by."""
    seeds: str


class StartedRun(NamedTuple):
    """A run with the settings of a candidate, trained from the search."""

    name: str
    link: str
    """Relative address of its page; empty where there is none."""
    is_winner: bool
    command: str
    """What makes its page."""


def make_search(
    folder: str | Path, lang: Lang = "en", by: By = "best", *, out: str | Path | None = None
) -> WrittenSearch:
    """Make the page of the search in `folder` and its table, there or in `out`.

    Raises UsageError if there is no search, MachineError if it cannot be read or a file not be
    written.
    """
    search, target = searches.load(folder), Path(folder if out is None else out)
    ranking = searches.rank(search.trials, by, search.plan.seeds)
    page = render_search(search, ranking, languages.words(lang), target)
    files = {TABLE: candidates_csv(ranking).encode(), PAGE: page.encode()}
    for name, data in files.items():
        storage.write(storage.inside(target, name), data, durable=False)
    return WrittenSearch(target / PAGE, target / TABLE, search, ranking)


def render_search(search: Search, ranking: Ranking, words: Words, target: Path) -> str:
    """The page as HTML, to stand in the folder `target`. Names are escaped as in `page`."""
    own, plan = words.search_page, search.plan
    other = "last" if ranking.by == "best" else "best"
    verdict, *others = sentences(ranking, words.ranked)
    dataset = str(plan.config["dataset"])
    drawn = _curves(search, ranking.candidates[:_CURVES], inline_charts.TALL)
    every: list[Candidate | FailedCandidate] = [*ranking.candidates, *ranking.failed_candidates]
    changed, settings = tables.settings(
        {name: value for name, value in plan.config.items() if name not in plan.parameters}, words
    )
    highest = ranking.candidates[0] if ranking.winner is not None else None
    return (
        environment()
        .get_template("search.html")
        .render(
            w=words,
            version=__version__,
            title=own["title"].format(
                search=search.folder.resolve().name or "search",
                dataset=TITLES.get(dataset, dataset),
            ),
            search=search,
            ranking=ranking,
            drawn=dataset == "sketch",
            state=_state(ranking),
            verdict=verdict,
            sentences=others,
            highest=highest and percent(highest.mean),
            highest_flags=as_flags(highest.parameters) if highest else "",
            interval=interval_text(highest.interval) if highest and highest.interval else "",
            columns=[
                own["columns"][name]
                for name in ("candidate", "mean", "interval", "curves", other, "seeds")
            ],
            places=_places(search, ranking, words),
            not_compared=[(as_flags(one.parameters), one.problem) for one in every if one.problem],
            importance=[(name, f"{share:.2f}") for name, share in ranking.importance.items()],
            effects=effects(ranking.candidates, list(plan.parameters)),
            best=[
                (as_flags(one.parameters), percent(one.mean), drawn[one.number])
                for one in ranking.candidates[:_CURVES]
            ],
            tall=inline_charts.TALL,
            runs=_runs_of(search, ranking, target),
            space=[
                (name, described(axis), words.meanings[name])
                for name, axis in plan.parameters.items()
            ],
            changed=changed,
            settings=settings,
            commands=commands(search, ranking, words),
            width=inline_charts.WIDTH,
            height=inline_charts.HEIGHT,
        )
    )


def _state(ranking: Ranking) -> str:
    """What can be concluded: `nothing`, `alone`, `inconclusive`, `tied` or `best`."""
    if ranking.winner is None:
        return "nothing"
    if sum(one.indistinguishable is not None for one in ranking.candidates) == 1:
        return "alone"
    if ranking.repeats < 2:
        return "inconclusive"
    return "best" if ranking.critical_difference is None else "tied"


def _places(search: Search, ranking: Ranking, words: Words) -> list[RankingLine]:
    shown = ranking.candidates[:_CANDIDATES]
    ends = [end for one in shown for end in (*(one.interval or ()), one.mean)]
    across = Scale(min(ends, default=0), max(ends, default=1))
    curves = _curves(search, shown, inline_charts.HEIGHT)
    return [
        RankingLine(
            flags=as_flags(one.parameters),
            verdict="highest" if one.number == ranking.winner else _verdict(one),
            mean=percent(one.mean),
            notes=[interval_text(one.interval)] if one.interval else [],
            whisker=inline_charts.whisker(one.mean, one.interval, across),
            curves=curves[one.number],
            alt=words.search_page["curves_alt"].format(n=len(curves[one.number])),
            other=percent(
                one.last_epoch_accuracy if ranking.by == "best" else one.best_epoch_accuracy
            ),
            seeds=str(len(one.seeds)),
        )
        for one in shown
    ]


def _curves(
    search: Search, candidates: Sequence[Candidate], height: float
) -> dict[int, list[Curve]]:
    """Candidate → the curve of each of its finished trials, all on one scale."""
    trials, epochs = finished(search.trials), search.plan.config["epochs"]
    histories = {n: [trial.history for trial in own.values()] for n, own in trials.items()}
    scale = inline_charts.scale_of(history for own in histories.values() for history in own)
    return {
        one.number: [
            drawn
            for history in histories[one.number]
            if (drawn := inline_charts.curve(history, _planned(one, epochs), scale, height))
        ]
        for one in candidates
    }


def _planned(one: Candidate, epochs: int) -> int:
    return int(one.parameters.get("epochs", epochs))


def _verdict(one: Candidate) -> str:
    verdicts = {True: "indistinguishable", False: "lower", None: "not compared"}
    return verdicts[one.indistinguishable]


def _runs_of(search: Search, ranking: Ranking, target: Path) -> list[StartedRun]:
    """The runs beside the search that were trained from it, those of the winner first."""
    best = ranking.candidates[0].parameters if ranking.winner is not None else {}
    found = []
    for file in sorted(search.folder.absolute().parent.glob(f"*/{ORIGIN}")):
        folder = file.parent
        with suppress(HandstitchError, OSError, ValueError):
            place = searches.search_of(folder)
            if place is None or not place.samefile(search.folder):
                continue
            values = read_config(storage.inside(folder, CONFIG)).to_dict()
            is_winner = all(values[name] == value for name, value in best.items())
            command = f"handstitch report {shell_word(tables.as_typed(folder))}"
            link = address_of_page(folder, target)
            found.append(StartedRun(folder.name, link, is_winner, command))
    return sorted(found, key=lambda run: not run.is_winner)


def commands(search: Search, ranking: Ranking, words: Words) -> dict[str, str]:
    """Purpose → command, to go on from what the search has found."""
    folder, plan = shell_word(tables.as_typed(search.folder)), search.plan
    lang = tables.language_flag(words)
    by = "" if ranking.by == "best" else " --by last"
    start = f"handstitch search --out {folder}"
    found = {} if search.is_over else {"resume": start}
    if ranking.winner is not None:
        found["train"] = f"handstitch train --from-search {folder}{by}"
    if search.is_over and plan.kind != "grid":
        found["extend"] = f"{start} --trials {2 * plan.candidates}"
    return found | {"report": f"handstitch report {folder}{by}{lang}"}
