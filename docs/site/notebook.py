"""The executed notebook as a page: text, code and outputs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat

PAGE = "notebook.md"


def pages(file: Path) -> dict[str, str | bytes]:
    """Place in the site → content: pictures, then their page. Empty if there is no notebook."""
    if not file.exists():
        return {}
    parts: list[str] = []
    pictures: dict[str, str | bytes] = {}
    for number, cell in enumerate(nbformat.read(file, as_version=4).cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(_fenced(cell.source, "python"))
        parts += [
            _shown(output, f"notebook/cell-{number}.png", pictures) for output in cell.outputs
        ]
    return {**pictures, PAGE: "\n\n".join(filter(None, parts)) + "\n"}


def _shown(output: Any, place: str, pictures: dict[str, str | bytes]) -> str:
    if output.output_type == "stream":
        return _fenced(output.text, "text")
    data = output.get("data", {})
    if "image/png" in data:
        pictures[place] = base64.b64decode(data["image/png"])
        said = output.metadata.get("image/png", {}).get("alt", "What the code above draws")
        return f"![{said}]({place})"
    return _fenced(data["text/plain"], "text") if "text/plain" in data else ""


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
