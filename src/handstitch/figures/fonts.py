"""Fonts of figures: DejaVu Sans from matplotlib, and a Chinese font of this machine."""

from __future__ import annotations

import logging
from functools import cache
from typing import Final

from handstitch.figures.labels import Lang

_logger = logging.getLogger(__name__)

FAMILY: Final = "DejaVu Sans"
"""Latin, Greek, Cyrillic, Arabic, arrows and signs."""

CHINESE: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Heiti SC",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",  # the name under which matplotlib knows the file of all Noto Sans CJK
    "Arial Unicode MS",
)
"""Fonts with simplified Chinese characters, in order of preference."""


@cache
def families() -> list[str]:
    """Font families to draw with: DejaVu Sans and, where installed, a Chinese one."""
    from matplotlib import font_manager

    installed = font_manager.fontManager.get_font_names()
    return [FAMILY, *[family for family in CHINESE if family in installed][:1]]


def png_language(lang: Lang) -> Lang:
    """The language of a PNG: English, with a warning, where this machine has no Chinese font.

    An SVG can be in either: its text is shown in the reader's fonts.
    """
    if lang == "en" or len(families()) > 1:
        return lang
    _logger.warning("no Chinese font is installed: PNG pictures are labelled in English")
    return "en"
