"""From a drawing function to a figure that is laid out, and from a figure to a PNG or an SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec

from handstitch.figures.fonts import CHINESE, FAMILY
from handstitch.figures.style import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CSS_FAMILIES: Final = ", ".join(
    [*(f"'{name}'" for name in (FAMILY, "Verdana", "Geneva", *CHINESE)), "sans-serif"]
)
"""What a reader's browser may write with: a wide Latin font, then a Chinese one, then its own."""
# Within tags alone: elsewhere every < is written &lt;, whatever a name says.
_FONT: Final = re.compile(r'(<text style="[^"<>]*?) ?font-family: [^;"<>]*;?')

_P = ParamSpec("_P")


def drawing(function: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """A function that draws in the style, and whose figures are laid out once and for all.

    Another layout of what is laid out already could move it by a hair, and the same figure would
    not be the same file.
    """

    @wraps(function)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with style():
            figure = function(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return in_style


def png(figure: Figure, dpi: float = 150) -> bytes:
    """The figure as a PNG file: the same bytes for the same figure, matplotlib and fonts.

    It is opaque and has 256 colours: a map of weights takes a third of the room then, and the page
    of a run 1.5 MB instead of 4. Characters that no font of this machine has are drawn as boxes.
    """
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    with style():
        figure.savefig(drawn, format="png", dpi=dpi)
    with Image.open(drawn, mode="r") as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(packed, "png", dpi=picture.info["dpi"], optimize=True)
    return packed.getvalue()


def svg(figure: Figure) -> str:
    """The figure as an SVG element, with its text as text: no script, no date, nothing to fetch.

    It can stand in a page or, written as UTF-8, be a file. The same figure gives the same text.
    Characters that no font of this machine has are left to the reader's.
    """
    file = io.StringIO()
    with style():
        unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=unsaid)
    text = _FONT.sub(r"\1", file.getvalue())
    text = text.replace("*{stroke", f"text {{font-family: {_CSS_FAMILIES}}} svg * {{stroke", 1)
    return text[text.index("<svg") :]
