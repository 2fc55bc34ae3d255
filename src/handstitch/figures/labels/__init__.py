"""Labels of figures in English and Chinese, and safe display of names from files."""

from __future__ import annotations

import tomllib
import unicodedata
from bisect import bisect_right
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import Any, Literal

from handstitch.errors import printable

Lang = Literal["en", "zh"]


@cache
def texts(package: str, lang: Lang) -> dict[str, Any]:
    """The texts of a package in one language, from its file `en.toml` or `zh.toml`."""
    return tomllib.loads(resources.files(package).joinpath(f"{lang}.toml").read_text("utf-8"))


def label(key: str, lang: Lang, **values: Any) -> str:
    """The label for `key` with values filled in."""
    return str(texts(__name__, lang)[key]).format(**values)


def safe(text: str, width: int = 80) -> str:
    """A text from a file, printable and at most `width` columns wide, cut off with ….

    Characters of East Asian scripts take two columns, as on a terminal.
    """
    shown = printable(text)
    ends = list(accumulate(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown))
    if not ends or ends[-1] <= width:
        return shown
    return shown[: bisect_right(ends, width - 1)] + "…"
