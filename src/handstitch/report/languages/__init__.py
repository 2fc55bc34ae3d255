"""The words of the page in English and Chinese, from en.toml and zh.toml.

Placeholders in braces are filled by `str.format`; the values are never parsed as a format.
"""

from __future__ import annotations

from types import SimpleNamespace

from handstitch.config.schema import field_types, help_of
from handstitch.figures.labels import Lang, texts
from handstitch.search.summary import SENTENCES

__all__ = ["Lang", "Words", "words"]

Words = SimpleNamespace
"""An attribute for each entry of the file."""


def words(lang: Lang) -> Words:
    """All words of the page in one language.

    English meanings of settings are those of --help, and sentences about a ranking the terminal's.
    """
    meanings = {name: help_of(name) for name in field_types()}
    return Words(**{"meanings": meanings, "ranked": SENTENCES, **texts(__name__, lang)})
