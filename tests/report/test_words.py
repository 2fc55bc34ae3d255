"""The two languages say the same, and neither borrows from the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from string import Formatter
from typing import Any

import pytest

from handstitch.config import field_types
from handstitch.report.chinese import CHINESE
from handstitch.report.english import ENGLISH
from handstitch.report.words import Section, Words, words
from handstitch.wording import choices
from tests.report.reading import Page
from tests.report.samples import findings
from tests.report.test_page import page_of

NAMES = {
    "Handstitch", "sketch", "Fashion", "MNIST", "SHA", "BLAS", "NumPy", "SciPy", "numba", "auto",
    "history", "csv", "Python", "L2", "F1", "none",
}  # fmt: skip
"""Names and commands, which are the same in every language."""
WORD = re.compile(r"[A-Za-z][A-Za-z_]+[0-9]*")


def texts(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """(where, text) of every text in a table of words."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from texts(each, f"{at}.{key}")
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from texts(each, f"{at}.{number}")
    elif isinstance(value, Words | Section):
        for each in fields(value):
            yield from texts(getattr(value, each.name), f"{at}.{each.name}")


def placeholders(text: str) -> list[str]:
    return sorted(f"{name}:{kind}" for _, name, kind, _ in Formatter().parse(text) if name)


def strangers(text: str) -> set[str]:
    """Words in Latin letters that are neither names nor settings nor what settings may be."""
    values = [word for kind in field_types().values() for word in choices(kind)]
    known = NAMES | set(field_types()) | set(" ".join(values).replace("-", " ").split())
    return set(WORD.findall(re.sub(r"\{[^}]*\}", "", text))) - known


def test_both_tables_have_the_same_entries_with_the_same_placeholders() -> None:
    english, chinese = (dict(texts(each)) for each in (ENGLISH, CHINESE))
    assert english.keys() == chinese.keys()
    assert len(english) > 150
    for at in english:
        assert placeholders(english[at]) == placeholders(chinese[at]), at
        assert bool(english[at]) == bool(chinese[at]), at
    assert words("en") is ENGLISH
    assert words("zh") is CHINESE


def test_every_setting_has_its_meaning() -> None:
    assert list(CHINESE.meanings) == list(ENGLISH.meanings) == list(field_types())


@pytest.mark.parametrize(("at", "text"), list(texts(CHINESE)))
def test_no_english_is_left_in_chinese(at: str, text: str) -> None:
    if at != ".html_lang":
        assert not strangers(text)


def test_no_chinese_is_in_english() -> None:
    chinese = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
    assert not [at for at, text in texts(ENGLISH) if chinese.search(text)]


def test_english_left_over_is_seen() -> None:
    assert strangers("训练 training 与 {rate}") == {"training"}


def test_a_chinese_page_has_no_english_but_names_and_commands() -> None:
    found = findings(["左", "右"])
    page = Page(page_of(found, "zh"))
    read = " ".join(page.pieces)
    read += " ".join(each.get("aria-label", "") for _, each in page.elements)
    allowed = {"train", "numpy", "some", "processor", "true", "false", "sgd", "he", "mean"}
    left = strangers(read) - allowed - {str(value) for value in found.config.to_dict().values()}
    assert not {word for word in left if not re.fullmatch(r"[0-9a-f]+", word)}
