"""Pictures of the laboratory, docs/laboratory.html, taken in Chromium: one step of training."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any, Final

from PIL import Image

from handstitch.figures import Lang

PAGE: Final = Path(__file__).resolve().parents[1] / "laboratory.html"
SIZES: Final = {"": (1180, 740), "-narrow": (390, 844)}
"""Width and height in CSS pixels."""
WORDS: Final = {"en": ("Watch it learn", "Next"), "zh": ("看它学习", "下一步")}
"""The names of two buttons."""
SCENE: Final = 8
"""Clicks from the first scene to that of the second layer's backward pass."""
COLOURS: Final = 48


def pictures(lang: Lang) -> dict[str, bytes]:
    """Name of a file → PNG: a bag of the drawn garments, and what should have been said of it."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        found = {
            f"laboratory{kind}.{lang}.png": _shot(browser, lang, *size)
            for kind, size in SIZES.items()
        }
        browser.close()
    return found


def _shot(browser: Any, lang: Lang, width: int, height: int) -> bytes:
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    page.goto(PAGE.as_uri())
    if lang == "zh":
        page.get_by_role("button", name="中文").click()
    watch, onwards = WORDS[lang]
    page.get_by_role("button", name=watch).click()
    for _ in range(SCENE):
        page.get_by_role("button", name=onwards).click()
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    out = io.BytesIO()
    shot.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(out, "png", optimize=True)
    return out.getvalue()
