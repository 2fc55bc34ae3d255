"""A chart of a page: one drawing in up to three layouts, of which the page shows the one that fits.

    chart(lambda width: figures.curves(history, width=width), "Curves over 3 epochs. …", "curves")

is the HTML of a chart. Its container is queried, not the window: the same chart may stand in a
column. A layout is shown at the width it is drawn for, or shrinks by an eighth at most, so that its
text keeps the size of the page's small text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from markupsafe import Markup

from handstitch.figures import inline_svg

LAYOUTS: Final[Mapping[str, int]] = {"narrow": 340, "middle": 680, "wide": 960}
"""CSS class → width in CSS pixels that it is drawn for; run.css says when each is shown."""


def chart(
    draw: Callable[[int], Any],
    alt: str,
    key: str,
    layouts: Mapping[str, int] = LAYOUTS,
) -> Markup:
    """The HTML of a chart: `draw(width)` as inline SVG for each width, with `alt` for its words.

    `key` is the chart's name on the page, in letters and digits: it makes ids unique. A layout for
    two widths of the page has both classes: {"narrow": 340, "middle wide": 560}.
    """
    drawn = (
        inline_svg(draw(width), alt, f"{key}-{classes.split()[0]}", classes)
        for classes, width in layouts.items()
    )
    # ElementTree has escaped every name and label.
    return Markup('<div class="chart">{}</div>').format(Markup("\n").join(map(Markup, drawn)))
