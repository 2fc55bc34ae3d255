"""Pages of the site: links into the repository become links to pages.

In the repository a page may link to any file. The site has a page for each: documents as they are,
source with a number before every line, so that a link to line 77 of a file arrives at line 77.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

import formulas

LINK = re.compile(r"(?<=\]\()(?!\w+:|#|//)([^)\s#]+)(?:#([^)\s]*))?(?=\))")
PICTURE = re.compile(r'(?:(?<= src=")|(?<= srcset="))(?!\w+:|//)([^"\s#]+)(?:#([^"\s]*))?(?=")')
"""Address in a `<picture>`, which has another file for the telephone."""
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".toml": "toml", ".csv": "text", "": "text"}
ASSETS = {".json", ".png", ".svg"}


class Book:
    """Collection of the site's pages."""

    def __init__(self, root: Path, into: Path) -> None:
        self.root = root
        self.into = into
        self.written: set[str] = set()
        """Pages by their place in the site."""
        self.problems: list[str] = []

    def add(self, file: Path) -> str:
        """Place in the site of a file of the repository; the page is made if it is missing."""
        file = file / "__init__.py" if (file / "__init__.py").exists() else file
        here = PurePosixPath(file.relative_to(self.root).as_posix())
        place = _place(here)
        if place in self.written:
            return place
        self.written.add(place)
        if file.suffix in ASSETS:
            (self.into / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, self.into / place)
            return place
        text = file.read_text("utf-8")
        if file.suffix == ".md":
            self.write(place, text, written_in=file)
        else:
            self.write(place, _listing(text, here))
        return place

    def write(self, place: str, text: str | bytes, written_in: Path | None = None) -> None:
        """Write a page, or a picture of one, to its place in the site.

        Links of a text that was `written_in` a file of the repository are relative to that file.
        """
        self.written.add(place)
        if isinstance(text, str):
            text = (self._relinked(text, written_in, place) if written_in else text).encode()
        target = self.into / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)

    def unlisted(self, configured: str) -> list[str]:
        """Pages of docs/ that are missing from the navigation."""
        return [
            f"{place} has no place in the navigation of docs/site/zensical.toml"
            for place in sorted(self.written)
            if place.endswith(".md")
            and not place.startswith(("source/", "project/"))
            and f'"{place}"' not in configured
        ]

    def _relinked(self, text: str, file: Path, place: str) -> str:
        """The page with links of the site and formulas as MathML, except within fences."""
        parts, end = [], 0
        for fence in [*FENCE.finditer(text), None]:
            between = text[end : fence.start() if fence else len(text)]
            for pattern in (LINK, PICTURE):
                between = pattern.sub(lambda link: self._link(link, file, place), between)
            try:
                parts.append(formulas.inline(between))
                if fence:
                    is_formula = formulas.DISPLAYED.fullmatch(fence.group())
                    parts.append(formulas.displayed(fence.group()) if is_formula else fence.group())
            except ValueError as error:
                self.problems.append(f"{file.relative_to(self.root)}: {error}")
            end = fence.end() if fence else end
        return "".join(parts)

    def _link(self, link: re.Match[str], file: Path, place: str) -> str:
        target = Path(os.path.normpath(file.parent / link[1]))
        generated = os.path.normpath(PurePosixPath(place).parent / link[1])
        if not target.exists() and generated in self.written:
            return link[0]  # to a page that is made from the code
        if not target.exists() or not target.is_relative_to(self.root):
            self.problems.append(f"{file.relative_to(self.root)}: link to nothing: {link[0]}")
            return link[0]
        there = self.add(target)
        relative = os.path.relpath(there, PurePosixPath(place).parent)
        fragment = link[2] or ""
        if line := re.fullmatch(r"L(\d+)(?:-L\d+)?", fragment):
            fragment = f"__codelineno-0-{line[1]}"
        return relative + (f"#{fragment}" if fragment else "")


def _place(file: PurePosixPath) -> str:
    """Place in the site of a file of the repository."""
    if file.parts[0] == "docs" and (file.suffix == ".md" or file.suffix in ASSETS):
        return str(file.relative_to("docs"))
    if file.suffix == ".md":
        return f"project/{str(file).lower()}"
    if file.suffix == ".ipynb":
        return "notebook.md"
    return f"source/{file}.md"


def _listing(text: str, file: PurePosixPath) -> str:
    """Page with the source of a file, a number and an anchor for every line."""
    language = LANGUAGES.get(file.suffix, "text")
    fence = "`" * 4
    return (
        f"---\nsearch:\n  exclude: true\n---\n\n# {file.name}\n\n`{file}`\n\n"
        f'{fence}{language} linenums="1"\n{text.rstrip()}\n{fence}\n'
    )
