"""The style of all figures: colours, fonts, sizes, axes, and a context in which to draw.

The colours are those of M. Okabe and K. Ito, Color Universal Design, 2008: distinguishable with any
common kind of colour blindness. Lines differ by their strokes as well, for print in grey. The
background is opaque white: a figure looks the same on a dark page.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from handstitch.figures.labels import Lang

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_logger = logging.getLogger(__name__)

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
YELLOW: Final = "#F0E442"
INK: Final = "#222222"
FAINT: Final = "#666666"
PALE: Final = "#eeeeee"
GRID: Final = "#dddddd"
SIGNED: Final = "RdBu_r"
"""Red above 0, white at 0, blue below: safe for colour-blind eyes."""
LEVELS: Final = 49
"""Shades of a signed map: odd, so that one of them is 0; few, so that noise compresses."""

FAMILY: Final = "DejaVu Sans"
"""From matplotlib: Latin, Greek, Cyrillic, Arabic, arrows and signs."""

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

_SETTINGS: Final[dict[str, Any]] = {
    "axes.edgecolor": FAINT,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.titlesize": 11,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "image.composite_image": False,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.facecolor": "white",
    "path.simplify_threshold": 1.0,  # pixels: so ten thousand epochs are a small SVG
    "svg.fonttype": "none",
    "svg.hashsalt": "handstitch",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}


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


@contextmanager
def style() -> Iterator[None]:
    """A context in which matplotlib has this style; the user's settings return afterwards.

    A character that no font has is drawn as a box, without a warning.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        mpl.rcdefaults()
        settings: Any = {"font.family": families(), **_SETTINGS}
        mpl.rcParams.update(settings)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, with a constrained layout."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def whole_numbers(axis: Axis, most: int | Literal["auto"] = "auto") -> None:
    """Ticks at round whole numbers only, at most `most`, with thousands separators."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def logarithmic(axes: Axes, axis: Literal["x", "y"]) -> None:
    """A logarithmic axis with ticks written as plain numbers."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    axes.set(**{f"{axis}scale": "log"})
    ticks: Axis = getattr(axes, f"{axis}axis")
    ticks.set_major_formatter(StrMethodFormatter("{x:g}"))
    ticks.set_minor_formatter(NullFormatter())


def is_wide(values: Sequence[float]) -> bool:
    """Whether the values span orders of magnitude, for a logarithmic axis."""
    return min(values) > 0 and max(values) > 20 * min(values)
