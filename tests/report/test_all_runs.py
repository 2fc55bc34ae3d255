"""The page over all runs: what is read, what is compared with what, and that it is sound."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from urllib.parse import unquote

import pytest
from scipy.stats import t as student

from handstitch.config import Config
from handstitch.errors import UsageError, printable
from handstitch.evaluation import wilson_interval
from handstitch.report import make_all
from handstitch.report.all_runs import render_all
from handstitch.report.collection import Collection, ListedRun, collect, mean_over_seeds, recipes
from handstitch.report.languages import words
from handstitch.report.run_table import Line, RunTable, interval_text
from handstitch.runs import folder as run_folder
from tests.report.hostile import PIECES, names
from tests.report.reading import Page, breaches
from tests.report.run_folders import write_run, write_search, write_test
from tests.report.test_languages import strangers
from tests.synthetic_trials import epochs, trial

ENGLISH = words("en")
CURVE = [1 - 0.5 / epoch for epoch in range(1, 121)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three seeds of one recipe, one of them tested; a run of another; one that is not finished."""
    tmp_path /= "all"
    for seed, last in enumerate((0.80, 0.82, 0.87)):
        write_run(tmp_path / f"a{seed}", [0.7, last], seed=seed)
    write_run(tmp_path / "b", [0.9, 0.6], learning_rate=0.5)
    write_run(tmp_path / "a3", [0.75], planned=2, seed=3)
    write_test(tmp_path / "a1")
    (tmp_path / "a0" / run_folder.PAGE).write_text("page")
    return tmp_path


def table_of(folder: Path) -> RunTable:
    return RunTable(collect(folder).runs, ENGLISH, folder)


def line_of(table: RunTable, name: str) -> Line:
    (line,) = [line for lines in table.groups for line in lines if line.name.text == name]
    return line


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_sound_and_names_every_run(folder: Path, lang: str) -> None:
    made = make_all(folder, "zh" if lang == "zh" else "en")
    assert made.page == folder / "runs.html"
    source = made.page.read_text("utf-8")
    assert breaches(source, over_all=True) == []
    page = Page(source)
    assert {"a0", "a1", "a2", "a3", "b"} < set(page.text.split())
    assert len(page.scripts) == 1
    if lang == "zh":
        read = " ".join(page.pieces) + " ".join(svg["aria-label"] for svg in page.all("svg"))
        code = {"handstitch", "report", "all", "lang", "zh", "runs"}
        assert strangers(read) - {"a0", "a1", "a2", "a3"} - code == set()


def test_what_is_not_this_script_is_a_breach(folder: Path) -> None:
    source = make_all(folder).page.read_text("utf-8")
    for old, new in {
        "<h1>": "<script>alert(1)</script><h1>",
        '"use strict";': '"use strict"; alert(1);',
        "'sha256-": "'unsafe-inline' 'sha256-",
        'href="a0/report.html"': 'href="javascript:alert(1)"',
    }.items():
        assert old in source
        assert breaches(source.replace(old, new, 1), over_all=True) != []
    assert breaches(source) != []  # of a run, it would be one


def test_a_run_has_its_best_epoch_and_the_interval_of_its_images(folder: Path) -> None:
    table = table_of(folder)
    first = line_of(table, "b")
    assert first.validation.text == "90.00 %"
    assert first.validation.notes == [interval_text(wilson_interval(900, 1000))]
    assert line_of(table, "a3").validation == ("75.00 %", [], "0.750000")
    assert line_of(table, "a3").name.notes == ["not finished: 1 of 2 epochs"]
    assert [column.head for column in table.columns if column.kind == "setting"] == [
        "learning_rate"
    ]


def test_seeds_of_one_recipe_stand_under_their_mean(folder: Path) -> None:
    table = table_of(folder)
    lines = table.groups[1]
    assert [line.name.text for line in lines] == ["One recipe, 4 runs", "a2", "a1", "a0", "a3"]
    values = [0.80, 0.82, 0.87]  # that of the unfinished run is no repetition of theirs
    half = student.ppf(0.975, 2) * stdev(values) / 3**0.5
    low, high = mean(values) - half, mean(values) + half
    assert lines[0].validation.text == "83.00 %"
    assert lines[0].validation.notes == [f"{100 * low:.2f} – {100 * high:.2f}", "mean of 3 seeds"]
    assert lines[0].test.text == ""
    assert len(lines[0].curves) == 4
    assert [line.name.text for line in table.groups[0]] == ["b"]  # alone, without a mean


def test_runs_with_one_seed_are_no_repetitions(tmp_path: Path) -> None:
    for number, (seed, last) in enumerate([(1, 0.8), (1, 0.9), (2, 0.87)]):
        write_run(tmp_path / str(number), [last], seed=seed, threads=number + 1)
    (group,) = recipes(collect(tmp_path).runs)
    found = mean_over_seeds(group, lambda run: run.validated)
    assert found is not None
    assert (round(found.accuracy, 9), found.interval, found.seeds) == (0.86, None, 2)
    assert mean_over_seeds(group[:2], lambda run: run.validated) is None


def test_other_data_under_the_same_name_are_another_recipe(tmp_path: Path) -> None:
    for seed, digest in enumerate("aab"):
        write_run(tmp_path / str(seed), [0.8], seed=seed, summary={"data_digest": digest * 64})
    write_run(tmp_path / "open", [0.8], planned=1 + 1, seed=9)
    assert sorted(len(group) for group in recipes(collect(tmp_path).runs)) == [1, 1, 2]
    table = table_of(tmp_path)
    assert [column.head for column in table.columns][4] == "images"
    assert line_of(table, "2").others[0] == ("sketch", ["b" * 8], "")


def test_a_test_counts_for_the_weights_that_were_tested(folder: Path) -> None:
    accuracy = write_test(folder / "a1")
    write_test(folder / "b", other_weights=True)
    table = table_of(folder)
    assert line_of(table, "a1").test.text == f"{100 * accuracy:.2f} %"
    assert line_of(table, "a1").test.notes[-1] == "tested 2 times"
    assert line_of(table, "b").test.text == ""
    write_test(folder / "a2")
    assert "Choose by validation" in Page(make_all(folder).page.read_text("utf-8")).text


def test_what_is_broken_or_foreign_is_named_and_stops_nothing(folder: Path) -> None:
    (folder / "a0" / run_folder.SUMMARY).write_text("{")
    (folder / "a2" / "test").mkdir()
    (folder / "a2" / "test" / "log.json").write_text("[]")
    (folder / "b" / run_folder.CONFIG).write_text("seed = [")
    for name in ("grid", "photos", ".hidden", "deep/er/pictures"):
        (folder / name).mkdir(parents=True)
    (folder / "grid" / "search.json").write_text("{}")
    write_run(folder / "deep" / "er" / "run", [0.5])
    (folder / "linked").symlink_to(folder / "a1")
    (folder / "photos" / run_folder.CONFIG).symlink_to(folder / "b" / run_folder.CONFIG)
    found = collect(folder)
    assert [run.name for run in found.runs] == ["a0", "a1", "a2", "a3", "deep/er/run"]
    assert [name for name, _ in found.problems] == ["a0", "a2", "b", "grid", "photos"]
    assert found.foreign == ["deep/er/pictures"]
    text = Page(make_all(folder).page.read_text("utf-8")).text
    assert "the config file is not valid TOML" in text
    assert "deep/er/pictures: neither a run nor a search" in text
    assert "Not read, or not wholly: 5." in text


def test_a_folder_without_runs_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    for place, problem in {
        "empty": "there is no run below this folder",
        "nowhere": "there is no run below this folder",
        "a0": "this is one run",
    }.items():
        with pytest.raises(UsageError, match=problem):
            make_all(folder / place)


def test_searches_alone_need_no_script(tmp_path: Path) -> None:
    trials = [trial(0, 0, epochs([0.5]), {"learning_rate": 0.1}, seeds=1)]
    write_search(tmp_path / "all" / "grid", trials, {"learning_rate": [0.1]})
    source = make_all(tmp_path / "all").page.read_text("utf-8")
    assert breaches(source, over_all=True) == []
    assert Page(source).scripts == []
    assert "grid 1 1 1 / 1" in Page(source).text


def test_links_lead_from_the_page_to_the_runs(folder: Path) -> None:
    name = "javascript:alert(1) %41 'ü?#"
    write_run(folder / name, [0.5])
    (folder / name / run_folder.PAGE).write_text("page")
    (folder / "pages" / "here").mkdir(parents=True)
    for place in (folder, folder / "pages" / "here"):
        page = Page(make_all(folder, out=place).page.read_text("utf-8"))
        links = [each["href"] for each in page.all("a") if "report.html" in each["href"]]
        assert len(links) == 2
        for link in links:
            assert not re.match(r"[a-z]+:", link)
            assert (place / unquote(link)).is_file()


def make_runs(run_names: list[str], **settings: Any) -> list[ListedRun]:
    """Runs of these names, with the seeds 0, 1, 2 …; files there are none."""
    config, history = Config(dataset="sketch", epochs=120, **settings), epochs(CURVE)
    return [
        ListedRun(name, Path(), replace(config, seed=seed), history, None, None, 0)
        for seed, name in enumerate(run_names)
    ]


def test_hostile_names_stay_text() -> None:
    runs = [
        replace(run, config=replace(run.config, dataset=printable(run.name)))
        for run in make_runs(names(200))
    ]
    problems = [(PIECES[1], PIECES[2])]
    found = Collection(Path(PIECES[0]), runs, problems=problems, foreign=[PIECES[3]])
    source = render_all(found, ENGLISH, Path())
    assert breaches(source, over_all=True) == []
    text = Page(source).text
    for name in (*(run.name for run in runs), *PIECES[1:4]):
        assert " ".join(printable(name).split()) in text


def test_three_hundred_runs_fit_in_five_megabytes() -> None:
    alone = [make_runs([f"run {n}"], learning_rate=0.01 * (n + 1))[0] for n in range(60)]
    runs = alone + make_runs([f"run {n}" for n in range(240)])
    source = render_all(Collection(Path("runs"), runs), ENGLISH, Path("runs"))
    assert source.count("<path") == 60 + 2 * 240  # a recipe's first line has the curves of all
    assert len(source) < 5e6
