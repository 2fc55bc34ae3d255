"""Charts of a page: SVG of the page's own font and colours, the same each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from handstitch import figures
from handstitch.figures.inline import VARIABLES
from handstitch.report.layouts import chart
from tests.figures.conftest import HOSTILE, history, tags, texts

MATRIX = (np.arange(100).reshape(10, 10) % 7).tolist()


def test_colours_are_the_pages_and_text_has_its_font():
    figure = figures.curves(history(4), width=340)
    svg = figures.inline_svg(figure, "words", "k")
    assert "#" not in re.sub(r'"#k-\d+"|url\(#k-\d+\)', "", svg)
    assert "font-family" not in svg
    assert "style" not in svg
    assert set(re.findall(r"var\(--([a-z]+)\)", svg)) <= set(VARIABLES.values())
    assert texts(figures.svg(figure)) == [each.text for each in ET.fromstring(svg).iter("text")]
    assert len(svg) < len(figures.svg(figure))


def test_the_same_chart_is_the_same_element_and_has_ids_of_its_own():
    def draw(width):
        return figures.curves(history(4), width=width)

    one = chart(draw, "words", "one")
    assert chart(draw, "words", "one") == one
    ids = re.findall(r' id="([^"]*)"', one)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r"#([\w-]+)", one)) == set(ids)
    assert not set(ids) & set(re.findall(r' id="([^"]*)"', chart(draw, "words", "two")))


def test_hostile_names_stay_text():
    svg = chart(
        lambda width: figures.confusion_matrix(MATRIX, HOSTILE, width=width),
        HOSTILE[0] + '"\u202e onload=',
        "hostile",
        {"wide": 860},
    )
    assert {"script", "image", "a"}.isdisjoint(tags(svg))
    root = ET.fromstring(svg)
    assert {name for each in root.iter() for name in each.attrib}.isdisjoint({"onload", "style"})
    assert svg.isprintable() or set(re.findall(r"[^ -~]", svg)).isdisjoint("\u202e\x1b\0")


def test_pixels_are_red_above_0_blue_below_and_see_through_at_0(tmp_path):
    path = tmp_path / "signed.png"
    path.write_bytes(figures.signed_png(np.array([[-1.0, 0.0, 2.0, np.nan]]), 1.0))
    with Image.open(path) as picture:
        below, zero, above, outside = np.asarray(picture.convert("RGBA"))[0].tolist()
    assert below[2] > below[0]
    assert above[0] > above[2]
    assert (below[3], zero[3], above[3]) == (255, 0, 255)
    assert 0 < outside[3] < 255
