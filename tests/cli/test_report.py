"""`handstitch report`: what it prints, and what it does to a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handstitch import figures
from handstitch.report import layouts
from handstitch.runs.folder import CURVES
from handstitch.storage import disk
from tests.cli.conftest import Handstitch
from tests.report.run_folders import write_search
from tests.report.test_search_page import RATES, trials_of


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are taken for drawn; tests/report draws them."""
    monkeypatch.setattr(layouts, "inline_svg", lambda *drawn: '<svg aria-label="x"></svg>')
    monkeypatch.setattr(figures, "png", lambda figure, dpi=150: b"png")


def test_the_newest_run_gets_its_page(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("report")
    assert (result.code, result.err) == (0, "")
    first, *others = result.out.splitlines()
    assert re.fullmatch(r"Page: runs/train/report.html \(0\.[01] MB\)", first)
    assert others == [
        "Pictures beside it: curves.png, confusion_matrix.png, weights.png",
        "Model card: runs/train/README.md",
        "It shows validation figures: these weights have not been tested.",
        "Test them: handstitch test runs/train",
    ]
    handstitch("test")
    assert handstitch("report").out.splitlines()[-1] == "It shows the last test of these weights."


def test_json_says_what_was_made(handstitch: Handstitch, trained: Path) -> None:
    found = handstitch("report", str(trained), "--lang", "zh", "--json").json
    page = Path(found["page"])
    assert page.stat().st_size == found["bytes"]
    assert '<html lang="zh-Hans">' in page.read_text("utf-8")
    assert found["run"] == "runs/train"
    assert found["card"] == "runs/train/README.md"
    assert (found["part"], found["missing"]) == ("validation", [])
    assert len(found["pictures"]) == 3


def test_another_folder_can_be_named(handstitch: Handstitch, trained: Path) -> None:
    assert handstitch("report", "--out", "pages/one").code == 0
    assert Path("pages/one/report.html").exists()
    assert not (trained / "report.html").exists()


def test_what_is_missing_is_a_notice(handstitch: Handstitch, trained: Path) -> None:
    (trained / "weights" / "best.safetensors").unlink()
    result = handstitch("report")
    assert result.code == 0
    assert "There are no best weights" in result.err


def test_what_is_no_run_is_exit_2(handstitch: Handstitch, machine: Path) -> None:
    assert handstitch("report").code == 2
    result = handstitch("report", "nowhere")
    assert (result.code, result.out) == (2, "")
    assert "this is not a run" in result.err
    assert handstitch("report", "--lang", "de").code == 2


def test_all_runs_get_one_page(handstitch: Handstitch, trained: Path) -> None:
    Path("runs", "pictures").mkdir()
    result = handstitch("report", "--all")
    assert result.code == 0
    assert re.fullmatch(r"Page: runs/runs.html \(0\.\d MB\)\nIt shows 1 run\n", result.out)
    assert "neither a run nor a search: pictures" in result.err
    found = handstitch("report", "--all", "runs", "--out", "pages", "--lang", "zh", "--json").json
    assert '<html lang="zh-Hans">' in Path(found["page"]).read_text("utf-8")
    assert (found["page"], found["runs"], found["unfinished"]) == ("pages/runs.html", ["train"], 0)
    assert (found["searches"], found["problems"], found["foreign"]) == ([], [], ["pictures"])


def test_all_of_what_is_no_folder_of_runs_is_exit_2(handstitch: Handstitch, machine: Path) -> None:
    assert "handstitch train" in handstitch("report", "--all").err
    Path("one").mkdir()
    Path("one", "config.toml").write_text("")
    result = handstitch("report", "one", "--all")
    assert (result.code, result.out) == (2, "")
    assert "for this one: handstitch report one" in result.err
    assert handstitch("report", "--all", "--dataset", "mnist").code == 2


def test_a_search_is_told_from_a_run(handstitch: Handstitch, machine: Path) -> None:
    trials = trials_of([[0.80, 0.84, 0.82], [0.81, 0.83, 0.84]])
    write_search(Path("runs", "grid"), trials, {"learning_rate": RATES[:2]})
    result = handstitch("report", "runs/grid")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0].startswith("Page: runs/grid/report.html (0.")
    assert "it is indistinguishable from the only other candidate" in result.out
    found = handstitch("report", "runs/grid", "--out", "pages", "--by", "last", "--json").json
    assert (found["page"], found["winner"]) == ("pages/report.html", 1)
    refused = handstitch("report", "runs/grid", "--dataset", "mnist")
    assert (refused.code, "opens no data" in refused.err) == (2, True)
    assert handstitch("report", "--all").code == 0
    assert 'href="grid/report.html"' in Path("runs", "runs.html").read_text("utf-8")
    assert "searches" in handstitch("report", "--all", "--by", "last").err


def test_a_folder_that_takes_no_file_is_exit_5(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReadOnly(disk.Files):
        def open(self, path: Path, flags: int) -> int:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(disk, "files", ReadOnly())
    result = handstitch("report", str(trained))
    assert (result.code, result.out) == (5, "")
    assert "--out" in result.err


def test_a_library_that_is_missing_is_exit_5(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = handstitch("report")
    assert (result.code, result.out) == (5, "")
    assert "matplotlib" in result.err
    assert "install handstitch again" in result.err
    assert CURVES not in {path.name for path in trained.iterdir()}
