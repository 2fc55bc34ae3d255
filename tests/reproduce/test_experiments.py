"""The reproduction from beginning to end, on a small network and drawn data."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from handstitch import looks, reproduce, search
from handstitch.cli import run
from handstitch.data import sources
from handstitch.errors import Interrupted
from handstitch.reproduce import experiments, published

SEEDS = 2
EPOCHS = 4


@pytest.fixture(scope="module")
def small():
    """The report's settings on a small network; data and networks as small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_SKETCH", {"train": (240, 0), "test": (60, 1)})
        patch.setattr(experiments, "NETWORKS", ((8, 4, 4),))
        patch.setattr(experiments, "MORE_RATES", (0.002,))
        patch.setattr(experiments, "SLIGHT_DECAYS", (0.01, 0.1))
        config = replace(
            experiments.report_config(),
            dataset="sketch",
            hidden_sizes=(8, 4),
            epochs=EPOCHS,
            learning_rate=0.001,
            batch_size=16,
            threads=1,
        )
        patch.setattr(experiments, "report_config", lambda: config)
        yield config


def setup_in(folder, told=None, stop=None):
    told = [] if told is None else told
    return reproduce.Setup(
        folder=folder,
        seeds=SEEDS,
        engine=search.engines.serial,
        stop=stop or search.Stop(),
        begun=lambda stage, done, of: told.append((stage, done, of)),
    )


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    """(the folder, what came of it)."""
    folder = tmp_path_factory.mktemp("reproduction")
    return folder, reproduce.run(setup_in(folder))


class TestExperiments:
    def test_every_setting_has_its_seeds(self, done):
        _, stages = done
        assert len(stages.grid) == 9 * SEEDS
        assert sorted({t.parameters["learning_rate"] for t in stages.rates}) == [
            *published.RATES,
            0.002,
        ]
        decays = sorted({t.parameters["weight_decay"] for t in stages.decays})
        assert decays == [0.0, 0.01, 0.1]
        assert [t.parameters["hidden_sizes"] for t in stages.networks[::SEEDS]] == [
            [8, 4],
            [8, 4, 4],
        ]
        for trials in (stages.grid, stages.rates, stages.networks, stages.decays):
            assert {len(t.history) for t in trials} == {EPOCHS}
            settings = {t.setting for t in trials}
            assert all(sum(t.setting == s for t in trials) == SEEDS for s in settings)

    def test_repeated_runs_have_seeds_that_no_search_has_seen(self, done):
        _, stages = done
        searched = {t.seed for t in stages.grid}
        assert len(stages.runs) == SEEDS
        assert not searched & {each.seed for each in stages.runs}
        assert all(len(each.layers) == 3 for each in stages.runs)
        assert all(0 < each.test_accuracy <= 1 for each in stages.runs)

    def test_done_again_nothing_is_trained_and_the_test_set_is_not_looked_at(self, done):
        folder, before = done
        told: list[object] = []
        again = reproduce.run(setup_in(folder, told))
        assert told[:4] == [
            ("grid", 18, 18),
            ("decays", 4, 4),
            ("rates", 2, 2),
            ("networks", 2, 2),
        ]
        assert reproduce.findings(again) == reproduce.findings(before)
        for each in (folder / "repeated").iterdir():
            assert len(looks.read(each)) == 1

    def test_stopped_and_gone_on_with_it_comes_to_the_same(self, done, tmp_path):
        _, before = done
        stop = search.Stop()
        setup = setup_in(tmp_path, stop=stop)
        due = {("grid", 3), ("repeated", 1)}

        def after(stage, finished, of):
            if (stage, finished) in due:
                due.remove((stage, finished))
                stop.stop_asked = 2

        setup = type(setup)(
            folder=tmp_path, seeds=SEEDS, engine=setup.engine, stop=stop, after=after
        )
        for _ in range(2):
            with pytest.raises(Interrupted):
                reproduce.run(setup)
            stop.stop_asked = 0
        stages = reproduce.run(setup)
        assert reproduce.findings(stages) == reproduce.findings(before)

    def test_findings_have_the_report_beside_them(self, done):
        _, stages = done
        findings = reproduce.findings(stages)
        names = [each.claim.name for each in findings.observations]
        assert names == [
            *("C1", "C2", "C3", "C4a", "C4b", "C5a", "C5b", "C6", "C7a", "C7b", "C8a", "C8b", "C9"),
            *("W1.1", "W1.2", "W2.1", "W2.2", "W3.1", "W3.2", "W4", "W5"),
        ]
        report = {each.claim.name: each.report for each in findings.observations}
        assert report["C8a"] == 0.8846
        assert report["C8b"] == pytest.approx(0.0104)
        assert report["W4"] is None
        assert [each.claim.name for each in findings.future_work] == [
            *("F1", "F2", "F3 0.01", "F3 0.1")
        ]
        assert findings.trials == 13 * SEEDS  # those of the grid that serve again count once


class TestCommand:
    @pytest.fixture(autouse=True)
    def machine(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))

    def call(self, capsys, *words):
        code = run(["reproduce", "report", "--seeds", str(SEEDS), *words])
        return code, *capsys.readouterr()

    def test_page_pictures_and_table(self, done, capsys):
        folder, _ = done
        code, out, err = self.call(capsys, "--runs", str(folder), "--out", "x/page.md")
        assert code == 0, err
        assert out.count("cannot be told") + out.count("hold") >= 25
        text = Path("x/page.md").read_text("utf-8")
        assert text.startswith("# The report, reproduced\n")
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
        assert pictures == [
            f"page/{name}.png"
            for name in ("grid", "curves", "repeated", "rates", "networks", "decays")
        ]
        for each in pictures:
            assert Path("x", each).read_bytes()[:4] == b"\x89PNG"
        for claim in reproduce.findings(done[1]).observations:
            assert claim.claim.against in text
            assert claim.claim.measure in text
        assert str(folder) not in text
        assert self.call(capsys, "--runs", str(folder), "--out", "x/page.md")[0] == 0

    def test_json_is_one_object(self, done, capsys):
        import json

        folder, stages = done
        code, out, _ = self.call(capsys, "--runs", str(folder), "--json")
        assert code == 0
        found = json.loads(out)
        assert found["page"] == "docs/reproduction.md"
        verdicts = [each["claim"]["verdict"] for each in found["findings"]["observations"]]
        assert verdicts == [each.claim.verdict for each in reproduce.findings(stages).observations]

    def test_without_matplotlib_the_page_has_no_pictures(self, done, capsys, monkeypatch):
        from handstitch.figures import fonts

        def missing():
            raise fonts.MissingMatplotlibError("no picture can be drawn", found="no matplotlib")

        monkeypatch.setattr("handstitch.figures.style.require_matplotlib", missing)
        code, _, err = self.call(capsys, "--runs", str(done[0]), "--out", "page.md")
        assert code == 0
        assert "no picture can be drawn" in err
        assert "![" not in Path("page.md").read_text("utf-8")

    def test_a_file_of_somebody_elses_is_left_alone(self, done, capsys):
        Path("notes.md").write_text("mine")
        code, _, err = self.call(capsys, "--runs", str(done[0]), "--out", "notes.md")
        assert code == 2
        assert "this file holds something else" in err
        assert Path("notes.md").read_text() == "mine"

    @pytest.mark.parametrize(
        "words", [("--seeds", "0"), ("--seeds", "101"), ("--workers", "-1"), ("--out", ".")]
    )
    def test_what_cannot_be(self, capsys, words):
        code = run(["reproduce", "report", *words])
        _, err = capsys.readouterr()
        assert code == 2
        assert words[0] in err
        assert len(err.splitlines()) <= 6
