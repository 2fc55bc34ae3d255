"""The words of the page in English and Chinese, from en.toml and zh.toml.

Placeholders in braces are filled by `str.format`; the values are never parsed as a format.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import get_args

import msgspec

from handstitch.config.schema import field_types, help_of
from handstitch.data.dataset import GARMENTS
from handstitch.figures.labels import Lang, texts
from handstitch.records import DiagnosisKind, Evaluation
from handstitch.search.summary import SENTENCES

__all__ = ["Lang", "Words", "in_words", "translations", "words"]

Words = SimpleNamespace
"""An attribute for each entry of the file."""


def words(lang: Lang) -> Words:
    """All words of the page in one language.

    English meanings of settings are those of --help, diagnoses those of the training, sentences
    about a ranking those of the terminal, and names of classes those of the data.
    """
    meanings = {name: help_of(name) for name in field_types()}
    diagnoses = dict.fromkeys(get_args(DiagnosisKind), "{words}")
    english = {
        "meanings": meanings,
        "diagnoses": diagnoses,
        "ranked": SENTENCES,
        "class_names": {},
    }
    return Words(**(english | texts(__name__, lang)))


def translations(own: Iterable[str], words: Words) -> dict[str, str]:
    """Class → its name on the page, where that is another: the garments' in a Chinese one."""
    names: dict[str, str] = words.class_names if tuple(own) == GARMENTS else {}
    return names


def in_words(measured: Evaluation, words: Words) -> Evaluation:
    """The evaluation with the names that its classes have on the page."""
    names = translations((score.name for score in measured.class_scores), words)
    scores = [
        msgspec.structs.replace(score, name=names.get(score.name, score.name))
        for score in measured.class_scores
    ]
    return msgspec.structs.replace(measured, class_scores=scores)
