"""A search that takes more trials: the table of one that had them from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from handstitch import search as searches
from handstitch.errors import UsageError
from handstitch.search import folder as search_folder
from tests.cli.conftest import Handstitch, handstitch, machine  # noqa: F401
from tests.search.searching import table
from tests.search.test_plan import make_plan

SMALL = ("--dataset", "sketch", "--epochs", "2", "--workers", "0", "--threads", "1")
SPACE = (*SMALL, "--hidden", "8", "--lr", "log:0.001..0.1", "--dropout", "0", "0.3")


@pytest.mark.parametrize(
    ("sampler", "few", "many"), [("random", 2, 5), ("tpe", 6, 11), ("tpe", 8, 10)]
)
def test_more_trials_give_the_table_of_an_undisturbed_search(
    handstitch: Handstitch,  # noqa: F811
    sampler: str,
    few: int,
    many: int,
) -> None:
    words = ("search", *SPACE, "--sampler", sampler)
    assert handstitch(*words, "--trials", str(many), "--out", "whole").code == 0
    assert handstitch(*words, "--trials", str(few), "--out", "grown").code == 0
    first = table(Path("grown"))
    more = ("--out", "grown", "--trials", str(many), "--workers", "0")
    result = handstitch("search", *more, "--json")
    assert result.code == 0, result.err
    assert (result.json["planned"], result.json["trials"]) == (many, many)
    assert table(Path("grown")) == table(Path("whole"))
    assert table(Path("grown"))[:few] == first
    again = handstitch("search", *more)
    assert "grown is finished; there is nothing left to train" in again.err


def test_the_whole_command_with_more_trials_does_the_same(
    handstitch: Handstitch,  # noqa: F811
) -> None:
    words = ("search", *SPACE, "--seeds", "2", "--out", "grown", "--trials")
    assert handstitch(*words, "2").code == 0
    result = handstitch(*words, "3")
    assert result.code == 0, result.err
    assert [trial.candidate for trial in searches.load("grown").trials] == [0, 0, 1, 1, 2, 2]
    other = handstitch("search", *SPACE, "--seeds", "2", "--seed", "1", "--trials", "4",
                       "--out", "grown")  # fmt: skip
    assert (other.code, "this folder holds another search" in other.err) == (2, True)
    assert searches.load("grown").plan.candidates == 3


def test_fewer_trials_and_those_of_a_grid_are_refused(
    handstitch: Handstitch,  # noqa: F811
) -> None:
    assert handstitch("search", *SPACE, "--trials", "2", "--out", "random").code == 0
    assert handstitch("search", *SMALL, "--lr", "0.1", "0.2", "--out", "grid").code == 0
    for folder, trials, words in (
        ("random", "1", "a search takes more trials, not fewer"),
        ("grid", "5", "a grid has all its combinations as candidates"),
    ):
        before = Path(folder, "search.json").read_bytes()
        result = handstitch("search", "--out", folder, "--trials", trials)
        assert (result.code, words in result.err) == (2, True), result.err
        assert f"--trials {trials}" in result.err
        assert Path(folder, "search.json").read_bytes() == before


def test_a_search_grows_in_its_folder_when_it_is_written(tmp_path: Path) -> None:
    plan = make_plan(2)
    folder = search_folder.create(plan, tmp_path / "search", "0" * 64, "")
    with pytest.raises(UsageError):
        searches.more(plan, 1)
    before = (folder / "search.json").read_bytes()
    grown = searches.load(folder).grow(5)
    assert (grown.plan.candidates, (folder / "search.json").read_bytes()) == (5, before)
    grown.write_plan()
    assert searches.load(folder).plan == searches.more(plan, 5)
