"""The words of the page, a file for each language: en.toml, zh.toml.

Placeholders in braces are filled by `str.format`; what is filled in is never read as a format.
"""

from __future__ import annotations

from types import SimpleNamespace

from handstitch.config.schema import field_types, help_of
from handstitch.figures.labels import Lang, texts

__all__ = ["Lang", "Words", "words"]

Words = SimpleNamespace
"""An attribute for each entry of the file."""


def words(lang: Lang) -> Words:
    """All words of the page in one language. English settings mean what --help says."""
    meanings = {name: help_of(name) for name in field_types()}
    return Words(**{"meanings": meanings, **texts(__name__, lang)})
