"""`handstitch data doctor`: findings in the terminal, as JSON and on a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handstitch.data import sketch
from tests.cli.conftest import Handstitch
from tests.data.picture_files import write_picture

THREADS = ("--threads", "1")


@pytest.fixture
def photos(machine: Path) -> Path:
    """Pictures in folders: one of each class in two parts, another blank."""
    images, labels = sketch.draw(240, 3)
    for position, (image, label) in enumerate(zip(images, labels, strict=True)):
        part = "train" if position < 160 else "test"
        write_picture(machine / f"photos/{part}/{label % 2}/<b>{position}.png", image)
    write_picture(machine / "photos/test/0/leak.png", images[labels % 2 == 0][0])
    write_picture(machine / "photos/test/1/blank.png", np.zeros((28, 28), np.uint8))
    return machine / "photos"


def test_what_is_found_is_told_in_80_columns(handstitch: Handstitch, photos: Path) -> None:
    result = handstitch("data", "doctor", "photos", *THREADS)
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= 80
    assert "Duplicates" in result.out
    assert "Drift" in result.out
    assert "the first 10 to look at" in result.out
    assert ".png" in result.out
    assert "add --out FILE.html" in result.err
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


def test_json_is_one_object_with_everything(handstitch: Handstitch, photos: Path) -> None:
    result = handstitch("data", "doctor", "photos", "--json", "--out", "data.html", *THREADS)
    assert (result.code, result.err) == (0, "")
    found = result.json
    assert found["page"] == "data.html"
    assert found["duplicates"]["exact"]["leaked"] == 1
    assert {each["file"] for each in found["groups"][0]["samples"]} >= {"test/0/leak.png"}
    (blank,) = found["constant"]
    assert blank == {"part": "test", "position": 81, "label": "1", "file": "test/1/blank.png"}
    suspects = found["labels"][0]["suspects"]
    assert len(suspects) == 160
    assert all(each["sample"]["file"].startswith("train/") for each in suspects)
    page = Path("data.html").read_text("utf-8")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_page_in_chinese_of_the_drawn_data(handstitch: Handstitch, machine: Path) -> None:
    result = handstitch("data", "doctor", "sketch", "--lang", "zh", "--out", "page.html", *THREADS)
    assert result.code == 0, result.err
    assert "\nPage: page.html (0." in result.out
    assert '<html lang="zh' in Path("page.html").read_text("utf-8")


def test_another_format_is_refused_before_anything_is_read(handstitch: Handstitch) -> None:
    result = handstitch("data", "doctor", "nowhere", "--out", "page.png")
    assert result.code == 2
    assert "--out page.html" in result.err


def test_a_name_of_nothing_is_refused(handstitch: Handstitch) -> None:
    assert handstitch("data", "doctor", "fashon").code == 2
