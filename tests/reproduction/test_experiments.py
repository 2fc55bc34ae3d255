"""The reproduction from beginning to end, on a small network and drawn data."""

from __future__ import annotations

import json
import logging
import re
import shlex
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from handstitch import search
from handstitch.data import loading
from handstitch.errors import Interrupted
from handstitch.runs import test_log
from reproduction import experiments, published
from reproduction.__main__ import arguments, main
from reproduction.judgement import judge
from tests.test_docs import named

SEEDS = 2
EPOCHS = 4


@pytest.fixture(scope="module")
def small():
    """The report's settings on a small network; data and networks as small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_SKETCH", {"train": (240, 0), "test": (60, 1)})
        patch.setattr(experiments, "NETWORKS", ((8, 4, 4),))
        patch.setattr(experiments, "MORE_RATES", (0.002,))
        patch.setattr(experiments, "SLIGHT_DECAYS", (0.01, 0.1))
        config = replace(
            experiments.course_config(),
            dataset="sketch",
            hidden_sizes=(8, 4),
            epochs=EPOCHS,
            learning_rate=0.001,
            batch_size=16,
        )
        patch.setattr(experiments, "course_config", lambda: config)
        yield


def make_setup(folder):
    return experiments.Setup(folder=folder, seeds=SEEDS, workers=search.executors.serial)


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    """(the folder, what came of it)."""
    folder = tmp_path_factory.mktemp("reproduction")
    return folder, experiments.run(make_setup(folder))


class TestExperiments:
    def test_every_candidate_has_its_seeds(self, done):
        _, results = done
        assert len(results.grid) == 9 * SEEDS
        assert sorted({t.parameters["learning_rate"] for t in results.rates}) == [
            *published.RATES,
            0.002,
        ]
        decays = sorted({t.parameters["weight_decay"] for t in results.decays})
        assert decays == [0.0, 0.01, 0.1]
        assert [t.parameters["hidden_sizes"] for t in results.networks[::SEEDS]] == [
            [8, 4],
            [8, 4, 4],
        ]
        for trials in (results.grid, results.rates, results.networks, results.decays):
            assert {len(t.history) for t in trials} == {EPOCHS}
            assert [t.candidate for t in trials[::SEEDS]] == list(range(len(trials) // SEEDS))
            assert [t.repeat for t in trials] == list(range(SEEDS)) * (len(trials) // SEEDS)
        assert results.rates[0].parameters == {"learning_rate": published.CHOSEN[0]}
        assert results.trials == 13 * SEEDS  # those of the grid that serve again count once

    def test_repeated_runs_have_seeds_that_no_search_has_seen(self, done):
        _, results = done
        searched = {t.seed for t in results.grid}
        assert len(results.runs) == SEEDS
        assert not searched & {each.seed for each in results.runs}
        assert all(len(each.layers) == 3 for each in results.runs)
        assert all(0 < each.test_accuracy <= 1 for each in results.runs)

    def test_done_again_nothing_is_trained_and_nothing_tested(self, done, caplog):
        caplog.set_level(logging.INFO, "reproduction")
        folder, before = done
        again = experiments.run(make_setup(folder))
        assert caplog.messages == [
            *("grid [18/18]", "decays [4/4]", "rates [2/2]", "networks [2/2]"),
            *("repeated [1/2]", "repeated [2/2]"),
        ]
        assert judge(again) == judge(before)
        for each in (folder / "repeated").iterdir():
            assert len(test_log.read(each).evaluations) == 1

    def test_stopped_and_gone_on_with_it_comes_to_the_same(self, done, tmp_path, monkeypatch):
        due = {("grid", 3), ("repeated", 1)}

        def stop_when_due(stage, finished, of):
            if (stage, finished) in due:
                due.remove((stage, finished))
                setup.stop.stop_asked = signal.SIGINT

        monkeypatch.setattr(experiments, "_log_progress", stop_when_due)
        setup = make_setup(tmp_path)
        for _ in range(2):
            with pytest.raises(Interrupted):
                experiments.run(setup)
            setup.stop.stop_asked = 0
        assert judge(experiments.run(setup)) == judge(done[1])

    def test_claims_have_the_report_beside_them(self, done):
        judgement = judge(done[1])
        report = {each.claim.name: each.report for each in judgement.observations}
        assert list(report) == [
            *("C1", "C2", "C3", "C4a", "C4b", "C5a", "C5b", "C6", "C7a", "C7b", "C8a", "C8b", "C9"),
            *("W1.1", "W1.2", "W2.1", "W2.2", "W3.1", "W3.2", "W4", "W5"),
        ]
        assert report["C8a"] == 0.8846
        assert report["C8b"] == pytest.approx(0.0104)
        assert report["W4"] is None
        assert [each.claim.name for each in judgement.future_work] == [
            *("F1", "F2", "F3 0.01", "F3 0.1")
        ]


class TestCommand:
    @pytest.fixture(autouse=True)
    def machine(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))

    def call(self, capsys, *words):
        code = main(["--seeds", str(SEEDS), "--workers", "0", *map(str, words)])
        return code, *capsys.readouterr()

    def test_page_pictures_and_list(self, done, capsys):
        folder, results = done
        code, out, err = self.call(capsys, "--runs", folder, "--out", "x/page.md")
        assert code == 0, err
        assert out.count("inconclusive") + out.count("hold") >= 25
        text = Path("x/page.md").read_text("utf-8")
        assert text.startswith("# The report, reproduced\n")
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
        assert pictures == [
            f"page/{name}.png"
            for name in ("grid", "curves", "repeated", "rates", "networks", "decays")
        ]
        for each in pictures:
            assert Path("x", each).read_bytes()[:4] == b"\x89PNG"
        for each in judge(results).observations:
            assert each.claim.against in text
            assert each.claim.measure in text
        assert str(folder) not in text
        assert self.call(capsys, "--runs", folder, "--out", "x/page.md")[0] == 0

    def test_json_is_one_object(self, done, capsys):
        folder, results = done
        code, out, _ = self.call(capsys, "--runs", folder, "--json")
        assert code == 0
        found = json.loads(out)
        assert found["page"] == "docs/reproduction.md"
        verdicts = [each["effect"]["verdict"] for each in found["judgement"]["observations"]]
        assert verdicts == [each.effect.verdict for each in judge(results).observations]

    def test_a_file_of_somebody_elses_is_left_alone(self, done, capsys):
        Path("notes.md").write_text("mine")
        code, _, err = self.call(capsys, "--runs", done[0], "--out", "notes.md")
        assert code == 2
        assert "the page would replace something else" in err
        assert len(err.splitlines()) <= 6
        assert Path("notes.md").read_text() == "mine"
        assert self.call(capsys, "--out", ".")[0] == 2

    @pytest.mark.parametrize(
        "words", [("--seeds", "0"), ("--seeds", "101"), ("--workers", "-1"), ("--workers", "x")]
    )
    def test_invalid_numbers_are_refused(self, capsys, words):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert words[0] in capsys.readouterr().err

    def test_the_page_s_own_command_is_one_that_it_takes(self):
        page = Path(__file__).parents[2] / "docs" / "reproduction.md"
        ((target, flags),) = named("make", page.read_text("utf-8"))
        assert target == "reproduce"
        assert arguments().parse_args(shlex.split(flags.removeprefix("ARGS="))).seeds == 5
