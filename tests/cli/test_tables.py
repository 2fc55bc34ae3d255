"""Tables of the terminal: as wide as it is, no word broken; colours, and signs of life."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.cells import cell_len

from handstitch.cli import output
from handstitch.cli.progress import progress
from handstitch.data import sketch
from tests.cli.conftest import Handstitch

LONG = ("Ankle boot", "a dress for long summer evenings", "Turnschuhschnürsenkelkatalog 鞋子")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
Terminal = Callable[..., None]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes stdout and stderr a terminal of so many columns, from here on."""

    def become(columns: int = 80, **variables: str) -> None:
        for name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"COLUMNS": str(columns), "TERM": "xterm-256color", **variables}.items():
            monkeypatch.setenv(name, value)
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)

    return become


def check_lines(text: str, columns: int) -> None:
    plain = ESCAPES.sub("", text)
    assert [line for line in plain.split("\n") if cell_len(line) > columns] == []


WORDS = st.text(st.sampled_from("abcXYZ0.9-_/鞋é[]"), min_size=1, max_size=14)
CELLS = st.lists(WORDS, max_size=5).map(" ".join)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_line_is_too_long_and_no_word_broken(data: st.DataObject) -> None:
    columns = data.draw(st.integers(60, 100))
    width = data.draw(st.integers(1, 7))
    heads, *rows = data.draw(
        st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=5)
    )
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *text: lines.extend(text))
        patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("NO_COLOR", "1")
        output.print_table(heads, rows, "A title that says what is in the table", 2)
    text = "\n".join(lines)
    check_lines(text, columns)
    found = ESCAPES.sub("", text).split()
    assert [
        word for row in rows for cell in row for word in cell.split() if word not in found
    ] == []


@pytest.fixture
def own(handstitch: Handstitch) -> str:
    """The folder of a run on pictures whose classes have long names."""
    images, labels = sketch.draw(120, 0)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        if label < len(LONG):
            folder = Path("data", LONG[label])
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.ascontiguousarray(image)).save(folder / f"picture_{number}.png")
    result = handstitch(
        "train", "--dataset", "data", "--hidden", "4,", "--epochs", "1", "--out", "runs/own"
    )
    assert result.code == 0, result.err
    return "runs/own"


def test_every_verb_keeps_to_the_terminal(
    handstitch: Handstitch, own: str, terminal: Terminal
) -> None:
    for columns in (80, 60):
        for words in (
            ("test", own),
            ("predict", own, "--dataset", "data", "--rows", "0:3"),
            ("show", "curves", own),
            ("show", "weights", own),
            ("data", "info", "data"),
            ("doctor",),
        ):
            terminal(columns)
            result = handstitch(*words)
            assert result.code == 0, result.err
            table = ESCAPES.sub("", result.out).partition("SHA-256")[0]
            check_lines(table, columns)
            if words[0] in {"test", "data"}:
                assert {word for name in LONG for word in name.split()} <= set(table.split())


def test_colour_is_for_terminals_and_never_alone(capsys, terminal: Terminal) -> None:
    def printed() -> str:
        rows = [("a", output.marked("wrong", "wrong")), ("b", output.marked("best", "best"))]
        output.print_table(("row", "remark"), rows, words=2)
        sys.stdout.write(output.painted("best", "best") + "\n")
        return str(capsys.readouterr().out)

    plain = printed()
    assert "\x1b" not in plain
    terminal()
    coloured = printed()
    assert coloured.count("\x1b[1;31mwrong") == 1
    assert coloured.count("\x1b[1;32mbest") == 2
    assert [line.rstrip() for line in ESCAPES.sub("", coloured).split("\n")] == plain.split("\n")
    terminal(NO_COLOR="1")
    assert "\x1b[1;3" not in printed()


def test_an_error_is_red_where_there_is_a_terminal(
    handstitch: Handstitch, terminal: Terminal
) -> None:
    plain = handstitch("show", "nowhere").err
    terminal()
    coloured = handstitch("show", "nowhere").err
    assert coloured.startswith("handstitch: \x1b[1;31merror\x1b[0m: there is no nowhere")
    assert ESCAPES.sub("", coloured).split() == plain.split()  # which no terminal wraps


def test_what_takes_long_shows_that_it_is_alive(
    capsys, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handstitch.cli.progress.AFTER", 0.05)

    def work(seconds: float) -> str:
        with progress("Working") as tell:
            tell("Still working", 0.5)
            time.sleep(seconds)
        return str(capsys.readouterr().err)

    assert work(0.2) == ""
    terminal()
    assert "Still working" in work(0.4)
    assert work(0.0) == ""
