"""Which fonts of this machine have the characters of a text.

DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic, Arabic, arrows and signs. For
what it lacks, Chinese above all, the machine's own fonts are asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from handstitch.errors import MachineError

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

FAMILY: Final = "DejaVu Sans"
"""Always there: matplotlib brings it."""

PREFERRED: Final = (
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
)
"""Asked first: fonts made for Chinese as it is written in mainland China."""


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


def families_for(text: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """Font families that together have the characters, DejaVu Sans first, and what none has."""
    found = [FAMILY]
    missing = {each for each in text if each != "\n" and not has(FAMILY, each)}
    for family in _others() if missing else ():
        left = {each for each in missing if not has(family, each)}
        if left != missing:
            found.append(family)
            missing = left
        if not missing:
            break
    return found, frozenset(missing)


def has(family: str, character: str) -> bool:
    """Whether the upright, regular font of a family can draw a character."""
    font = _font(family)
    return bool(font and font.get_char_index(ord(character)))


def _others() -> list[str]:
    """The machine's families, the preferred ones first, then by name."""
    installed = _installed() - {FAMILY}
    preferred = [family for family in PREFERRED if family in installed]
    return preferred + sorted(installed - set(preferred))


def _installed() -> set[str]:
    from matplotlib import font_manager

    return {
        entry.name
        for entry in font_manager.fontManager.ttflist
        # LastResort has a box for every character there is, and none to read.
        if entry.name and not entry.name.startswith((".", "Last Resort", "LastResort"))
    }


@cache
def _font(family: str) -> FT2Font | None:
    """A family's upright, regular font; None if it cannot be read."""
    from matplotlib import font_manager

    wanted = font_manager.FontProperties(family=[family])
    try:
        path = font_manager.fontManager.findfont(wanted, fallback_to_default=False)
        return font_manager.get_font(path)
    except (OSError, ValueError, RuntimeError):
        return None
