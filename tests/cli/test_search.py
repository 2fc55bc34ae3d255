"""`handstitch search` through the command line, on drawn data, in this process."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from handstitch import search as searches
from handstitch.config import Config
from handstitch.machine import memory
from handstitch.training import footprint

SMALL = ("--dataset", "sketch", "--epochs", "2", "--workers", "0")
GRID = (*SMALL, "--hidden", "8", "8,", "--weight-decay", "0", "0.1", "--seeds", "2")


@pytest.fixture
def grid(handstitch) -> Path:
    """The folder of a finished grid of 4 candidates × 2 seeds."""
    result = handstitch("search", *GRID, "--out", "grid")
    assert result.code == 0, result.err
    return Path("grid")


def test_a_grid_is_kept_whole(grid):
    found = searches.load(grid)
    assert (found.plan.kind, found.plan.seeds, found.plan.pruning) == ("grid", 2, "none")
    assert found.plan.parameters == {"hidden_sizes": [[8, 4], [8]], "weight_decay": [0.0, 0.1]}
    assert [(t.number, t.candidate, t.repeat, t.seed) for t in found.trials] == [
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
        assert names == {"trial.json", "config.toml", "history.csv", "best.safetensors"}


def test_a_trial_is_what_train_makes_of_its_config(grid, handstitch):
    kept = grid / "trials" / "0005"
    assert handstitch("train", "--config", str(kept / "config.toml"), "--out", "again").code == 0
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
    assert [result.json[name] for name in ("planned", "trials", "failed")] == [8, 8, 0]
    first = searches.load(grid).trials[:2]
    best = [next(e.val_accuracy or 0 for e in t.history[::-1] if e.is_best) for t in first]
    (candidate,) = [each for each in result.json["candidates"] if each["candidate"] == 0]
    assert candidate["parameters"] == {"hidden_sizes": [8, 4], "weight_decay": 0.0}
    assert candidate["seeds"] == [0, 1]
    assert candidate["mean"] == pytest.approx(sum(best) / 2)
    assert handstitch("show", "grid", "--json").json == result.json


def test_the_ranking_is_printed_at_the_end_as_show_prints_it(grid, handstitch):
    ended = handstitch("search", "--out", "grid").out
    ranking, hint = ended.rsplit("\n\n", 1)
    assert "Mean validation accuracy" in ranking
    assert handstitch("show", "grid").out.startswith(ranking)
    assert hint == "Statistics, figures and candidates.csv: handstitch show grid\n"


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
    assert "found   learning_rate 0.003, candidates 4" in result.err
    assert "wanted  learning_rate 0.01 0.02, candidates 8" in result.err
    assert "--out grid-2" in result.err
    assert digests(grid) == before


def test_a_trial_that_is_being_written_is_not_there_yet(grid):
    (grid / "trials" / "0003").rename(grid / "trials" / ".0003.1-00000000-0.tmp")
    assert [trial.number for trial in searches.load(grid).trials] == [0, 1, 2, 4, 5, 6, 7]


def test_its_description_can_be_read(grid):
    assert json.loads((grid / "search.json").read_bytes())["plan"]["seeds"] == 2


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        ("--lr 0.2..0.1 --trials 3", 2, "invalid range of learning_rate"),
        ("--weight-decay log:0..1 --trials 3", 2, "log:LOW..HIGH with both above 0"),
        ("--lr 0.1..0.2", 2, "--trials is required"),
        ("--lr 0.1 0.2 --trials 3", 2, "a grid has all its combinations as candidates"),
        ("--lr 0.1..0.2 --sampler grid", 2, "a grid needs lists, not ranges"),
        ("--lr 0.1 --sampler random --trials 3", 2, "there is nothing to search"),
        ("--lr 0.1 0.2 --sampler tpe", 2, "--trials is required"),
        ("--lr 0.1 0.2 --sampler tpes", 2, "perhaps: tpe"),
        ("--lr 0.1 0.2 --seeds 0", 2, "--seeds"),
        ("--lr 0.1..0.2 --trials 0", 2, "--trials"),
        ("--lr 0.1 0.2 --workers -1", 2, "--workers"),
        ("--learning-rat 0.1 0.2", 2, "--learning-rate"),
        ("--lr 0.1 0.2 --mpi", 2, "this was not started as an MPI program"),
        ("--lr 0.1 0.2 --mpi --dask tls://h:1", 2, "--dask and --mpi cannot be used together"),
        (
            "--lr 0.1 0.2 --dask tls://h:1 --workers 2",
            2,
            "--workers and --dask cannot be used together",
        ),
        ("--lr 0.1 0.2 --dask local", 2, "for processes of this machine: --workers N"),
        ("--lr 0.1 0.2 --dask tcp://127.0.0.1:9", 5, "found   tcp://127.0.0.1:9: "),
        ("--lr 0.1 0.2 --dask tcp://127.0.0.1:9", 5, "tcp://127.0.0.1:9 is not TLS: whoever"),
        ("--lr 0.1 0.2 --dask tls://127.0.0.1:9", 5, "certificates of its authority"),
        ("--activation relu,tanh --hidden 8,4 8, --workers 0", 2, "hidden_sizes = 8,"),
        ("--seed 1 2", 2, "seed is not searched"),
    ],
)
def test_bad_input_has_an_answer(handstitch, words, code, found):
    result = handstitch("search", "--dataset", "sketch", "--out", "grid", *words.split())
    assert result.code == code
    assert found in result.err
    told = result.err[result.err.index("handstitch: error:") :]
    assert len(told.splitlines()) <= 6
    assert not Path("grid").exists()


def test_a_grid_of_many_points_wants_a_yes(handstitch):
    rates = [f"{0.01 + n / 1e5:.5f}" for n in range(101)]
    decays = [f"{n / 1e5:.5f}" for n in range(100)]
    result = handstitch("search", *SMALL, "--lr", *rates, "--weight-decay", *decays)
    assert result.code == 2
    assert "this grid has 10,100 points" in result.err
    assert "--yes" in result.err
    assert not Path("runs").exists()


def test_a_trial_that_diverges_is_named_and_the_search_goes_on(handstitch):
    result = handstitch("search", *SMALL, "--optimizer", "sgd", "--lr", "1000", "0.01", "--json")
    assert result.code == 0
    assert (len(result.json["candidates"]), result.json["failed"]) == (1, 1)
    (lost,) = result.json["failed_candidates"]
    assert lost["problem"].startswith("1 of 1 trials failed (training diverged")
    assert "Trial 0, learning_rate 1000, seed 0: failed: training diverged" in result.err
    failed, complete = searches.load("runs/search").trials
    assert (failed.state, complete.state) == ("failed", "complete")
    assert failed.problem.startswith("training diverged: a batch loss of")
    # It is finished, too: to train it again would show the same.
    assert "nothing left to train" in handstitch("search", "--out", "runs/search").err


def test_a_search_of_which_nothing_came_is_exit_6(handstitch):
    result = handstitch("search", *SMALL, "--optimizer", "sgd", "--lr", "1000", "2000")
    assert result.code == 6
    assert "every trial of this search failed" in result.err


def test_all_workers_have_memory_before_a_search_starts(handstitch, monkeypatch):
    one = footprint.bytes_needed(Config(threads=1, hidden_sizes=(64, 32)), (784, 64, 32, 10), 300)
    words = ("search", "--dataset", "sketch", "--epochs", "1", "--hidden", "8", "64", "--workers")
    monkeypatch.setattr(memory, "available", lambda: 2 * one - 1)
    refused = handstitch(*words, "2")
    assert refused.code == 5
    assert "not enough memory for 2 workers" in refused.err
    assert "use fewer --workers" in refused.err
    assert not Path("runs").exists()
    assert handstitch(*words, "0").code == 0


def test_a_folder_in_use_is_exit_5(grid, handstitch):
    from handstitch.storage import lock_folder

    (grid / "trials" / "0000").rename("elsewhere")
    with lock_folder(grid):
        result = handstitch("search", "--out", "grid", "--workers", "0")
    assert result.code == 5
    assert "another process is working in this folder" in result.err


def test_other_training_images_are_refused(grid, handstitch, monkeypatch):
    from handstitch.data import loading

    (grid / "trials" / "0000").rename("elsewhere")
    monkeypatch.setattr(loading, "_SKETCH", {"train": (200, 5), "test": (60, 1)})
    result = handstitch("search", "--out", "grid", "--workers", "0")
    assert result.code == 2
    assert "the training images are not those this search was started with" in result.err


def test_a_damaged_description_is_said(grid, handstitch):
    (grid / "search.json").write_text("{")
    result = handstitch("search", "--out", "grid")
    assert result.code == 5
    assert "a file of this search cannot be read" in result.err


def test_a_single_candidate_measures_the_spread_of_seeds(handstitch):
    result = handstitch("search", *SMALL, "--seeds", "3", "--json")
    assert result.code == 0
    assert [row["seeds"] for row in result.json["candidates"]] == [[0, 1, 2]]
    assert result.json["search"] == "runs/search"


@pytest.mark.parametrize("pruning", ["halving", "median"])
def test_unpromising_trials_are_pruned(handstitch, pruning):
    words = ("--dataset", "sketch", "--hidden", "16", "--optimizer", "sgd", "--workers", "0")
    rates = ("--lr", "0.1", "0.08", "0.12", "0.09", "1e-9", "1e-8")
    result = handstitch("search", *words, *rates, "--epochs", "4", "--prune", pruning)
    assert result.code == 0
    assert "the order of trials matters" in result.err
    trials = searches.load("runs/search").trials
    states = [trial.state for trial in trials]
    assert "pruned" in states[4:]
    lines = [line for line in result.err.splitlines() if "] Trial " in line]
    for place, (line, trial) in enumerate(zip(lines, trials, strict=True), 1):
        assert f"[{place}/{len(trials)}] Trial {trial.number}, " in line
        after = f", pruned after {len(trial.history)} ("
        assert (after in line) == (trial.state == "pruned") == ("pruned" in line)
    for trial in trials:
        assert (len(trial.history) == 4) == (trial.state == "complete")
    # What pruners know of trials that are finished is read from the folder, as the trials are.
    (Path("runs/search") / "study.db").unlink()
    before = [msgspec.structs.replace(trial, history=[], seconds=0.0) for trial in trials]
    for trial in trials[4:]:
        shutil.rmtree(Path("runs/search/trials") / f"{trial.number:04d}")
    assert handstitch("search", "--out", "runs/search", "--workers", "0").code == 0
    again = searches.load("runs/search").trials
    assert [msgspec.structs.replace(trial, history=[], seconds=0.0) for trial in again] == before
    # In parts or in one piece, a trial that reached its end is the same to the bit.
    whole = handstitch("search", *words, *rates, "--epochs", "4", "--out", "whole")
    assert whole.code == 0
    first = states.index("complete")
    weights = Path("trials", f"{first:04d}", "best.safetensors")
    assert Path("runs/search", weights).read_bytes() == Path("whole", weights).read_bytes()


def test_a_search_of_one_candidate_by_mistake_trains_nothing(handstitch):
    result = handstitch("search", "--out", "runs/mistyped")
    assert result.code == 2
    assert "there is nothing to search" in result.err
    assert not Path("runs/mistyped").exists()
