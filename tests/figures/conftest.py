"""Small material to draw: a history, probabilities, hostile names, and what an SVG says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any

import numpy as np
import pytest

from handstitch.figures import style
from handstitch.records import EpochRecord

HOSTILE = (
    "<script>alert(1)</script>",
    "$x^2$",
    "\x1b[31mred\x1b[0m",
    "a\u202eevil",
    "T恤",
    "data:image/png;base64,AA",
    "font-family: x",
    "\ud800",
    r"\frac{1}{2}",
    "../../x\n\0",
)


def history(epochs: int, **changes: Any) -> list[EpochRecord]:
    """Records that get better; the best is three quarters of the way."""
    best = max(1, 3 * epochs // 4)
    rng = np.random.default_rng(epochs)
    return [
        EpochRecord(
            **{
                "epoch": epoch,
                "train_loss": 2 / sqrt(epoch),
                "train_accuracy": 1 - 0.9 / sqrt(epoch),
                "val_loss": 2.2 / sqrt(epoch) + 0.1 * rng.random(),
                "val_accuracy": 1 - 0.95 / sqrt(epoch) - 0.04 * rng.random(),
                "l2_penalty": 0.0,
                "learning_rate": 0.1,
                "train_seconds": 1.0,
                "seconds": 1.5,
                "is_best": epoch == best,
            }
            | changes
        )
        for epoch in range(1, epochs + 1)
    ]


def texts(svg: str) -> list[str]:
    """What is written in an SVG, as a reader of XML sees it."""
    return [each.text or "" for each in ET.fromstring(svg).iter() if each.tag.endswith("}text")]


def tags(svg: str) -> set[str]:
    """Kinds of elements in an SVG."""
    return {each.tag.partition("}")[2] for each in ET.fromstring(svg).iter()}


def attributes(svg: str) -> str:
    """All attributes of an SVG, in one text, without pictures."""
    found = [value for each in ET.fromstring(svg).iter() for value in each.attrib.values()]
    # Matplotlib breaks the line before the data; an XML reader makes it a space.
    return re.sub(r"base64,[ \w+/=]*", "", "\n".join(found))


@pytest.fixture
def no_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no font but matplotlib's first."""
    monkeypatch.setattr(style, "families", lambda: [style.FAMILY])


@pytest.fixture
def chinese_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which a font that matplotlib brings is taken for a Chinese one."""
    monkeypatch.setattr(style, "CHINESE", ("None Such", "STIXGeneral"))
    style.families.cache_clear()
    yield
    style.families.cache_clear()


@pytest.fixture
def predictions() -> Callable[..., tuple[Any, Any, Any]]:
    """Images, labels and P, drawn from a seed."""

    def draw(n: int = 30, classes: int = 10) -> tuple[Any, Any, Any]:
        rng = np.random.default_rng(n)
        images = rng.integers(0, 256, (n, 6, 5)).astype(np.uint8)
        labels = rng.integers(0, classes, n).astype(np.uint8)
        return images, labels, rng.dirichlet([0.3] * classes, n).astype(np.float32)

    return draw
