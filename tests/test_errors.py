from __future__ import annotations

import inspect
import os
import pickle
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstitch import errors
from handstitch.errors import (
    Argument,
    Call,
    ConfigError,
    DataError,
    DivergedError,
    HandstitchError,
    Interrupted,
    MachineError,
    ModelFileError,
    Phrase,
    UsageError,
    listed,
    printable,
    shell_word,
)

FIELDS = ("file", "found", "wanted", "means", "fix")
CODES = {
    HandstitchError: 1,
    UsageError: 2,
    ConfigError: 2,
    DataError: 3,
    ModelFileError: 4,
    MachineError: 5,
    DivergedError: 6,
}


def test_exit_codes_are_those_of_the_drawn_tree() -> None:
    drawn = re.findall(r"(\w+Error) +(\d)", errors.__doc__ or "")
    assert {getattr(errors, name): int(code) for name, code in drawn} == CODES
    assert {kind: kind.exit_code for kind in CODES} == CODES
    assert issubclass(ConfigError, UsageError)


def test_every_error_of_the_module_is_in_the_tree() -> None:
    defined = {
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, HandstitchError)
    }
    assert defined == set(CODES)


def test_fields_are_labelled_aligned_and_in_order() -> None:
    error = DataError("it is bad", wanted="y", found="x", fix=None, file="a")
    assert str(error) == "it is bad\n  file    a\n  found   x\n  wanted  y"
    assert (error.file, error.found, error.wanted, error.fix) == ("a", "x", "y", None)


def test_arguments_and_calls_are_python_or_what_the_writer_makes_of_them() -> None:
    fix = Phrase(
        "try {} or {}; then {}",
        Argument("learning_rate", 0.01),
        Argument("epochs"),
        Call("resume", Path("a b"), Argument("out", "x\ny")),
    )
    error = DataError("it is bad", fix=fix)
    python = r"try learning_rate=0.01 or epochs; then handstitch.resume('a b', out='x\ny')"
    assert error.fix == python
    assert str(error) == f"it is bad\n  fix  {python}"
    assert fix.template.format(*(type(part).__name__ for part in fix.parts)) == (
        "try Argument or Argument; then Call"
    )


def test_a_list_of_names_is_cut() -> None:
    assert listed("abcde") == "a, b, c, d, e"
    assert listed(["a\nb", *"cdefg"]) == r"a\nb, c, d, e, f and 1 more"
    assert listed([]) == ""


def test_a_field_may_be_a_table_indented_under_itself() -> None:
    error = ModelFileError("no", found="layer 0\nlayer 1", fix="z")
    assert str(error) == "no\n  found  layer 0\n         layer 1\n  fix    z"


@given(st.text(), st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=1000)))
def test_a_message_is_at_most_six_printable_lines(problem: str, fields: dict[str, str]) -> None:
    message = str(HandstitchError(problem, **fields))
    lines = message.split("\n")
    assert len(lines) <= 6
    assert all(line == printable(line) and len(line) <= 400 for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("x\x00\x7f\x9b", r"x\x00\x7f\x9b"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\u2066x\u2069\u200b\ufeff", r"\u2066x\u2069\u200b\ufeff"),
        ("no\u00a0break\u2028", r"no\xa0break\u2028"),
        ("\ud800", r"\ud800"),
        ("λ Größe 图像", "λ Größe 图像"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown_as_text(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.skipif(shutil.which("bash") is None, reason="a shell that knows $'…'")
@pytest.mark.parametrize(
    "name",
    [b"runs/a", b"a b", b"it's", b"a\nb", b"back\\slash\r", b"'\x1b[31m'", b"\xff\\'$(id)`id`"],
)
def test_a_shell_reads_the_word_as_the_name(name: bytes) -> None:
    word = shell_word(os.fsdecode(name))
    assert printable(word) == word
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout == name


@given(st.text())
def test_printable_is_printable_and_does_it_once(text: str) -> None:
    once = printable(text)
    assert all(each.isprintable() for each in once)
    assert printable(once) == once


@pytest.mark.parametrize("kind", CODES)
def test_pickling_keeps_kind_and_fields(kind: type[HandstitchError]) -> None:
    error = replace(kind("it is bad", found="3"), fix=Phrase("do {}", Call("train")))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.problem, again.found, again.file) == ("it is bad", "3", None)
    assert str(again) == "it is bad\n  found  3\n  fix    do handstitch.train()"
    assert isinstance(again.fix, Phrase)
    assert again.fix.template == "do {}"
    assert str(again.fix.parts[0]) == "handstitch.train()"


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143)])
def test_an_interruption_is_no_error_to_be_swallowed(signal: int, code: int) -> None:
    interrupted = Interrupted(signal)
    assert interrupted.exit_code == code
    assert not isinstance(interrupted, Exception)
