"""The page of explained answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handstitch._version import __version__
from handstitch.insight import Explanation
from handstitch.report.explanation import reasons
from handstitch.report.languages import Lang, words
from handstitch.report.page import environment


def page_of_explanations(
    explained: Iterable[Explanation],
    class_names: Sequence[str],
    names: Iterable[str],
    lang: Lang = "en",
) -> str:
    """The page as HTML, without scripts and external resources; names in it are escaped."""
    said = words(lang)
    found = reasons(explained, class_names, names, said)
    sections = [(f"image{n}", {"heading": each.name}, True) for n, each in enumerate(found, 1)]
    return (
        environment()
        .get_template("explanation.html")
        .render(
            w=said,
            version=__version__,
            title=said.explain["title"],
            contents=sections,
            reasons=list(zip((name for name, *_ in sections), found, strict=True)),
        )
    )
