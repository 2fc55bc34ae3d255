"""A figure as a part of a page: inline SVG in the page's own font and colours."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final

from handstitch.errors import printable
from handstitch.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIABLES: Final = {
    "#ffffff": "ground",
    style.INK: "ink",
    style.FAINT: "quiet",
    style.GRID: "line",
    style.PALE: "shade",
    style.BLUE.lower(): "blue",
    style.SKY.lower(): "sky",
    style.GREEN.lower(): "green",
    style.ORANGE.lower(): "orange",
    style.VERMILION.lower(): "vermilion",
    style.YELLOW.lower(): "yellow",
}
"""Colour of a figure → CSS variable of the page, which has a light and a dark value."""
_LENGTH: Final = re.compile(r"-?\d+\.\d+")
_DROPPED: Final = {"metadata", "style", "title"}


def inline_svg(figure: Figure, alt: str, key: str, css_class: str = "") -> str:
    """The figure as an `<svg>` element with role img; `key` makes its ids unique on the page.

    Text is text, in the font around it; colours of the style are CSS variables, and the white of
    the figure is the page's ground. The same figure gives the same element.
    """
    file = io.StringIO()
    with style.style():
        omitted = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=omitted)
    # Made by matplotlib a moment ago, without entities: nobody else's XML.
    root = ET.fromstring(re.sub(r"(?s)^.*?(?=<svg)", "", file.getvalue()))  # noqa: S314
    view = [float(side) for side in root.attrib["viewBox"].split()]
    element = ET.Element(
        "svg",
        {
            "class": css_class,
            "viewBox": " ".join(f"{side:g}" for side in view),
            "width": f"{view[2] * 4 / 3:.0f}",
            "height": f"{view[3] * 4 / 3:.0f}",
            "role": "img",
            "aria-label": printable(alt),
            "stroke-linejoin": "round",
        },
    )
    names: dict[str, str] = {}
    _copy(root, element, names, key)
    used = " ".join(value for each in element.iter() for value in each.attrib.values())
    for each in element.iter():
        if (name := each.attrib.get("id")) and f"#{name}" not in used:
            del each.attrib["id"]
    return ET.tostring(element, "unicode")


def _copy(source: ET.Element, target: ET.Element, names: dict[str, str], key: str) -> None:
    """The children of `source` into `target`, without groups that change nothing."""
    for child in source:
        tag = child.tag.partition("}")[2]
        if tag in _DROPPED:
            continue
        attributes = _attributes(child, names, key)
        if tag == "g" and attributes.keys() <= {"id"}:
            _copy(child, target, names, key)
            continue
        copy = ET.SubElement(target, tag, attributes)
        copy.text = child.text if tag == "text" else None
        _copy(child, copy, names, key)


def _attributes(element: ET.Element, names: dict[str, str], key: str) -> dict[str, str]:
    """The attributes, those of the style among them: short numbers, own ids, variables."""

    def own(name: str) -> str:
        return names.setdefault(name, f"{key}-{len(names)}")

    found = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    declarations = found.pop("style", "").split(";")
    found |= {
        name.strip(): _colour(value.strip())
        for name, _, value in (each.partition(":") for each in declarations)
        if name.strip() and not name.strip().startswith("font-family")
    }
    for name, value in found.items():
        if name == "id":
            found[name] = own(value)
        elif name == "href" and value.startswith("#"):
            found[name] = "#" + own(value[1:])
        elif name == "clip-path":
            found[name] = f"url(#{own(value[5:-1])})"
        elif name != "href":
            found[name] = _LENGTH.sub(_short, " ".join(value.split()))
    if found.get("transform", "").startswith("rotate(-0 "):
        del found["transform"]
    if element.tag.endswith("}g"):  # ids of groups are matplotlib's own names
        found.pop("id", None)
    return found


def _colour(value: str) -> str:
    return f"var(--{VARIABLES[value]})" if value in VARIABLES else value


def _short(match: re.Match[str]) -> str:
    return f"{round(float(match[0]), 2) + 0.0:g}"
