"""predict --explain: an explanation in 80 columns and as JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handstitch.data import sketch
from handstitch.model import save_model
from tests.cli.conftest import Handstitch
from tests.report.reading import Page, breaches
from tests.sample_models import GARMENT_SIZES, sample


@pytest.fixture
def image(machine: Path) -> str:
    np.save("coat.npy", sketch.draw(5, 2)[0][4])
    return "coat.npy"


def test_an_explanation_in_80_columns(handstitch: Handstitch, image: str):
    numbers = handstitch("predict", image, "--explain", "--json").json["predictions"][0]
    why, P = numbers["explanation"], numbers["probabilities"]
    first, second = sorted(P, key=P.__getitem__, reverse=True)[:2]
    assert (why["class"], why["against"]) == (first, second)
    total = np.sum(why["contributions"])
    assert total + why["bias"] == pytest.approx(why["log_odds"])
    assert sum(why["regions"].values()) == pytest.approx(total)
    changed = np.array(why["change"]["image"], np.uint8)
    np.save("changed.npy", changed)
    told = handstitch("predict", "changed.npy", "--json").json["predictions"][0]
    assert told["predicted"] == why["change"]["class"] != first

    out = handstitch("predict", image, "--explain").out
    assert max(map(len, out.splitlines())) <= 80
    for words in (
        f"{first} against {second}:",
        f"pixels {total:+.2f}, bias {why['bias']:+.2f}: {why['log_odds']:+.2f}",
        f"after a change of {why['change']['pixels']:,} pixels",
        f"by at most {why['change']['largest']} grey levels each",
        "there may be smaller ones",
    ):
        assert words in out


@pytest.mark.parametrize("shape", [(4, 4), (28, 28, 3), (100, 90)])
def test_images_of_any_shape_fit(handstitch: Handstitch, machine: Path, shape: tuple[int, ...]):
    sizes = (int(np.prod(shape)), 8, 4)
    names = tuple(f"{n} a class with a long name, longer than a line" for n in range(4))
    save_model(Path("a.safetensors"), sample(sizes, image_shape=shape, class_names=names))
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save("a.npy", pixels[None])
    result = handstitch("predict", "a.safetensors", "a.npy", "--explain")
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= 80


def test_other_activations_are_answered(handstitch: Handstitch, image: str):
    model = sample(GARMENT_SIZES, activations=("tanh", "relu"), image_shape=(28, 28))
    save_model(Path("a.safetensors"), model)
    result = handstitch("predict", "a.safetensors", image, "--explain")
    assert result.code == 2
    assert "evidence is not exact for this network" in result.err
    assert "--activation relu" in result.err


def test_an_explanation_is_no_table(handstitch: Handstitch, image: str):
    result = handstitch("predict", image, "--explain", "--csv")
    assert result.code == 2
    assert "--explain and --csv cannot be used together" in result.err


def test_a_page_of_explanations(handstitch: Handstitch, image: str):
    result = handstitch("predict", image, "--explain", "--out", "why.html", "--json")
    assert result.json["page"] == "why.html"
    why = result.json["predictions"][0]["explanation"]
    page = Path("why.html").read_text("utf-8")
    assert breaches(page) == []
    found = Page(page)
    assert len(found.all("img")) == 4
    for words in (
        f"{why['class']} against {why['against']}",
        f"bias {why['bias']:+.2f}: together {why['log_odds']:+.2f}".replace("-", "−"),
        f"a change of {why['change']['pixels']:,} pixels by at most {why['change']['largest']} ",
    ):
        assert words in found.text
    handstitch("predict", image, "--explain", "--out", "why.html", "--lang", "zh")
    chinese = Path("why.html").read_text("utf-8")
    assert "为什么这样回答" in chinese
    assert breaches(chinese) == []
    assert handstitch("predict", image, "--out", "why.html").code == 2
    assert handstitch("predict", image, "--explain", "--out", "why.png").code == 2
