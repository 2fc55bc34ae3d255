"""Folders whose names are not UTF-8, hold control characters or turn the line around.

They are text on a terminal, JSON stays JSON, and a command that is printed works as printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from handstitch.errors import printable, shell_word
from handstitch.search import search_of
from tests.cli.conftest import Handstitch, Result

SMALL = ("--dataset", "sketch", "--epochs", "1", "--hidden", "4", "--backend", "numpy")
NAME = os.fsdecode(b"a\xff\x1b[31m\xe2\x80\xaeb \xc3\xa9'c")

if os.name == "nt":
    pytest.skip("names are bytes on POSIX", allow_module_level=True)


def require_text(result: Result, code: int = 0) -> None:
    """Fail unless both streams can be written to a terminal of UTF-8, and are only text."""
    assert result.code == code, result.err
    for line in (result.out + result.err).split("\n"):
        line.encode()
        assert printable(line) == line
    for command in re.findall(r"handstitch [a-z]+ .*\$'.*$", result.out + result.err, re.MULTILINE):
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True
        )
        named = os.fsdecode(words.stdout).split("\0")
        assert any(Path(word).parts[:1] == (NAME,) for word in named if word), named


def require_json(result: Result) -> None:
    """Fail unless stdout is JSON that a strict reader takes."""
    require_text(result)
    json.dumps(result.json, ensure_ascii=False).encode()


def test_a_run_in_a_folder_of_any_name(handstitch: Handstitch) -> None:
    trained = handstitch("train", *SMALL, "--out", NAME)
    require_text(trained)
    assert f"Test it: handstitch test {shell_word(NAME)}" in trained.out
    assert json.loads(Path(NAME, "summary.json").read_bytes())
    for verb in ("test", "predict", "show", "report"):
        require_text(handstitch(verb, NAME))
        require_json(handstitch(verb, NAME, "--json"))
    require_json(handstitch("show", "weights", NAME, "--json"))
    require_text(handstitch("show", "weights", NAME, "--out", f"{NAME}/w.png"))
    require_json(handstitch("config", "--config", f"{NAME}/config.toml", "--json"))
    require_text(handstitch("train", "--resume", NAME))
    require_text(handstitch("train", *SMALL, "--out", NAME), 2)
    require_text(handstitch("test", f"{NAME}/nosuch"), 4)
    require_text(handstitch("test", NAME, "--data-dir", NAME, "--dataset", "mnist"), 3)
    require_text(handstitch("train", "--out", NAME, "--bogus"), 2)
    require_json(handstitch("train", *SMALL, "--out", f"{NAME}2", "--json"))


def test_a_search_in_a_folder_of_any_name(handstitch: Handstitch) -> None:
    words = ("--lr", "0.1", "0.2", "--seeds", "2", "--workers", "0", "--out", NAME)
    searched = handstitch("search", *SMALL, *words)
    require_text(searched)
    assert "cannot be written" not in searched.err
    assert Path(NAME, "study.db").stat().st_size > 0
    require_json(handstitch("search", "--out", NAME, "--json"))
    require_text(handstitch("show", NAME))
    require_json(handstitch("show", NAME, "--json"))
    require_json(handstitch("train", "--from-search", NAME, "--out", f"{NAME}2", "--json"))
    assert search_of(Path(f"{NAME}2")) == Path(NAME)


def test_a_plain_name_stays_as_it_is() -> None:
    assert shell_word("runs/a") == "runs/a"
    assert shell_word(Path("a b")) == "'a b'"
    assert shell_word("é") == "'é'"
    assert shell_word("a\n\\'") == r"$'a\012\134\047'"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    ("words", "code"), [("data info sketch", 5), ("data info sketch --json", 5), ("nosuch", 2)]
)
def test_the_exit_code_stands_where_nothing_can_be_written(words: str, code: int) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "handstitch", *words.split()]
        done = subprocess.run(command, check=False, stdout=full, stderr=full, timeout=60)
    assert done.returncode == code
