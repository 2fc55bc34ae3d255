from __future__ import annotations

import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstitch import errors
from handstitch.errors import (
    ConfigError,
    DataError,
    DivergedError,
    HandstitchError,
    Interrupted,
    MachineError,
    ModelFileError,
    UsageError,
    printable,
)

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


def test_facts_are_labelled_aligned_and_in_order() -> None:
    error = DataError("it is bad", file="a", found="x", absent=None, wanted="y")
    assert str(error) == "it is bad\n  file    a\n  found   x\n  wanted  y"
    assert error.facts == {"file": "a", "found": "x", "wanted": "y"}


def test_a_fact_may_be_a_table_indented_under_itself() -> None:
    error = ModelFileError("no", found="layer 0\nlayer 1", fix="z")
    assert str(error) == "no\n  found  layer 0\n         layer 1\n  fix    z"


@given(st.text(), st.dictionaries(st.sampled_from("abcdefgh"), st.text(max_size=1000)))
def test_a_message_is_at_most_six_printable_lines(problem: str, facts: dict[str, str]) -> None:
    message = str(HandstitchError(problem, **facts))
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


@given(st.text())
def test_printable_is_printable_and_does_it_once(text: str) -> None:
    once = printable(text)
    assert all(each.isprintable() for each in once)
    assert printable(once) == once


@pytest.mark.parametrize("kind", CODES)
def test_pickling_keeps_kind_problem_and_facts(kind: type[HandstitchError]) -> None:
    again = pickle.loads(pickle.dumps(kind("it is bad", found=3, fix="do so")))
    assert type(again) is kind
    assert (again.problem, again.facts) == ("it is bad", {"found": 3, "fix": "do so"})
    assert str(again) == "it is bad\n  found  3\n  fix    do so"


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143)])
def test_an_interruption_is_no_error_to_be_swallowed(signal: int, code: int) -> None:
    interrupted = Interrupted(signal)
    assert interrupted.exit_code == code
    assert not isinstance(interrupted, Exception)
