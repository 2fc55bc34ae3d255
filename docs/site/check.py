"""Problems of a built site: broken links, and resources fetched from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"src", "srcset", "poster", "data"}
"""Attributes whose address a browser fetches without a click."""
FETCHED_LINKS = {"stylesheet", "preconnect", "dns-prefetch", "preload", "prefetch", "icon"}
POLICY = "default-src 'self'"
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)


class Page(HTMLParser):
    """Anchors, links and fetched addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.has_policy = False
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record one element."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        self._in_style = tag == "style"
        if said.get("http-equiv", "").lower() == "content-security-policy":
            self.has_policy = said.get("content", "").startswith(POLICY)
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag == "link" and set(said.get("rel", "").split()) & FETCHED_LINKS:
            self.fetched.append(said.get("href", ""))
        self.fetched += [said[name] for name in FETCHED if name in said and tag != "a"]
        if IN_CSS.search(said.get("style", "")):
            self.fetched.append(said["style"])

    def handle_data(self, data: str) -> None:
        """Record what a style sheet within the page fetches."""
        if self._in_style and IN_CSS.search(data):
            self.fetched.append("//" + data[:80])

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 (the parser hands it in)
        """Leave a style sheet."""
        self._in_style = False


def problems(site: Path) -> list[str]:
    """All problems, one line each."""
    files = {file: Page(file.read_text("utf-8")) for file in sorted(site.rglob("*.html"))}
    found = []
    for file, page in files.items():
        said = [] if page.has_policy else ["no policy that keeps the browser from elsewhere"]
        own = [address for address in page.links if not is_elsewhere(address)]
        for address in page.fetched:
            if is_elsewhere(address):
                said.append(f"fetches from elsewhere: {address}")
            elif not address.startswith("data:"):
                own.append(address)
        said += filter(None, (_broken(address, file, site, files) for address in own))
        found += [f"{file.relative_to(site)}: {problem}" for problem in said]
    for sheet in sorted(site.rglob("*.css")):
        if IN_CSS.search(sheet.read_text("utf-8")):
            found.append(f"{sheet.relative_to(site)}: fetches from elsewhere")
    return found


def is_elsewhere(address: str) -> bool:
    """Whether an address is outside of the site."""
    parts = urlsplit(address)
    return parts.scheme not in {"", "data"} or bool(parts.netloc)


def _broken(address: str, file: Path, site: Path, files: dict[Path, Page]) -> str:
    parts = urlsplit(address)
    path = unquote(parts.path)
    if file.name == "404.html" and path.startswith("/"):
        target = site / path.lstrip("/")
    else:
        target = (file.parent / path).resolve() if path else file
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return f"link to nothing: {address}"
    fragment = unquote(parts.fragment)
    if fragment and target in files and fragment not in files[target].anchors:
        return f"link to a place that is not on the page: {address}"
    return ""
