"""The words of the page in English and Chinese, from en.toml and zh.toml.

Placeholders in braces are filled by `str.format`; the values are never parsed as a format.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args

from handstitch.config.schema import field_types, help_of
from handstitch.figures.labels import Lang, texts
from handstitch.records import DiagnosisKind
from handstitch.search.summary import SENTENCES

__all__ = ["Lang", "Words", "words"]

Words = SimpleNamespace
"""An attribute for each entry of the file."""


def words(lang: Lang) -> Words:
    """All words of the page in one language.

    English meanings of settings are those of --help, diagnoses those of the training, and sentences
    about a ranking those of the terminal.
    """
    meanings = {name: help_of(name) for name in field_types()}
    diagnoses = dict.fromkeys(get_args(DiagnosisKind), "{words}")
    english = {"meanings": meanings, "diagnoses": diagnoses, "ranked": SENTENCES}
    return Words(**(english | texts(__name__, lang)))
