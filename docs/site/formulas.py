r"""Formulas of a page as MathML, which a browser sets by itself: no script runs to show them.

GitHub's notation: a block fenced as `math` is displayed, and $`\alpha`$ stands in a line of text.
"""

from __future__ import annotations

import re

from math_core import LatexError, LatexToMathML

INLINE = re.compile(r"\$`([^`]+)`\$([,.;:)，。；：、）]?)")
DISPLAYED = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# GitHub wants a space on both sides of a formula; Chinese has none beside its punctuation.
_LOOSE = re.compile(r"(?<=[，。；：、（）“”？]) (?=\$`)|(?<=`\$) (?=[，。；：、（）“”？])")
_CONVERTER = LatexToMathML(fancy_error=False)


def inline(text: str) -> str:
    """The text with its formulas as MathML. Raises ValueError for one that is not understood."""
    return INLINE.sub(
        # A line that began with <math> would be a paragraph, and one may not begin with a comma.
        lambda found: f'<span class="formula">{mathml(found[1])}{found[2]}</span>',
        _LOOSE.sub("", text),
    )


def displayed(block: str) -> str:
    """A displayed formula, which scrolls by itself where it is wider than the page."""
    (source,) = DISPLAYED.findall(block)
    return f'<div class="formula">{mathml(source, is_displayed=True)}</div>'


def mathml(source: str, *, is_displayed: bool = False) -> str:
    """A formula in LaTeX as one line of MathML."""
    try:
        found = _CONVERTER.convert_with_local_state(source, displaystyle=is_displayed)
    except LatexError as error:
        raise ValueError(f"formula {source.strip()!r}: {error}") from None
    return " ".join(found.split())
