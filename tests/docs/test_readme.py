"""Commands, numbers and code in the README files are those of the repository."""

from __future__ import annotations

import inspect
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from handstitch import cli
from handstitch.compiled import comparison
from handstitch.compiled.availability import unavailable_reason
from handstitch.core.network import Network
from tests.data.picture_files import draw, write_classes, write_picture
from tests.test_docs import named
from tests.test_house import CORE_LINES

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "README.zh-CN.md"]


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def python_blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def test_every_command_runs(small_world, monkeypatch, capsys):
    """Those of the Chinese page are the same; see below."""
    monkeypatch.setenv("HANDSTITCH_DATASET", "sketch")
    write_classes(small_world / "photos", "cats dogs", each=40, shape=(9, 12, 3))
    write_picture(small_world / "cat.jpg", draw((60, 40)))
    commands = named("handstitch", text("README.md"))
    assert len(commands) >= 10
    for words in commands:
        if "--workers" in words:  # in this process: others would draw the whole of the data
            words[words.index("--workers") + 1] = "0"
        if "--epochs" not in words:
            monkeypatch.setenv("HANDSTITCH_EPOCHS", "1")
        assert cli.run(words) == 0, (words, capsys.readouterr().err)
        monkeypatch.delenv("HANDSTITCH_EPOCHS", raising=False)


@pytest.mark.parametrize("page", PAGES)
def test_python_example_runs(page, small_world, capsys):
    example = python_blocks(page)[0]
    assert len(example.strip().splitlines()) <= 12
    exec(compile(example, page, "exec"), {})  # what a reader would type
    classes, accuracy = capsys.readouterr().out.strip().split("\n")
    assert re.fullmatch(r"\[(\d ?){5}\] \[(\d ?){5}\]", classes)
    assert 0 <= float(accuracy) <= 1


@pytest.mark.parametrize("page", PAGES)
def test_backward_loop_stands_as_in_the_code(page):
    shown = python_blocks(page)[1]
    assert shown.strip() == textwrap.dedent(inspect.getsource(Network.backward)).strip()


@pytest.mark.parametrize("page", [*PAGES, "docs/tutorial.md"])
def test_the_first_line_with_an_edited_core_is_the_one_printed(page, monkeypatch):
    monkeypatch.setattr(comparison, "edited_files", lambda: ["network.py"])
    assert f"\nhandstitch: backend: numpy: {unavailable_reason()}\n" in text(page)


def test_both_languages_show_the_same_commands_and_numbers():
    english, chinese = map(text, PAGES)
    assert named("handstitch", english) == named("handstitch", chinese)
    assert named("make", english) == named("make", chinese) == [["train"], ["test"]]
    results = re.compile(r"<!-- results -->(.*)<!-- /results -->", re.DOTALL)
    numbers = [re.findall(r"\d+\.\d+", results.findall(page)[0]) for page in (english, chinese)]
    assert numbers[0] == numbers[1]
    assert numbers[0]


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "docs/index.md", "docs/zh/index.md"])
def test_core_may_be_as_long_as_it_says(page):
    said = re.findall(r"(?:at most|不超过) (\d+) (?:lines|行)", text(page))
    assert said
    assert set(said) == {str(CORE_LINES)}


def test_the_map_is_the_contract():
    contract = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    floors = [set(re.findall(r"\w+", floor)) for floor in reversed(contract["layers"])]
    mapped: dict[int, set[str]] = {}
    number = 0
    for row in re.findall(r"^\| (\d*) *\| (`.*?`) \|", text("CONTRIBUTING.md"), re.MULTILINE):
        number = int(row[0] or number)
        mapped.setdefault(number, set()).update(re.findall(r"`(\w+)`", row[1]))
    assert [*(mapped[number] for number in sorted(mapped)), {"__main__"}] == floors


INTRODUCED = re.compile(r"(?:course\s+report|课程报告).*?(?:\n\n|\Z)", re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *(f"docs/{name}.md" for name in ("index", "tutorial", "derivation", "datasets", "search")),
        *("docs/insight.md", "docs/zh/index.md", "docs/zh/derivation.md"),
        *("docs/howto/import-course-weights.md", "notebooks/fashion_mnist.py"),
    ],
)
def test_the_course_report_is_introduced_where_it_is_first_named(page):
    _, _, below_title = text(page).partition("\n")
    assert "reproduction.md" in INTRODUCED.findall(below_title)[0]


def test_what_is_not_known_of_the_course_report_is_said_once():
    said = [
        page for page in (ROOT / "docs").rglob("*.md") if "not on record" in page.read_text("utf-8")
    ]
    assert said == [ROOT / "docs/reproduction.md"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", text(page)):
        assert (ROOT / target).exists(), target
