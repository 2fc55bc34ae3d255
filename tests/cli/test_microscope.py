"""show microscope: a training step in 80 columns, as JSON and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.model import save_model
from tests.cli.conftest import Handstitch
from tests.sample_models import GARMENT_SIZES, sample


@pytest.fixture
def model(machine: Path) -> str:
    config = {"hidden_sizes": [16, 8], "optimizer": "adamw", "weight_decay": 0.05, "threads": 1}
    names = tuple(f"{n} a class with a long name" for n in range(10))
    facts: dict[str, Any] = {"image_shape": (28, 28), "config": config, "class_names": names}
    save_model(Path("a.safetensors"), sample(GARMENT_SIZES, **facts))
    return "a.safetensors"


def test_a_step_in_80_columns_has_the_numbers_of_its_json(handstitch: Handstitch, model: str):
    result = handstitch("show", "microscope", model, "--image", "7")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    found = handstitch("show", "microscope", model, "--image", "7", "--json").json
    assert (found["image"], found["dataset"], found["page"]) == (7, "sketch", None)
    assert found["worst"] < 1e-9
    shown = [word for line in lines for word in line.split()]
    for stage in found["stages"]:
        assert all(f"  {formula}" in lines for formula in stage["formulas"])
        for table in stage["tables"]:
            digits = 5 if len(table["columns"]) < 6 else 4
            for values in table["values"]:
                cells = [f"{value:.{digits}g}" for value in values]
                assert any(shown[at : at + len(cells)] == cells for at in range(len(shown)))
    assert found["loss_after"] < found["loss"]


def test_a_page_is_written_where_asked(handstitch: Handstitch, model: str):
    result = handstitch("show", "microscope", model, "--out", "step.html", "--lang", "zh")
    assert result.code == 0, result.err
    assert "Page: step.html" in result.out
    assert "一步训练" in Path("step.html").read_text("utf-8")
    assert handstitch("show", "microscope", model, "--out", "step.png").code == 2


def test_what_cannot_be_shown_is_answered(handstitch: Handstitch, model: str):
    result = handstitch("show", "microscope", model, "--image", "300")
    assert result.code == 2
    assert "from 0 to 299" in result.err
    result = handstitch("show", "microscope", model, "--pretrained")
    assert result.code == 2
    assert "--pretrained" in result.err


def test_features_have_a_microscope_too(handstitch: Handstitch, machine: Path):
    lines = [f"{n % 7},{n * n % 5},{n % 3},{'ab'[n % 2]}" for n in range(60)]
    Path("t.csv").write_text("x,y,z,label\n" + "\n".join(lines) + "\n")
    words = "--hidden 4 --epochs 1 --threads 1 --scaling standard --backend numpy"
    trained = handstitch("train", "--dataset", "t.csv", *words.split())
    assert trained.code == 0, trained.err
    result = handstitch("show", "microscope", "--image", "3")
    assert result.code == 0, result.err
    assert "feature 0" in result.out
    assert np.isfinite(handstitch("show", "microscope", "--image", "3", "--json").json["loss"])
