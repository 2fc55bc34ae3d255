"""`handstitch search` through the command line, on drawn data, in this process."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from handstitch import search as searches

SMALL = ("--dataset", "sketch", "--epochs", "2", "--workers", "0")
GRID = (*SMALL, "--hidden", "8", "8,", "--weight-decay", "0", "0.1", "--seeds", "2")


@pytest.fixture
def grid(handstitch) -> Path:
    """The folder of a finished grid of 4 settings × 2 seeds."""
    result = handstitch("search", *GRID, "--out", "grid")
    assert result.code == 0, result.err
    return Path("grid")


def test_a_grid_is_kept_whole(grid):
    found = searches.load(grid)
    assert (found.kind, found.seeds, found.pruning) == ("grid", 2, "none")
    assert found.parameters == {"hidden_sizes": [[8, 4], [8]], "weight_decay": [0.0, 0.1]}
    assert [(t.number, t.setting, t.repeat, t.seed) for t in found.trials] == [
        (number, number // 2, number % 2, number % 2) for number in range(8)
    ]
    assert [t.parameters for t in found.trials[::2]] == [
        {"hidden_sizes": widths, "weight_decay": decay}
        for widths in ([8, 4], [8])
        for decay in (0.0, 0.1)
    ]
    for trial in found.trials:
        assert trial.state == "complete"
        assert (len(trial.history), trial.val_images, trial.threads) == (2, 30, 1)
        assert trial.seconds > 0
        names = {each.name for each in found.trial_folder(trial).iterdir()}
        assert names == {"trial.json", "settings.toml", "history.csv", "best.safetensors"}


def test_a_trial_is_what_train_makes_of_its_settings(grid, handstitch):
    kept = grid / "trials" / "0005"
    assert handstitch("train", "--config", str(kept / "settings.toml"), "--out", "again").code == 0
    trained = Path("again", "weights", "best.safetensors")
    assert (kept / "best.safetensors").read_bytes() == trained.read_bytes()


def test_a_finished_search_trains_nothing(grid, handstitch):
    before = digests(grid)
    for words in ((*GRID, "--out", "grid"), ("--out", "grid")):
        result = handstitch("search", *words)
        assert result.code == 0
        assert "grid is finished; there is nothing left to train" in result.err
        assert digests(grid) == before


def test_json_is_one_object(grid, handstitch):
    result = handstitch("search", "--out", "grid", "--json")
    assert (result.json["trials"], result.json["complete"], result.json["failed"]) == (8, 8, 0)
    first = searches.load(grid).trials[:2]
    best = [next(e.val_accuracy for e in t.history[::-1] if e.is_best) for t in first]
    assert result.json["settings"][0] == {
        "setting": 0,
        "parameters": {"hidden_sizes": [8, 4], "weight_decay": 0.0},
        "complete": 2,
        "pruned": 0,
        "failed": 0,
        "val_accuracy": pytest.approx(sum(best) / 2),
    }


def digests(folder: Path) -> dict[str, str]:
    """What every file in a folder holds, but for the lock."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_another_search_in_the_folder_is_refused(grid, handstitch):
    before = digests(grid)
    result = handstitch("search", *GRID, "--lr", "0.01", "0.02", "--out", "grid")
    assert result.code == 2
    assert "learning_rate not searched" in result.err
    assert "learning_rate 0.01 0.02" in result.err
    assert "--out grid-2" in result.err
    assert digests(grid) == before


def test_its_description_can_be_read(grid):
    assert json.loads((grid / "search.json").read_bytes())["spec"]["seeds"] == 2
