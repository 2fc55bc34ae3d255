"""Layout of figures, and their PNG and SVG files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec

from handstitch.figures.style import CHINESE, FAMILY, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CSS_FAMILIES: Final = ", ".join(
    [*(f"'{name}'" for name in (FAMILY, "Verdana", "Geneva", *CHINESE)), "sans-serif"]
)
"""Fonts of text in an SVG: a wide Latin font, then a Chinese one, then the browser's default."""
# Within tags alone: elsewhere every < is written &lt;, whatever a name says.
_FONT: Final = re.compile(r'(<text style="[^"<>]*?) ?font-family: [^;"<>]*;?')

_P = ParamSpec("_P")


def drawing(function: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """A decorator: the function draws in the style, and its figure is laid out once.

    A second layout could move parts by a fraction of a pixel, and the same figure would not be the
    same file.
    """

    @wraps(function)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with style():
            figure = function(*args, **kwargs)
            if figure.get_layout_engine() is not None:
                figure.draw_without_rendering()
                figure.set_layout_engine("none")
        return figure

    return in_style


def png(figure: Figure, dpi: float = 150) -> bytes:
    """The figure as a PNG file: the same bytes for the same figure, matplotlib and fonts.

    It is opaque and has 256 colours: a map of weights takes a third of the space, the page of a run
    1.5 MB instead of 4. Characters that no installed font has are drawn as boxes.
    """
    from PIL import Image

    full, compressed = io.BytesIO(), io.BytesIO()
    with style():
        figure.savefig(full, format="png", dpi=dpi)
    with Image.open(full, mode="r") as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(compressed, "png", dpi=picture.info["dpi"], optimize=True)
    return compressed.getvalue()


def svg(figure: Figure) -> str:
    """The figure as an SVG element: text as text, no script, no date, no external resource.

    It can be part of a page or, as UTF-8, a file. The same figure gives the same text. Characters
    that no installed font has are left to the reader's fonts.
    """
    file = io.StringIO()
    with style():
        omitted = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=omitted)
    text = _FONT.sub(r"\1", file.getvalue())
    text = text.replace("*{stroke", f"text {{font-family: {_CSS_FAMILIES}}} svg * {{stroke", 1)
    return text[text.index("<svg") :]
