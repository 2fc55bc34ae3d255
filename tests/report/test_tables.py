"""Tables of the page: each row has the numbers of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from handstitch.records import RunSummary
from handstitch.report import tables
from handstitch.report.charts import draw_charts
from handstitch.report.languages import words
from tests.report.samples import make_contents, make_history

ENGLISH = words("en")


def summary_of(**changes: object) -> RunSummary:
    summary = make_contents().summary
    assert summary is not None
    return msgspec.structs.replace(summary, **changes)


def by_name(rows: tables.Rows) -> dict[str, str]:
    return {row[0]: row[1] for row in rows}


def test_layers_are_counted_from_1_with_the_figures_of_their_weights() -> None:
    found = make_contents()
    assert found.model is not None
    assert found.initial is not None
    for number, (row, W, W0) in enumerate(
        zip(
            tables.layers(found),
            found.model.parameters.weights,
            found.initial.weights,
            strict=True,
        ),
        1,
    ):
        wanted = [f"{W0.std():.4f}", f"{W.std():.4f}", f"{W.min():.4f}", f"{W.max():.4f}"]
        assert row[0] == str(number)
        assert row[1] == f"{W.shape[0]} × {W.shape[1]}"
        assert list(row[2:]) == [each.replace("-", "−") for each in wanted]
    assert [row[2] for row in tables.layers(replace(found, initial=None))] == ["–", "–"]
    assert tables.layers(replace(found, model=None)) == []


def test_machine_and_build_are_the_runs_and_without_a_summary_the_models() -> None:
    found = make_contents(summary=summary_of(threads=3))
    rows = by_name(tables.build(found, ENGLISH))
    assert rows[ENGLISH.processor] == "some processor"
    assert rows[ENGLISH.threads] == "3"
    assert "2.4.0" in rows.values()
    assert rows[ENGLISH.digest] == "0" * 64
    assert rows[ENGLISH.weights_digest] == found.digest
    assert found.model is not None
    model = msgspec.structs.replace(found.model, versions={"numpy": "1.2.3"})
    rest = tables.build(replace(found, summary=None, model=model), ENGLISH)
    assert [value for _, value in rest] == ["1.2.3", found.digest]


@pytest.mark.parametrize(
    ("epochs", "is_finished", "is_resumable"),
    [(2, False, True), (3, False, False), (2, True, False), (3, True, False)],
)
def test_a_run_that_ended_early_or_at_its_last_epoch_is_not_to_be_resumed(
    epochs: int, is_finished: bool, is_resumable: bool
) -> None:
    summary = summary_of(epochs=epochs) if is_finished else None
    found = make_contents(history=make_history(epochs), summary=summary)
    commands = tables.commands(found, ENGLISH)
    assert (ENGLISH.command_resume in commands) == is_resumable
    assert commands[ENGLISH.command_test] == "handstitch test runs/train"
    assert commands[ENGLISH.command_report] == "handstitch report runs/train"
    chinese = words("zh")
    assert tables.commands(found, chinese)[chinese.command_report].endswith(" --lang zh")


def test_a_folder_within_the_present_one_is_named_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, shown in ((tmp_path / "runs" / "a", "runs/a"), (tmp_path.parent / "b c", "'b c'")):
        commands = tables.commands(make_contents(folder=folder), ENGLISH)
        assert commands[ENGLISH.command_test] == f"handstitch test {shown}"


@pytest.mark.parametrize(
    ("surplus", "said"), [(0.2, "over"), (0.005, "over"), (-0.005, "under"), (-0.2, "under")]
)
def test_confidence_above_the_accuracy_is_too_much(surplus: float, said: str) -> None:
    found = make_contents()
    assert found.evaluation is not None
    assert found.predictions is not None
    found.predictions.P[:] = [found.evaluation.accuracy + surplus, 0]
    error, sentence = tables.calibration(found, ENGLISH)
    for figure in ("calibration_error", "uncalibrated_error", "temperature"):
        assert f"{getattr(found.evaluation, figure):.3f}" in error
    template = getattr(ENGLISH, f"calibration_{said}")
    assert sentence == template.format(points=100 * abs(surplus))


def test_the_reliability_diagram_stands_before_and_after_the_temperature() -> None:
    named = draw_charts(make_contents(), ENGLISH, "en").named
    before, after = map(str, named["calibration"])
    assert "temperature 1.000" in before
    assert "temperature 1.250" in after


def test_of_many_tests_the_first_and_the_last_nineteen_are_listed() -> None:
    found = make_contents()
    (test,) = found.test_log
    for count, numbers in ((20, range(1, 21)), (21, [1, *range(3, 22)]), (500, None)):
        rows = tables.test_log(replace(found, test_log=[test] * count), ENGLISH)
        wanted = numbers or [1, *range(482, 501)]
        assert [int(row[0]) for row in rows] == list(wanted)
    other = msgspec.structs.replace(test, weights_digest="f" * 64, weights="last")
    mine, not_mine = tables.test_log(replace(found, test_log=[test, other]), ENGLISH)
    assert mine[1:3] == ("2026-01-02 03:04:05", ENGLISH.best_weights)
    assert not_mine[2] == ENGLISH.last_weights
    assert (mine[4], not_mine[4]) == (ENGLISH.yes, ENGLISH.no)


def test_the_headline_is_of_the_evaluation_then_the_summary_then_the_history() -> None:
    found = make_contents()
    assert found.evaluation is not None
    told = tables.headline(found, ENGLISH)
    assert told is not None
    assert told["accuracy"] == f"{100 * found.evaluation.accuracy:.2f} %"
    assert (ENGLISH.loss, "0.7000") in told["facts"]
    assert (ENGLISH.guessing, "50.00 %") in told["facts"]
    told = tables.headline(replace(found, evaluation=None), ENGLISH)
    assert told is not None
    assert (told["accuracy"], told["facts"][1]) == ("80.00 %", (ENGLISH.loss, "0.3600"))
    for summary in (None, summary_of(best_epoch=0)):
        told = tables.headline(replace(found, evaluation=None, summary=summary), ENGLISH)
        assert told is not None
        assert (told["accuracy"], told["of"], told["interval"]) == ("80.00 %", "", "")
    assert (
        tables.headline(replace(found, evaluation=None, summary=None, history=[]), ENGLISH) is None
    )


def test_facts_of_a_run_and_of_one_without_weights() -> None:
    found = make_contents()
    assert found.model is not None
    rows = by_name(tables.facts(found, ENGLISH))
    assert "900" in rows[ENGLISH.data]
    assert "16 - 5 - 2" in rows[ENGLISH.network]
    assert rows[ENGLISH.parameters] == str(found.model.parameters.vector.size)
    assert "3" in rows[ENGLISH.epochs]
    assert rows[ENGLISH.seconds] == ENGLISH.seconds_value.format(seconds=4.5)
    bare_run = replace(found, model=None, summary=None, history=[])
    bare = by_name(tables.facts(bare_run, ENGLISH))
    assert "… - 5 - …" in bare[ENGLISH.network]
    assert {ENGLISH.parameters, ENGLISH.selected, ENGLISH.seconds}.isdisjoint(bare)
    assert bare[ENGLISH.data] == "auto"


def test_classes_stand_in_the_order_of_their_f1_and_mistakes_in_that_of_their_number() -> None:
    found = make_contents(["a", "b", "c"])
    assert found.evaluation is not None
    matrix = np.array(found.evaluation.confusion_matrix)
    f1 = [float(row[3]) for row in tables.classes(found, ENGLISH)]
    assert f1 == sorted(f1)
    assert {row[0]: row[4] for row in tables.classes(found, ENGLISH)} == {
        name: str(total) for name, total in zip("abc", matrix.sum(axis=1), strict=True)
    }
    counts = [int(row[2]) for row in tables.confused(found, ENGLISH)]
    assert counts == sorted(counts, reverse=True)
    for true, predicted, count, share in tables.confused(found, ENGLISH):
        row = "abc".index(true)
        assert int(count) == matrix[row, "abc".index(predicted)]
        assert share == f"{100 * int(count) / matrix[row].sum():.2f} %"
    nothing = replace(found, evaluation=None)
    assert tables.classes(nothing, ENGLISH) == tables.confused(nothing, ENGLISH) == []
    assert tables.calibration(nothing, ENGLISH) == []
