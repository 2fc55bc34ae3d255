"""Formulas as MathML, from the way they are written in core/ and in docs/derivation.md."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from markupsafe import Markup

_WORDS: Final = ("where", "else", "and", "below", "for")
_TOKEN: Final = re.compile(
    rf"(?P<word>{'|'.join(_WORDS)})\b"
    r"|(?P<name>exp|log|max|min|sinh|cosh|offset|scale|LEAK|d[A-Z]|[A-Za-zα-ωΑ-ΩŜ]\u0302?)"
    r"(?P<prime>′?)(?P<below>_[a-z]|\[[a-z]\]|[₀-₉]*)(?P<above>[ᵀ²ᶻᵗ⁻]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<power>ᵀ?)"
    r"|(?P<sign>\S)|(?P<space>(?<=[\w₀-₉ᵀ′\u0302)]) (?=[\w‖(]))"
)
_PLAIN: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵀ²ᶻᵗ⁻", "0123456789T2zt−")
_SPACE: Final = '<mspace width="0.3em"></mspace>'
_HATS: Final = {"M\u0302": "M", "Ŝ": "S"}


def mathml(formula: str) -> Markup:
    """The formula as MathML; without it, a browser shows the same signs in a row."""
    return Markup(f"<math>{''.join(map(_element, _TOKEN.finditer(formula)))}</math>")  # noqa: S704


def _element(token: re.Match[str]) -> str:
    if token["word"]:
        return f"{_SPACE}<mtext>{token['word']}</mtext>{_SPACE}"
    if token["sign"]:
        return f'<mo stretchy="false">{escape(token["sign"])}</mo>'
    if token["space"]:
        return _SPACE
    if token["number"]:
        return _raised(f"<mn>{token['number']}</mn>", token["power"])
    name = token["name"]
    base = f"<mi>{_HATS.get(name, name)}</mi>"
    if name in _HATS:
        base = f"<mover>{base}<mo>^</mo></mover>"
    if token["prime"]:
        base = f"<msup>{base}<mo>′</mo></msup>"
    if below := token["below"].strip("_[]").translate(_PLAIN):
        kind = "mn" if below.isdecimal() else "mi"
        base = f"<msub>{base}<{kind}>{below}</{kind}></msub>"
    return _raised(base, token["above"])


def _raised(base: str, above: str) -> str:
    return f"<msup>{base}<mtext>{above.translate(_PLAIN)}</mtext></msup>" if above else base
