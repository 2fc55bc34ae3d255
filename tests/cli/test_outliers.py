"""What predict, test and train say of images unlike the training images, and of temperatures."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Handstitch
from tests.sample_models import report_arrays

MARK = "unlike the training images"
MISSING = "it has no outlier detector"


@pytest.fixture
def trained(handstitch: Handstitch) -> str:
    """A run with enough validation images, 120; and pictures of noise beside it."""
    words = "--hidden 32,16 --epochs 6 --validation 0.4 --batch-size 16 --threads 1 --out runs/a"
    assert handstitch("train", "--dataset", "sketch", *words.split()).code == 0
    noise = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
    np.save("noise.npy", noise)
    return "runs/a"


def test_predict_marks_what_is_unlike_the_training_images(handstitch: Handstitch, trained: str):
    rows = handstitch("predict", trained, "noise.npy", "--json").json["predictions"]
    assert sum(row["outlier"] for row in rows) > 8
    assert all(row["outlier"] == (row["distance"] > 1) for row in rows)
    told = handstitch("predict", trained, "noise.npy").out
    marked = [MARK in line for line in told.splitlines() if line.startswith("noise.npy[")]
    assert marked == [row["outlier"] for row in rows]
    assert MISSING not in told
    table = list(csv.DictReader(io.StringIO(handstitch("predict", "noise.npy", "--csv").out)))
    assert [row["outlier"] for row in table] == [str(row["outlier"]) for row in rows]
    assert [float(row["distance"]) for row in table] == [row["distance"] for row in rows]
    own = handstitch("predict", trained, "--rows", "0:60", "--json").json["predictions"]
    assert sum(row["outlier"] for row in own) < 20


def test_predict_says_where_it_cannot_tell(handstitch: Handstitch, trained: str):
    arrays: dict[str, Any] = report_arrays()
    np.savez("weights.npz", **arrays)
    for model in (("weights.npz",), (trained, "--weights", "last")):
        assert MISSING in handstitch("predict", model[0], "noise.npy", *model[1:]).out
        found = handstitch("predict", model[0], "noise.npy", *model[1:], "--json").json
        assert {(row["outlier"], row["distance"]) for row in found["predictions"]} == {(None, None)}


def test_test_and_summary_have_the_temperature(handstitch: Handstitch, trained: str):
    summary = handstitch("train", "--resume", trained, "--json").json
    assert summary["temperature"] != 1
    assert summary["val_calibration_error"] != summary["val_uncalibrated_error"]
    found = handstitch("test", trained, "--json").json
    assert found["temperature"] == summary["temperature"]
    last = handstitch("test", trained, "--weights", "last", "--json").json
    assert last["temperature"] == 1
    assert last["calibration_error"] == last["uncalibrated_error"]
    assert (
        f"Calibration error: {found['calibration_error']:.4f} at temperature "
        f"{found['temperature']:.3f}, {found['uncalibrated_error']:.4f} at 1\n"
    ) in handstitch("test", trained).out
    card = Path(trained, "README.md").read_text(encoding="utf-8")
    assert f"| temperature | {summary['temperature']:.3f} |" in card
