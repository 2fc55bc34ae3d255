"""A page as a browser would take it apart, and what must not be in it."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

CONTENT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_WITHIN = re.compile(r"#[a-z0-9_-]+$|data:(image/(svg\+xml|png);base64)?,")
_ALONE = {"meta", "link", "img", "br", "hr", "input", "base", "source", "area", "embed"}
_KNOWN = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main", "section",
    "footer", "h1", "h2", "h3", "p", "a", "div", "span", "strong", "q", "code", "pre", "ul", "ol",
    "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "img", "details",
    "summary", "figure", "figcaption",
    "svg", "g", "path", "text", "use", "defs", "clippath", "rect",
    "line", "circle", "math", "mi", "mn", "mo", "mtext", "mspace", "mover", "msub", "msup",
}  # fmt: skip
_OF_A_TABLE = {"button", "input", "label", "script"}
"""What the page over all runs has besides."""
_PAGE_BELOW = re.compile(r"(?!/)([A-Za-z0-9_.~/-]|%[0-9A-F]{2})*report\.html$")


@dataclass
class Page(HTMLParser):
    """Elements, and the text outside of style sheets."""

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Text in code, and in elements that say they are in another language."""
    scripts: list[str] = field(default_factory=list)
    opened: list[tuple[str, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag, _ in self.opened]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in _ALONE:
            foreign = tag == "code" or ("lang" in found and tag != "html")
            self.opened.append((tag, foreign))

    def handle_endtag(self, tag: str) -> None:
        if not self.opened or self.opened[-1][0] != tag:
            self.problems.append(f"</{tag}> closes nothing")
        else:
            self.opened.pop()

    def handle_data(self, data: str) -> None:
        if any(tag == "style" for tag, _ in self.opened):
            return
        if any(tag == "script" for tag, _ in self.opened):
            self.scripts.append(data)
            return
        away = any(foreign for _, foreign in self.opened)
        (self.foreign if away else self.pieces).append(data)

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"a comment: {data[:40]}")

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join([*self.pieces, *self.foreign]).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of this kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def breaches(source: str, *, over_all: bool = False) -> list[str]:
    """What makes a page unsafe, unsound or hard to use; empty for a good one.

    One `over_all` runs has one script, which its policy names by digest, and links to their pages.
    """
    page = Page(source)
    found = list(page.problems)
    for tag, attributes in page.elements:
        if tag not in _KNOWN and not (over_all and tag in _OF_A_TABLE):
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name.startswith("on") or name in {"srcdoc", "srcset", "action", "style"}:
                found.append(f"{tag} {name}")
            below = over_all and tag == "a" and _PAGE_BELOW.match(value)
            if name in {"src", "href"} and not _WITHIN.match(value) and not below:
                found.append(f"{tag} {name}={value[:40]}")
    found += invisible(source)
    return found + _structure(page)


def _structure(page: Page) -> list[str]:
    found = []
    policies = [each["content"] for each in page.all("meta") if "http-equiv" in each]
    digests = [hashlib.sha256(script.encode()).digest() for script in page.scripts]
    allowed = [f"; script-src 'sha256-{base64.b64encode(each).decode()}'" for each in digests]
    if len(page.scripts) > 1 or policies != [CONTENT_POLICY + "".join(allowed)]:
        found.append(f"content policies {policies}")
    once = ("html", "title", "header", "nav", "main", "footer", "h1")
    found += [f"{tag}: not once" for tag in once if len(page.all(tag)) != 1]
    if not page.all("html")[0].get("lang"):
        found.append("no language")
    found += ["an image without words" for image in page.all("img") if not image.get("alt")]
    found += ["a chart without words" for svg in page.all("svg") if not svg.get("aria-label")]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    if levels[:1] != [1] or any(b > a + 1 for a, b in pairwise(levels)):
        found.append(f"headings {levels}")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    if len(ids) != len(set(ids)):
        found.append("an id twice")
    wanted = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    wanted += [each["aria-labelledby"] for each in page.all("section")]
    wanted += re.findall(r"url\(#([^)]*)\)", page.source)
    wanted += [each["href"][1:] for each in page.all("use")]
    return found + [f"nothing has the id {name}" for name in wanted if name not in ids]


def invisible(text: str) -> list[str]:
    """Control, bidirectional and other invisible characters; line ends and spaces are none."""
    return [
        f"U+{ord(each):04X}"
        for each in sorted(set(text) - {"\n", " "})
        if unicodedata.category(each)[0] in "CZ"
    ]
