"""Picture of a matrix with holes: windows on the image, and the column of W that each leads to."""

from __future__ import annotations

import numpy as np
from diagram import WINDOWS
from drawing import Drawing, Point, number

from handstitch.arrays import Indices
from handstitch.figures import Lang
from handstitch.receptive_fields import ReceptiveFields

WORDS = {
    "en": ("the image", "W: a column per unit", "pixel 0", "pixel 783"),
    "zh": ("图像", "W：每个单元一列", "像素 0", "像素 783"),
}
SIDE = 5
"""Of a pixel of the image."""
COLUMNS = 20
WIDE, TALL = 6, 6 / 28
"""Of an entry of the matrix."""
EDGE, TOP, LEFT = 12, 36, 218
"""Left of the image; above both; left of the matrix."""
FOOT = TOP + 784 * TALL


def holes(fields: ReceptiveFields, lang: Lang) -> tuple[str, Point]:
    """The elements of the SVG file, and its size."""
    words, drawing = WORDS[lang], Drawing()
    # One of the units that share a window, from those at the top of the image to those below.
    _, firsts = np.unique(fields.rectangles, axis=0, return_index=True)
    shown = np.sort(firsts)[np.linspace(0, len(firsts) - 1, COLUMNS).astype(int)]
    windows = fields.rectangles[shown].astype(int)
    centres = windows[:, :2] + windows[:, 2:] / 2
    numbered = [int(np.argmin(np.hypot(*(centres - WINDOWS[k]).T))) for k in (0, 3, 4)]
    drawing.write((EDGE, 20), words[0], class_="bold")
    drawing.write((LEFT + COLUMNS * WIDE, 20), words[1], class_="bold", text_anchor="end")
    for x, width, height in ((EDGE, 28 * SIDE, 28 * SIDE), (LEFT, COLUMNS * WIDE, 784 * TALL)):
        drawing.add("rect", x=x, y=TOP, width=width, height=number(height), class_="board")
    for name, y in ((words[2], TOP + 9), (words[3], FOOT)):
        drawing.write((LEFT - 6, y), name, class_="quiet small", text_anchor="end")
    for k, window in enumerate(windows):
        drawing.add("path", d=_column(window, k), class_="seen-by" if k in numbered else "weight")
    for unit, k in enumerate(sorted(numbered), 1):
        top, left, height, width = map(int, SIDE * windows[k])
        x, y = EDGE + left, TOP + top
        drawing.add("rect", x=x, y=y, width=width, height=height, class_="window")
        for at in ((x + width / 2, y + height / 2 + 4), (LEFT + (k + 0.5) * WIDE, FOOT + 16)):
            drawing.write(at, str(unit), class_="small bold", text_anchor="middle")
    return "\n".join(drawing.parts), (350, FOOT + 28)


def _column(window: Indices, k: int) -> str:
    """A dash for each row of the window: only its pixels are neighbours in a column of W."""
    top, left, height, width = map(int, window)
    x, y = LEFT + (k + 0.5) * WIDE, TOP + (28 * top + left) * TALL
    dash = f"v{number(width * TALL)}m0 {number((28 - width) * TALL)}"
    return f"M{number(x)} {number(y)}{dash * height}"
