"""The pictures of the pages: there, small, described, and of today's default network."""

from __future__ import annotations

import importlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from handstitch.config import Config

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
PAGES = {
    "README.md": "en", "README.zh-CN.md": "zh", "docs/tutorial.md": "en",
    "docs/derivation.md": "en", "docs/zh/derivation.md": "zh",
    "docs/zh/tutorial.md": "zh",
}  # fmt: skip
ALONE = re.compile(r'^<img src="(\S+)" alt="[^"]{50,}">$', re.MULTILINE)
"""A picture that is narrow enough for both."""
SHOWN = re.compile(
    r'<picture>\n  <source media="\(max-width: 700px\)" srcset="(\S+)">\n'
    r'  <img src="(\S+)" alt="([^"]+)">\n</picture>'
)
SVG = "{http://www.w3.org/2000/svg}"


def texts(name: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.parse(FOLDER / name).iter(f"{SVG}text")]


@pytest.mark.parametrize("page", PAGES)
def test_each_picture_is_shown_for_both_widths_with_words(page: str):
    text = (ROOT / page).read_text("utf-8")
    shown = SHOWN.findall(text)
    assert len(shown) + len(ALONE.findall(text)) == text.count("<img")
    assert any("network" in wide for _, wide, _ in shown)
    for narrow, wide, alt in shown:
        assert narrow == re.sub(r"(\.\w\w)?(\.\w+)$", r"-narrow\1\2", wide)
        for address in (narrow, wide):
            file = ((ROOT / page).parent / address).resolve()
            assert file.is_file()
            assert file.suffix == ".png" or file.name.endswith(f".{PAGES[page]}.svg")
        assert len(alt) > 50


def test_pictures_are_small_and_none_is_left_over():
    files = {file.name for file in FOLDER.iterdir()}
    pages = "".join((ROOT / page).read_text("utf-8") for page in PAGES)
    assert files == set(re.findall(r"pictures/([\w.-]+)", pages))
    assert sum((FOLDER / name).stat().st_size for name in files) <= 330_000


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_network_is_the_default_one(lang: str):
    for kind in ("", "-narrow"):
        said = texts(f"network{kind}.{lang}.svg")
        for units in Config().hidden_sizes:
            assert any(str(units) in line for line in said)
        for formula in ("Z = A W + b", "A = f(Z)", "P = softmax(Z)", "dZ = P − Y"):
            assert formula in said
        assert {"dW = A⊤ dZ", "dA = dZ W⊤"} <= set(said)


def test_the_matrix_with_holes_has_a_dash_for_each_row_of_a_window():
    drawing = ET.parse(FOLDER / "holes.en.svg")
    boxes = [box for box in drawing.iter(f"{SVG}rect") if box.get("class") == "window"]
    paths = [path for path in drawing.iter(f"{SVG}path") if path.get("class") == "seen-by"]
    assert len(boxes) == 3
    rows = sorted(int(box.get("height", "")) // 5 for box in boxes)
    assert rows == sorted(path.get("d", "").count("v") for path in paths)


def test_words_say_what_the_pictures_show():
    tutorial = (ROOT / "docs/tutorial.md").read_text("utf-8")
    network, curves, confusion, _ = (alt for *_, alt in SHOWN.findall(tutorial))
    assert {"81 %", "11 %", "8 %"} <= set(texts("network.en.svg"))
    assert "81 %, Shirt 11 %, Dress 8 %" in network
    assert {"94.91 %", "0.1397", "0.2048", "best: epoch 29"} <= set(texts("curves.en.svg"))
    for end in ("94.9", "0.140", "0.205", "epoch 29"):
        assert end in curves
    assert f"over {Config().epochs} epochs" in curves
    assert f"from {Config().learning_rate} to 0" in curves
    for count in ("738", "118", "63", "53"):
        assert count in texts("confusion.en.svg")
        assert count in confusion


def test_pictures_follow_the_colour_scheme_and_fetch_nothing():
    for file in FOLDER.glob("*.svg"):
        text = file.read_text("utf-8")
        assert "@media (prefers-color-scheme: dark)" in text
        defined = set(re.findall(r"(--[\w-]+):", text))
        assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= defined
        assert not re.search(r"""(?:href|src)="(?!#)|url\((?!#)|<script|<image""", text)


def test_runs_of_one_grey_cover_the_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))
    drawing = importlib.import_module("drawing")
    image = np.array([[0, 255, 255, 0, 255], [100, 100, 0, 0, 255]], np.uint8)
    drawn = np.zeros_like(image, dtype=float)
    for level, path in drawing.levels(image):
        for column, row, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", path):
            drawn[int(row), int(column) : int(column) + int(length)] = level
    assert np.abs(drawn - image / 255).max() <= 1 / drawing.LEVELS
    assert (drawn > 0).tolist() == (image > 0).tolist()
