"""Fonts of figures: DejaVu Sans, which matplotlib brings, and one of this machine for Chinese."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from handstitch.errors import MachineError
from handstitch.figures.labels import Lang

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
"""Fonts that have Chinese as it is written in mainland China, the best first."""


class MissingMatplotlibError(MachineError):
    """Matplotlib cannot be imported: there are no pictures on this machine."""


def require_matplotlib() -> Any:
    """Matplotlib itself. Raises MissingMatplotlibError."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingMatplotlibError(
            "no picture can be drawn",
            found=f"matplotlib cannot be imported: {error}",
            wanted="matplotlib, which handstitch is installed with",
            fix="install it: pip install matplotlib",
        ) from error
    return mpl


@cache
def families() -> list[str]:
    """Font families of this machine to draw with: DejaVu Sans and, if there is one, a Chinese."""
    from matplotlib import font_manager

    installed = font_manager.fontManager.get_font_names()
    return [FAMILY, *[family for family in CHINESE if family in installed][:1]]


def png_language(lang: Lang, notify: Callable[[str], None]) -> Lang:
    """The language to draw a PNG in: English where no font of this machine has Chinese.

    An SVG can be drawn in either: its text is written in the reader's fonts.
    """
    require_matplotlib()
    if lang == "en" or len(families()) > 1:
        return lang
    notify("no font of this machine has Chinese: pictures in PNG files are labelled in English")
    return "en"
