"""`handstitch compare`: what it prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from handstitch.report.languages import words
from handstitch.runs import test_log
from tests.cli.conftest import Handstitch
from tests.comparison.networks import save_run


@pytest.fixture
def runs() -> list[str]:
    """Two recipes with two seeds each."""
    return [
        str(save_run(f"{name}-{seed}", seed, 10 * at + seed, dropout=0.1 * at))
        for at, name in enumerate(("plain", "dropped"))
        for seed in (0, 1)
    ]


def test_two_recipes_fit_80_columns_and_say_what_is_known(
    handstitch: Handstitch, runs: list[str]
) -> None:
    result = handstitch("compare", *runs)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    words_of = " ".join(result.out.split())
    assert lines[0].endswith("30 validation images")
    assert {"A  plain (seeds 0, 1)", "B  dropped (seeds 0, 1)"} <= {*lines}
    assert "B and A by image" in result.out
    assert "By seed, B and A are indistinguishable" in words_of
    assert "The test images were left alone." in words_of
    (row,) = [line.split() for line in lines if line.startswith("dropout ")]
    assert row == ["dropout", "0", "0.1"]
    tables = [line for line in lines if not line.startswith(("By ", "The "))]
    assert max(map(len, tables)) <= 80


def test_json_is_one_object_with_the_words(handstitch: Handstitch, runs: list[str]) -> None:
    found = handstitch("compare", runs[0], runs[1], "--json").json
    assert (found["part"], found["images"], found["page"]) == ("test", 60, None)
    (one,) = found["pairs"][0]["by_image"]
    assert one["both"] + one["won"] + one["lost"] + one["neither"] == one["n"] == 60
    assert found["settings"] == [{"name": "seed", "values": [0, 1]}]
    assert any("one recipe" in line for line in found["words"])
    assert len(test_log.read(Path(runs[0])).evaluations) == 1
    assert "test evaluation 2 of this run" in handstitch("test", runs[0]).out


def test_a_page_in_either_language(handstitch: Handstitch, runs: list[str]) -> None:
    result = handstitch("compare", runs[0], runs[2], "--out", "page.html", "--lang", "zh")
    assert result.code == 0
    assert "Page: page.html (" in result.out
    assert words("zh").comparison["kicker"] in Path("page.html").read_text("utf-8")
    refused = handstitch("compare", *runs, "--out", "page.pdf")
    assert (refused.code, Path("page.pdf").exists()) == (2, False)
    assert "--out page.html" in refused.err


def test_refusals_are_short_and_name_flags(handstitch: Handstitch, runs: list[str]) -> None:
    alone = handstitch("compare", runs[0])
    assert alone.code == 2
    assert "two sides" in alone.err
    missing = handstitch("compare")
    assert missing.code == 2
    other = str(save_run("other", dataset="mnist"))
    refused = handstitch("compare", runs[0], other)
    assert refused.code == 2
    assert "--dataset PATH" in refused.err
    for result in (alone, missing, refused):
        assert len(result.err.splitlines()) <= 6
