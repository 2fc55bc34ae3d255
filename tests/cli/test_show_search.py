"""`show SEARCH` and `train --from-search`: what a search found, and its winner trained."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import msgspec
import pytest

from handstitch import search
from handstitch.config.messages import format_value, plural
from handstitch.model import load_model
from handstitch.runs import test_log
from handstitch.runs.history import read_records
from handstitch.storage import disk
from tests.cli.conftest import Handstitch, written

SEARCH = (
    "search", "--dataset", "sketch", "--hidden", "8", "--epochs", "2", "--workers", "0",
    "--receptive-field", "none", "--shift", "0", "--warmup", "0",
)  # fmt: skip
FOLDER = Path("runs", "grid")


@pytest.fixture
def searched(handstitch: Handstitch, kept: Path) -> Path:
    """A grid of four candidates with two seeds each, on drawn data. Rate 1e-9 learns nothing."""
    rates = ("--lr", "1e-9", "0.01", "--dropout", "0", "0.1")
    words = (*SEARCH, *rates, "--seeds", "2", "--out", str(FOLDER))
    return written(handstitch, kept, FOLDER, *words)


def heads(text: str) -> list[str]:
    """The epochs in the heads of the table's columns, from left to right."""
    line = next(line for line in text.splitlines() if {"best", "last"} <= set(line.split()))
    return [word for word in line.split() if word in {"best", "last"}]


class TestShow:
    def test_table_words_and_what_to_do_next(self, handstitch, searched):
        result = handstitch("show", str(searched))
        assert result.code == 0, result.err
        assert "4 candidates × 2 seeds on sketch, drawn data" in result.out
        assert result.out.count("1e-09") == 2
        best = search.winner(search.load(searched))[1].candidates[0]
        (row,) = [line for line in result.out.splitlines() if line.split()[:1] == ["highest"]]
        assert {format_value(best.parameters[name]) for name in best.parameters} < {*row.split()}
        assert f"{best.mean:.4f}" in row
        assert "Main effects of a full grid" in result.out
        assert "standard error" in result.out
        assert "interval" not in result.out  # of two seeds
        assert f"handstitch train --from-search {searched}\n" in result.out
        files = " ".join(result.out.partition(f"Written to {searched}: ")[2].split())
        assert files.startswith("candidates.csv, pictures/parameters.png, pictures/heat_map.png, ")
        assert heads(result.out) == ["best", "last"]

    def test_json_candidates_are_those_of_any_other_search_alike(self, handstitch, searched):
        first = handstitch("show", str(searched), "--json").json
        rates = ("--lr", "1e-9", "0.01", "--dropout", "0", "0.1")
        assert handstitch(*SEARCH, *rates, "--seeds", "2", "--out", "elsewhere").code == 0
        again = handstitch("show", "elsewhere", "--json").json
        assert first["candidates"] == again["candidates"]
        assert len(first["candidates"]) == 4
        keys = set(first["candidates"][0])
        assert keys >= {
            "parameters",
            "seeds",
            "mean",
            "interval",
            "indistinguishable",
            "best_epoch_accuracy",
        }
        assert not [
            key for key in keys if {"seconds", "time", "path", "worker"} & {*key.split("_")}
        ]
        assert first["winner"] == first["candidates"][0]["candidate"]
        assert first["words"]

    def test_candidates_csv_has_every_candidate(self, handstitch, searched):
        shown = handstitch("show", str(searched), "--json").json
        rows = list(csv.DictReader((searched / "candidates.csv").read_text().splitlines()))
        assert [int(row["candidate"]) for row in rows] == [
            s["candidate"] for s in shown["candidates"]
        ]
        assert [float(row["mean"]) for row in rows] == [s["mean"] for s in shown["candidates"]]
        assert rows[-1]["learning_rate"] == "1e-09"

    def test_pictures_are_written(self, handstitch, searched):
        result = handstitch("show", str(searched))
        names = sorted(each.name for each in (searched / "pictures").iterdir())
        assert names == ["curves.png", "heat_map.png", "parallel.png", "parameters.png"]
        assert "pictures/curves.png" in result.out

    def test_by_last_epoch(self, handstitch, searched):
        shown = handstitch("show", str(searched), "--by", "last", "--json").json
        assert shown["by"] == "last"
        assert [s["mean"] for s in shown["candidates"]] == [
            s["last_epoch_accuracy"] for s in shown["candidates"]
        ]
        result = handstitch("show", str(searched), "--by", "last")
        assert heads(result.out) == ["last", "best"]
        assert result.out.endswith(f"handstitch train --from-search {searched} --by last\n")

    def test_a_folder_that_cannot_be_written_is_shown_all_the_same(
        self, handstitch, searched, monkeypatch
    ):
        class ReadOnly(disk.Files):
            def open(self, path: Path, flags: int) -> int:
                if flags & os.O_CREAT:
                    raise PermissionError(13, "Permission denied", str(path))
                return super().open(path, flags)

        monkeypatch.setattr(disk, "files", ReadOnly())
        result = handstitch("show", str(searched))
        assert result.code == 0
        assert "candidates.csv is not written" in result.err
        assert "highest" in result.out

    def test_what_does_not_go_with_a_search_or_without(self, handstitch, trained, searched):
        result = handstitch("show", str(trained), "--by", "last")
        assert result.code == 2
        assert "--by is for searches" in result.err
        result = handstitch("show", str(searched), "--out", "x.png")
        assert result.code == 2
        assert "a search has several pictures" in result.err

    def test_no_trial(self, handstitch, searched):
        for trial in (searched / "trials").glob("*/trial.json"):
            trial.unlink()
        result = handstitch("show", str(searched))
        assert result.code == 2
        assert "no finished trial yet" in result.err
        assert f"handstitch search --out {searched}" in result.err

    def test_failed_trials_are_named(self, handstitch):
        rates = ("--lr", "0.01", "1e30")
        assert handstitch(*SEARCH, *rates, "--seeds", "2", "--out", "runs/wild").code == 0
        result = handstitch("show", "runs/wild")
        assert result.code == 0, result.err
        assert "Not compared: --learning-rate 1e+30: 2 of 2 trials failed" in result.out


class TestFromSearch:
    def test_the_winner_is_trained_and_the_run_remembers(self, handstitch, searched):
        shown = handstitch("show", str(searched), "--json").json
        result = handstitch("train", "--from-search", str(searched))
        assert result.code == 0, result.err
        best = shown["candidates"][0]
        assert f"over 2 seeds: {best['mean']:.4f}, the highest of 4 candidates" in result.err
        assert "chosen by mean validation accuracy of the best epoch" in result.err
        others = sum(bool(one["indistinguishable"]) for one in shown["candidates"]) - 1
        assert others > 0
        assert f"indistinguishable from {plural(others, 'other candidate')}" in result.err
        assert f"\n  handstitch show {searched}\n" in result.err
        run = Path("runs", "train")
        values = read_records(run)
        assert len(values) == 2
        config = load_model(run / "weights" / "best.safetensors").config
        assert config["learning_rate"] == best["parameters"]["learning_rate"]
        assert search.search_of(run) == searched

    def test_the_run_is_the_winners_first_trial_to_the_bit(self, handstitch, searched):
        handstitch("train", "--from-search", str(searched))
        _, ranking = search.winner(search.load(searched))
        winner = ranking.candidates[0].number
        trial = searched / "trials" / f"{2 * winner:04d}" / "best.safetensors"
        run = Path("runs", "train", "weights", "best.safetensors")
        one, other = (load_model(each) for each in (trial, run))
        assert (one.parameters.vector == other.parameters.vector).all()

    def test_settings_that_were_not_searched_may_change(self, handstitch, searched):
        result = handstitch(
            "train", "--from-search", str(searched), "--epochs", "1", "--out", "x/y"
        )
        assert result.code == 0, result.err
        assert len(read_records(Path("x/y"))) == 1
        assert search.search_of(Path("x/y")) == searched

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--lr", "0.5"), "chosen by the search"),
            (("--preset", "course"), "cannot be used together"),
            (("--resume", "runs/train"), "cannot be used together"),
        ],
    )
    def test_what_does_not_go_with_it(self, handstitch, searched, words, said):
        result = handstitch("train", "--from-search", str(searched), *words)
        assert result.code == 2
        assert said in result.err
        if said == "chosen by the search":
            assert "found   --learning-rate\n" in result.err
            assert f"leave them out: handstitch train --from-search {searched}\n" in result.err
        assert not Path("runs", "train").exists()

    def test_by_needs_a_search(self, handstitch):
        result = handstitch("train", "--by", "last")
        assert result.code == 2
        assert "--from-search" in result.err

    def test_a_search_without_winner(self, handstitch):
        handstitch(*SEARCH, "--lr", "1e29", "1e30", "--out", "runs/wild")
        result = handstitch("train", "--from-search", "runs/wild")
        assert result.code == 2
        assert "no winner yet" in result.err


class TestLooks:
    def test_a_look_is_noted_in_run_and_search(self, handstitch, searched):
        handstitch("train", "--from-search", str(searched))
        first = handstitch("test", "runs/train")
        assert first.code == 0, first.err
        assert "This is test evaluation 1 of this run.\n" in first.out
        assert "This is test evaluation 1 of its search.\n" in first.out
        handstitch("train", "--from-search", str(searched), "--by", "last")
        second = handstitch("test", "runs/train-2", "--json").json
        assert (second["test_evaluation"], second["test_evaluation_of_search"]) == (1, 2)
        assert len(test_log.read(searched).evaluations) == 2

    def test_a_trials_own_weights_are_a_look_at_the_search(self, handstitch, searched):
        weights = searched / "trials" / "0001" / "best.safetensors"
        found = handstitch("test", str(weights), "--json").json
        assert (found["test_evaluation"], found["test_evaluation_of_search"]) == (None, 1)

    def test_a_search_that_is_gone_is_no_trouble(self, handstitch, searched):
        handstitch("train", "--from-search", str(searched))
        searched.rename("away")
        found = handstitch("test", "runs/train", "--json").json
        assert (found["test_evaluation"], found["test_evaluation_of_search"]) == (1, None)

    @pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"search": 3}'])
    def test_a_damaged_note_is_no_trouble(self, handstitch, searched, content):
        handstitch("train", "--from-search", str(searched))
        Path("runs", "train", "origin.json").write_bytes(content)
        assert handstitch("test", "runs/train", "--json").json["test_evaluation_of_search"] is None

    def test_the_note_has_no_place_of_this_machine(self, handstitch, searched):
        handstitch("train", "--from-search", str(searched.absolute()))
        note = msgspec.json.decode(Path("runs", "train", "origin.json").read_bytes())
        assert note["search"] == "../grid"
