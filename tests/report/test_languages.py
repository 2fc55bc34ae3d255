"""The languages say the same, on the page and in figures, and neither borrows from the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

import handstitch
from handstitch.config.messages import choices
from handstitch.config.schema import field_types
from handstitch.figures.labels import label, texts
from handstitch.report.gather import Missing, Part
from handstitch.report.languages import words
from handstitch.search.summary import SENTENCES
from tests.report.reading import Page
from tests.report.samples import make_charts, make_contents
from tests.report.test_page import page_of

PACKAGES = ("handstitch.report.languages", "handstitch.figures.labels")
NAMES = {
    "Handstitch", "sketch", "Fashion", "MNIST", "SHA", "BLAS", "NumPy", "SciPy", "numba", "auto",
    "history", "candidates", "csv", "CSV", "Python", "L2", "F1", "none", "He", "Glorot", "LeCun",
    "balanced",
}  # fmt: skip
"""Names and commands, which are the same in every language."""
WORD = re.compile(r"[A-Za-z][A-Za-z_]+[0-9]*")


def leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """(where, entry) of every entry of a table."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, f"{at}.{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, f"{at}.{number}")
    else:
        yield at, value


ENGLISH = dict(each for package in PACKAGES for each in leaves(texts(package, "en"), package))
CHINESE = dict(each for package in PACKAGES for each in leaves(texts(package, "zh"), package))
OF_ENGLISH = tuple(
    f"{PACKAGES[0]}.{table}." for table in ("meanings", "diagnoses", "ranked", "class_names")
)
"""An English page has the help texts of the settings, the training's own diagnoses, what the
terminal says of a ranking, and the names that classes have in their data.
"""


def differences(one: dict[str, str], other: dict[str, str]) -> set[str]:
    """Where two languages have not the same entries, filled in alike."""
    alike = [at for at in one.keys() & other.keys() if blanks(one[at]) == blanks(other[at])]
    return (one.keys() | other.keys()) - set(alike)


def blanks(text: str) -> list[str]:
    return sorted(f"{name}:{kind}" for _, name, kind, _ in Formatter().parse(text) if name)


def strangers(text: str) -> set[str]:
    """Words in Latin letters that are neither names nor settings nor what settings may be."""
    values = [word for kind in field_types().values() for word in choices(kind)]
    known = NAMES | set(field_types()) | set(" ".join(values).replace("-", " ").split())
    return set(WORD.findall(re.sub(r"\{[^}]*\}", "", text))) - known


def test_both_languages_have_the_same_entries_with_the_same_placeholders() -> None:
    assert len(ENGLISH) > 150
    found = differences(ENGLISH, CHINESE)
    assert {at for at in found if not at.startswith(OF_ENGLISH)} == set()
    assert all(
        isinstance(text, str) and text.strip() for text in (*ENGLISH.values(), *CHINESE.values())
    )


def test_a_difference_is_seen() -> None:
    planted = {**CHINESE, "new": "新", f"{PACKAGES[0]}.title": "{run}"}
    assert differences(CHINESE, planted) == {"new", f"{PACKAGES[0]}.title"}


def test_every_setting_and_everything_that_can_be_missing_has_its_words() -> None:
    for said in (words("en"), words("zh")):
        assert list(said.meanings) == list(field_types())
        assert list(said.missing) == list(get_args(Missing))
        assert list(said.parts) == list(get_args(Part))
        assert list(said.ranked) == list(SENTENCES)
        assert {key: blanks(text) for key, text in said.ranked.items()} == {
            key: blanks(text) for key, text in SENTENCES.items()
        }


def test_every_entry_is_used() -> None:
    source = Path(handstitch.__file__).parent
    page, figures = (
        "".join(path.read_text("utf-8") for path in (source / room).rglob("*.*[lys]"))
        for room in ("report", "figures")
    )
    assert [
        k for k in vars(words("en")) if not re.search(rf"\b(words|w)(\(\w+\))?\.{k}\b", page)
    ] == []
    assert [key for key in texts(PACKAGES[1], "en") if f'"{key}"' not in figures] == []


def test_an_entry_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError):
        words("en").nowhere  # noqa: B018 (reading it is what fails)
    with pytest.raises(KeyError):
        label("nowhere", "zh")


@pytest.mark.parametrize(("at", "text"), CHINESE.items())
def test_no_english_is_left_in_chinese(at: str, text: str) -> None:
    if not at.endswith(".html_lang"):
        assert not strangers(text)


def test_no_chinese_is_in_english() -> None:
    chinese = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
    assert not [at for at, text in ENGLISH.items() if chinese.search(text)]


def test_english_left_over_is_seen() -> None:
    assert strangers("训练 training 与 {rate}") == {"training"}


def test_a_chinese_page_has_no_english_but_names_and_commands() -> None:
    found = make_contents(["左", "右"])
    page = Page(page_of(found, "zh", make_charts("词")))
    read = " ".join(page.pieces)
    read += " ".join(each.get("aria-label", "") for _, each in page.elements)
    allowed = {"train", "numpy", "some", "processor", "true", "false", "sgd", "he", "mean"}
    left = strangers(read) - allowed - {str(value) for value in found.config.to_dict().values()}
    assert not {word for word in left if not re.fullmatch(r"[0-9a-f]+", word)}
