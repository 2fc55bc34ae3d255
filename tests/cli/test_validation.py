"""handstitch train --validation: none, or a data set of its own."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Handstitch

SMALL = ("--hidden", "8", "--epochs", "2", "--threads", "1", "--dataset", "sketch")


def test_every_verb_copes_without_validation(handstitch: Handstitch, machine: Path) -> None:
    result = handstitch("train", *SMALL, "--validation", "0")
    assert result.code == 0, result.err
    assert "no image is held out for validation: the last epoch is kept" in result.err
    assert "Val" not in result.out
    assert "Kept: epoch 2, the last: no image was held out for validation" in result.out
    for words in (
        ("show",),
        ("show", "curves", "--out", "curves.svg"),
        ("show", "curves", "--style", "course", "--out", "course.svg"),
        ("show", "weights", "--stats"),
        ("report",),
        ("report", "--lang", "zh"),
        ("test",),
        ("report",),
        ("predict", "--rows", "0:2"),
        ("train", "--resume", "runs/train", "--epochs", "3"),
    ):
        result = handstitch(*words)
        assert result.code == 0, (words, result.err)
        assert "None" not in result.out + result.err, words
    for page in ("report.html", "README.md"):
        assert "None" not in Path("runs", "train", page).read_text()


def test_what_needs_validation_says_so(handstitch: Handstitch) -> None:
    for words, reason in (
        (("train", "--patience", "2"), "early stopping waits for a better validation loss"),
        (("train", "--schedule", "plateau"), "the schedule plateau waits"),
        (("search", "--lr", "0.1", "0.2"), "candidates are ranked by their accuracy"),
    ):
        result = handstitch(*words, *SMALL, "--validation", "0")
        assert result.code == 2
        assert reason in " ".join(result.err.split())
        assert not Path("runs").exists()
