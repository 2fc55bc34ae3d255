"""From a drawing function to a figure that is laid out, and from a figure to a PNG or an SVG."""

from __future__ import annotations

import io
import re
import warnings
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec
from weakref import WeakKeyDictionary

from handstitch.figures import words
from handstitch.figures.fonts import FAMILY, PREFERRED, families_for
from handstitch.figures.style import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_CSS_FAMILIES: Final = ", ".join(
    [*(f"'{name}'" for name in (FAMILY, "Verdana", "Geneva", *PREFERRED)), "sans-serif"]
)
"""What a reader's browser may write with: a wide Latin font, then a Chinese one, then its own."""
# Within tags alone: elsewhere every < is written &lt;, whatever a name says.
_FONT: Final = re.compile(r'(<text style="[^"<>]*?) ?font-family: [^;"<>]*;?')
_PICTURE: Final = re.compile(r'(<image [^<>]*?href="data:image/png;base64,)([^"<>]*)')

_P = ParamSpec("_P")
_drawn: WeakKeyDictionary[Figure, Callable[[], Figure]] = WeakKeyDictionary()


def drawing(function: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """A function that draws in the style, and whose figures are laid out once and for all.

    Another layout of what is laid out already could move it by a hair, and the same figure would
    not be the same file.
    """

    @wraps(function)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with _rendering():
            figure = function(*args, **kwargs)
            _settle(figure)
        _drawn[figure] = partial(in_style, *args, **kwargs)
        return figure

    return in_style


def png(figure: Figure, dpi: float = 150) -> bytes:
    """The figure as a PNG file: the same bytes for the same figure, matplotlib and fonts.

    Where no font of this machine has the characters of a text, the words are English and names
    are numbers instead.
    """
    with _rendering():
        if figure in _drawn and families_for(_characters_of(figure))[1]:
            with words.only(lambda text: not families_for(text)[1]):
                figure = _drawn[figure]()
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return _packed(file)


def svg(figure: Figure) -> str:
    """The figure as an SVG element, with its text as text: no script, no date, nothing to fetch.

    It can stand in a page or, written as UTF-8, be a file. The same figure gives the same text.
    Characters that no font of this machine has are left to the reader's.
    """
    with _rendering():
        file = io.StringIO()
        unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=unsaid)
    text = _FONT.sub(r"\1", file.getvalue())
    text = _PICTURE.sub(_with_packed, text)
    text = text.replace("*{stroke", f"text {{font-family: {_CSS_FAMILIES}}} svg * {{stroke", 1)
    return text[text.index("<svg") :]


def _packed(png: io.BytesIO) -> bytes:
    """The opaque picture with 256 colours, if that takes less room: a map takes a third."""
    from PIL import Image

    packed = io.BytesIO()
    with Image.open(png, mode="r") as picture:
        opaque = picture.convert("RGB")
        few = opaque.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(packed, "png", dpi=picture.info.get("dpi"), optimize=True)
    return min(packed.getvalue(), png.getvalue(), key=len)


def _with_packed(found: re.Match[str]) -> str:
    return found[1] + b64encode(_packed(io.BytesIO(b64decode(found[2])))).decode()


@contextmanager
def _rendering() -> Iterator[None]:
    """Within, the style holds, and characters that no font has are nobody's concern."""
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def _settle(figure: Figure) -> None:
    """Choose fonts that have the figure's characters and put its parts in their places.

    Matplotlib measures what no font has by a box as wide as a Chinese character.
    """
    figure.draw_without_rendering()  # ticks and their labels are made when they are needed
    families, _ = families_for(_characters_of(figure))
    if families != [FAMILY]:
        for each in _texts(figure):
            each.set_fontfamily(families)
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _texts(figure: Figure) -> list[Text]:
    from matplotlib.text import Text

    found: list[Any] = figure.findobj(Text)  # typed as if they could be any artists
    return found


def _characters_of(figure: Figure) -> set[str]:
    return {character for each in _texts(figure) for character in each.get_text()}
