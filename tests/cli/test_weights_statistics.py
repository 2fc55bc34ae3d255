"""handstitch show weights --stats, on small drawn data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handstitch.cli import show_weights
from handstitch.data import loading
from tests.cli.conftest import Handstitch
from tests.sample_models import report_arrays

ROWS = (
    "inputs × units", "verdict", "within ±0.1", "at the start", "range", "sd / initial sd",
    "distance from start", "largest bias", "effective rank", "of its initial weights",
    "order score (sd)", "p, family-wise", "strongest statistic", "dead units", "accuracy if reset",
)  # fmt: skip


def test_a_trained_run_is_said_to_be_trained(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("show", "weights", "--stats")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"Model: {trained}, best weights (784-8-4-10)"
    assert lines[1].startswith("Validation accuracy: ")
    assert lines[1].endswith("(30 images)")
    for row in ROWS:
        assert any(line.strip().startswith(row) for line in lines), row
    assert "Verdict: trained." in result.out
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_json_holds_the_same(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("show", "weights", str(trained), "--stats", "--json")
    found = result.json
    assert (found["verdict"], found["initial_weights"]) == ("trained", "confirmed")
    assert found["sizes"] == [784, 8, 4, 10]
    assert [layer["layer"] for layer in found["layers"]] == [1, 2, 3]
    text = handstitch("show", "weights", str(trained), "--stats").out
    for layer in found["layers"]:
        assert f"{layer['reset_accuracy']:.4f}" in text
        assert f"{layer['distance']:.3f}" in text
    assert " ".join(text.split()).endswith(" ".join(found["words"]))


def test_a_run_too_timid_to_change_a_weight_is_as_initialised(handstitch: Handstitch) -> None:
    words = ("--dataset", "sketch", "--hidden", "8", "--epochs", "1", "--threads", "1")
    assert handstitch("train", *words, "--optimizer", "sgd", "--lr", "1e-20").code == 0
    result = handstitch("show", "weights", "runs/train", "--stats", "--weights", "last")
    assert "Verdict: as initialised." in result.out
    assert "Only its biases moved" in result.out


def test_a_file_without_a_seed_is_told_so(handstitch: Handstitch, machine: Path) -> None:
    np.savez(machine / "best.npz", allow_pickle=False, **report_arrays())
    result = handstitch("show", "weights", "best.npz", "--stats")
    assert result.code == 0
    assert "Fashion-MNIST is not on this machine" in result.err
    assert "The file has no usable seed" in result.out
    assert "Verdict: as initialised. The weights are indistinguishable" in " ".join(
        result.out.split()
    )
    assert "accuracy if reset" not in result.out
    assert "sd / sd of he" in result.out


def test_a_folder_without_the_data_is_an_error(handstitch: Handstitch, machine: Path) -> None:
    np.savez(machine / "best.npz", allow_pickle=False, **report_arrays())
    result = handstitch("show", "weights", "best.npz", "--stats", "--data-dir", ".")
    assert (result.code, result.out) == (3, "")


def test_more_layers_than_fit_beside_each_other_go_below(
    handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = ["6"] * 5
    words = ("--dataset", "sketch", "--epochs", "1", "--threads", "1", "--hidden", *hidden)
    assert handstitch("train", *words).code == 0
    lines = handstitch("show", "weights", "--stats").out.splitlines()
    heads = [line.split() for line in lines if line.startswith("      ") and "layer" in line]
    assert heads == [
        ["layer", "1", "layer", "2", "layer", "3"],
        ["layer", "4", "layer", "5", "layer", "6"],
    ]
    assert max(map(len, lines)) <= 80
    monkeypatch.setattr(show_weights, "_ABREAST", 6)
    assert "layer 1  " in handstitch("show", "weights", "--stats").out


def test_the_test_set_is_not_opened(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = []
    load = loading.load

    def noting(name: str, part: str, *more: object, **words: object) -> object:
        parts.append(part)
        return load(name, part, *more, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "load", noting)
    assert handstitch("show", "weights", "--stats").code == 0
    assert parts == ["train"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("weights",), "there is no run yet"),
        (("weights", "nowhere.npz"), "there is no such model file"),
        (("weigths",), "perhaps: handstitch show weights"),
        (("weights", "--stast"), "wanted  --stats"),
        (("weights", "--weights", "bst"), "perhaps: best"),
    ],
)
def test_what_cannot_be_shown(handstitch: Handstitch, words: tuple[str, ...], message: str) -> None:
    result = handstitch("show", *words)
    assert result.code in {2, 4}
    assert message in result.err
    assert len(result.err.splitlines()) <= 6


def test_statistics_and_a_picture_are_two_things(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("show", "weights", str(trained), "--stats", "--out", "w.png")
    assert result.code == 2
    assert "omit --stats" in result.err


def test_data_without_statistics_are_not_silently_left_alone(
    handstitch: Handstitch, trained: Path
) -> None:
    result = handstitch("show", "weights", str(trained), "--data-dir", ".")
    assert result.code == 2
    assert "add --stats" in result.err
    assert not (trained / "figures" / "weights.png").exists()
