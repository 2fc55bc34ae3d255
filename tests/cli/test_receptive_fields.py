"""Receptive fields through the command line: a run, its pictures, its page, a search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handstitch import storage
from handstitch.model import load_model, safetensors_file

if TYPE_CHECKING:
    from tests.cli.conftest import Handstitch

SMALL = ("--dataset", "sketch", "--hidden", "8", "--epochs", "1", "--backend", "numpy")
RUN = Path("runs", "train")


def train(handstitch: Handstitch) -> None:
    result = handstitch("train", *SMALL, "--receptive-field", "5..9")
    assert result.code == 0, result.err


def test_a_run_its_card_its_pictures_and_its_page_say_what_it_is(handstitch):
    train(handstitch)
    sentence = "sees a rectangle of the image only, with sides of 5 to 9 pixels"
    assert sentence in (RUN / "README.md").read_text()
    assert "receptive_field = [5, 9]" in (RUN / "config.toml").read_text()
    assert handstitch("show", "weights", str(RUN)).code == 0
    for lang, words in (("en", "put knowledge of the pixel grid"), ("zh", "感受野")):
        assert handstitch("report", str(RUN), "--lang", lang).code == 0
        page = (RUN / "report.html").read_text()
        assert words in page
    assert handstitch("show", "weights", str(RUN), "--stats").code == 0


def test_a_dense_run_says_nothing_of_it(handstitch):
    assert handstitch("train", *SMALL, "--receptive-field", "none").code == 0
    assert handstitch("report", str(RUN)).code == 0
    assert "knowledge of the pixel grid" not in (RUN / "report.html").read_text()
    assert "rectangle" not in (RUN / "README.md").read_text()


def test_hostile_rectangles_end_with_exit_code_4(handstitch):
    train(handstitch)
    path = RUN / "weights" / "best.safetensors"
    tensors, metadata = safetensors_file.read_tensors(path)
    tensors["receptive_fields"] = np.full((8, 4), 65535, np.uint16)
    storage.write(path, safetensors_file.encode(path, tensors, metadata))
    result = handstitch("test", str(RUN))
    assert result.code == 4
    assert "receptive_fields: rectangle" in result.err


def test_they_are_searched_with_the_dense_layer_beside_them(handstitch):
    words = (*SMALL, "--workers", "0", "--receptive-field", "none", "5..9", "3,4", "--out", "s")
    result = handstitch("search", *words, "--json")
    assert result.code == 0, result.err
    found = [each["parameters"]["receptive_field"] for each in json.loads(result.out)["candidates"]]
    assert sorted(found) == [[], [3, 4], [5, 9]]
    for trial in Path("s", "trials").iterdir():
        fields = load_model(trial / "best.safetensors").receptive_fields
        config = (trial / "config.toml").read_text()
        assert ("receptive_field = []" in config) == (fields is None)
    shown = handstitch("show", "s").out
    assert "none" in shown
    typed = handstitch("config", *SMALL[2:], "--receptive-field", "none", "--json").json
    assert typed["config"]["receptive_field"] == []


def test_a_search_refuses_rectangles_larger_than_the_images_before_it_starts(handstitch):
    words = (*SMALL, "--workers", "0", "--receptive-field", "5..9", "5..29", "--out", "s")
    result = handstitch("search", *words)
    assert result.code == 2
    assert "larger than the images" in result.err
    assert not Path("s").exists()


def test_gradcheck_with_rectangles_passes(handstitch):
    result = handstitch("gradcheck", "--hidden", "12", "--receptive-field", "5..13", "--json")
    assert result.code == 0
    assert result.json["worst"] <= 1e-9
