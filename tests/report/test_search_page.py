"""The page of a search: what is inconclusive comes first, and nothing that is known is missing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch import search as searches
from handstitch.cli import app
from handstitch.errors import printable
from handstitch.records import Trial
from handstitch.report import make_search
from handstitch.report.languages import words
from handstitch.report.parameter_effects import effects
from handstitch.report.search_page import render_search
from handstitch.runs import folder as run_folder
from handstitch.search import Range, Search
from handstitch.search.summary import sentences
from tests.report.hostile import PIECES
from tests.report.reading import Page, breaches
from tests.report.run_folders import write_run, write_search
from tests.report.test_languages import strangers
from tests.synthetic_trials import epochs, trial
from tests.synthetic_trials import search as synthetic_search

RATES = [0.01, 0.1, 0.2]
TIED = [[0.80, 0.84, 0.82], [0.81, 0.83, 0.84], [0.60, 0.61, 0.62]]
CLEAR = [[0.80, 0.81, 0.82], [0.90, 0.91, 0.92], [0.60, 0.61, 0.62]]


def trials_of(table: list[list[float]], **changes: Any) -> list[Trial]:
    """A trial for each accuracy, with two epochs; `changes` are those of the last candidate."""
    return [
        trial(
            candidate,
            repeat,
            epochs([accuracy - 0.1, accuracy]),
            {"learning_rate": RATES[candidate]},
            seeds=len(row),
            **(changes if candidate == len(table) - 1 else {}),
        )
        for candidate, row in enumerate(table)
        for repeat, accuracy in enumerate(row)
    ]


def write(folder: Path, table: list[list[float]], missing: int = 0, **changes: Any) -> Search:
    rates: Any = RATES[: len(table)]
    return write_search(
        folder, trials_of(table, **changes), {"learning_rate": rates}, missing=missing
    )


def page_of(folder: Path, lang: str = "en") -> Page:
    source = make_search(folder, "zh" if lang == "zh" else "en").page.read_text("utf-8")
    assert breaches(source) == []
    return Page(source)


@pytest.mark.parametrize(
    ("table", "changes", "heading"),
    [
        (TIED, {}, "No single best: 2 candidates are indistinguishable"),
        ([row[:1] for row in TIED], {}, "Inconclusive: one seed for each candidate"),
        (CLEAR, {}, "One candidate is best"),
        (CLEAR[:1], {}, "Nothing to compare"),
        (CLEAR[:1], {"state": "failed", "problem": "the loss is not finite"}, "No result"),
    ],
)
def test_what_can_be_concluded_stands_before_any_figure(
    tmp_path: Path, table: list[list[float]], changes: dict[str, Any], heading: str
) -> None:
    found = write(tmp_path / "grid", table, **changes)
    ranking = searches.rank(found.trials, seeds=found.plan.seeds)
    page = page_of(found.folder)
    verdict = page.text.index(heading)
    assert page.text.index("Search grid") < verdict < page.text.index("On this page")
    loud = [each for each in page.all("div") if each.get("class") == "notice loud"]
    assert len(loud) == 1 + (heading != "One candidate is best")  # the other: data are drawn
    for sentence in sentences(ranking):  # the same as in the terminal
        assert sentence in page.text
    chinese = page_of(found.folder, "zh").text
    for sentence in sentences(ranking, words("zh").ranked):
        assert " ".join(sentence.split()) in chinese


def test_the_ranking_has_means_intervals_ties_curves_and_parameters(tmp_path: Path) -> None:
    found = write(tmp_path / "grid", TIED)
    page = page_of(found.folder)
    best = searches.rank(found.trials).candidates[0]
    assert best.interval is not None
    low, high = best.interval
    assert f"82.67 % {100 * low:.2f} – {100 * high:.2f}" in page.text
    assert page.text.count("≈ indistinguishable") == 1
    for rate in RATES:
        assert f"--learning-rate {rate}" in page.foreign
    assert len([svg for svg in page.all("svg") if "hollow" in svg["class"]]) == 1
    # An interval, an effect, and for each seed a small and a large curve.
    assert len(page.all("path")) == 3 * (1 + 1 + 2 * 3)
    made = make_search(found.folder, by="last")
    assert "--by last" in made.page.read_text("utf-8")
    assert made.ranking.by == "last"
    assert made.table.read_text("utf-8").startswith("rank,candidate,learning_rate")


def test_effects_are_means_over_the_candidates_with_a_value(tmp_path: Path) -> None:
    table = np.array([[0.80], [0.82], [0.84], [0.90]])
    values: list[dict[str, Any]] = [
        {"weight_decay": decay, "optimizer": name}
        for decay in (0.0, 0.1)
        for name in ("sgd", "adam")
    ]
    ranking = searches.rank(synthetic_search(table, values))
    found = effects(ranking.candidates, ["weight_decay", "optimizer"])
    assert [(row.value, row.mean, row.lowest, row.highest) for row in found["weight_decay"]] == [
        ("0", "81.00 %", "80.00 %", "82.00 %"),
        ("0.1", "87.00 %", "84.00 %", "90.00 %"),
    ]
    assert [(row.value, row.mean) for row in found["optimizer"]] == [
        ("adam", "86.00 %"),
        ("sgd", "82.00 %"),
    ]


def test_many_values_are_cut_into_ranges() -> None:
    rates = [round(0.01 * (k + 1), 2) for k in range(20)]
    trials = synthetic_search([[0.5 + rate] for rate in rates], [{"lr": rate} for rate in rates])
    found = effects(searches.rank(trials).candidates, ["lr"])["lr"]
    assert [row.value for row in found] == [
        "0.01 – 0.05",
        "0.06 – 0.1",
        "0.11 – 0.15",
        "0.16 – 0.2",
    ]
    assert {row.candidates for row in found} == {"5"}


def test_failed_and_pruned_trials_are_counted_and_say_why(tmp_path: Path) -> None:
    problem = "the loss is not finite: nan"
    failed = write(tmp_path / "failed", TIED, state="failed", problem=problem)
    text = page_of(failed.folder).text
    assert "Of 9 finished trials, 3 failed and 0 were pruned." in text
    assert f"--learning-rate 0.2 3 of 3 trials failed ({problem})" in text
    pruned = page_of(write(tmp_path / "pruned", TIED, state="pruned").folder).text
    assert "0 failed and 3 were pruned" in pruned
    assert "Trials were pruned: candidates were dropped" in pruned


def test_the_winner_s_run_is_linked_or_it_is_said_how_to_make_it(tmp_path: Path) -> None:
    found = write(tmp_path / "grid", CLEAR)
    train = f"handstitch train --from-search {found.folder.name}"
    assert page_of(found.folder).text.count(train) == 2
    for name, rate, has_page in (("other", 0.2, False), ("won", 0.1, True), ("copy", 0.1, True)):
        run = write_run(tmp_path / name, [0.9], learning_rate=rate)
        study = found.description.study if name != "copy" else "another"
        origin = {"search": "../grid", "study": study}
        (run / "origin.json").write_text(json.dumps(origin))
        if has_page:
            (run / run_folder.PAGE).write_text("page")
    source = make_search(found.folder).page.read_text("utf-8")
    assert '<a href="../won/report.html">won</a>, with the settings of the highest' in source
    text = Page(source).text
    assert text.index("won") < text.index("other, with other settings")
    assert "handstitch report other" in text
    assert "copy" not in text
    assert breaches(source) == ["a href=../won/report.html"]  # the one link that leads away


def test_how_to_go_on_depends_on_what_is_left_and_every_command_parses(tmp_path: Path) -> None:
    unfinished = write(tmp_path / "open", CLEAR, missing=2)
    page = page_of(unfinished.folder)
    assert "7 of 9 trials are done" in page.text
    assert "handstitch search --out open" in page.foreign
    over: Any = {"learning_rate": Range(low=0.01, high=0.2, log=False)}
    drawn = write_search(tmp_path / "drawn", trials_of(CLEAR), over, kind="random", candidates=3)
    page_over = page_of(drawn.folder)
    assert "handstitch search --out drawn --trials 6" in page_over.foreign
    for each in {*page.foreign, *page_over.foreign}:
        if each.startswith("handstitch "):
            app.parse_args(shlex.split(each)[1:], print_error=False, exit_on_error=False)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    found = write(tmp_path / "grid", TIED, state="failed", problem=PIECES[0])
    found.plan.config["dataset"] = PIECES[2]
    found = Search(Path(PIECES[5].replace("/", "_")), found.description, found.trials)
    ranking = searches.rank(found.trials)
    for lang in ("en", "zh"):
        said = words("zh" if lang == "zh" else "en")
        source = render_search(found, ranking, said, Path())
        assert breaches(source) == []
        for piece in (PIECES[0], PIECES[2]):
            assert printable(piece) in Page(source).text


def test_a_chinese_page_has_no_english_but_names_and_commands(tmp_path: Path) -> None:
    page = page_of(write(tmp_path / "grid", TIED).folder, "zh")
    read = " ".join(page.pieces) + " ".join(svg["aria-label"] for svg in page.all("svg"))
    allowed = {"grid", "true", "false", "log", "candidates", "learning", "rate", "mean", "sgd"}
    assert strangers(read) - allowed == set()
