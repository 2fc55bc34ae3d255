"""A run that holds nothing out: the last epoch is kept, and nothing shows a figure it has not."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import numpy as np
import pytest
from matplotlib.text import Text

import handstitch as hs
from handstitch import figures, report, runs, search, storage
from handstitch.errors import ConfigError, DivergedError
from handstitch.insight import weights
from handstitch.model import load_model
from handstitch.records import RunSummary
from handstitch.runs.folder import BEST, CARD, HISTORY, LAST, LOG, SUMMARY
from handstitch.runs.history import recorded_epochs
from tests.runs.test_start_from import SETTINGS, make_dataset

CONFIG = hs.Config(epochs=3, validation=0, **SETTINGS)


@pytest.fixture
def run(tmp_path: Path) -> hs.Run:
    return hs.train(CONFIG, make_dataset(), tmp_path / "run")


def test_all_images_train_and_the_last_epoch_is_kept(run: hs.Run) -> None:
    assert len(run.trainer.batches.train_indices) == 90
    history = run.state.history
    assert [record.is_best for record in history] == [True] * 3
    assert {(record.val_loss, record.val_accuracy) for record in history} == {(None, None)}
    best, last = (load_model(run.folder / name) for name in (BEST, LAST))
    assert np.array_equal(best.parameters.vector, last.parameters.vector)
    assert len(best.history) == 3
    summary = storage.read_record(run.folder / SUMMARY, RunSummary)
    assert (summary.val_images, summary.best_epoch, summary.best_val_loss) == (0, 3, None)


def test_the_tables_are_read_again_as_they_were(run: hs.Run) -> None:
    assert recorded_epochs(run.folder) == run.state.history
    (run.folder / HISTORY).unlink()
    timeless = [
        msgspec.structs.replace(record, train_seconds=0.0, seconds=0.0)
        for record in run.state.history
    ]
    assert recorded_epochs(run.folder) == timeless
    lines = (run.folder / LOG).read_text().splitlines()
    assert len(lines) == 3
    assert not any("Val" in line or "best" in line for line in lines)


def test_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "handstitch"):
        runs.create(CONFIG, make_dataset(), tmp_path / "run")
    assert "no image is held out for validation: the last epoch is kept" in caplog.messages
    assert not any("decided by chance" in message for message in caplog.messages)


def test_a_killed_run_resumes_to_the_same_bits(run: hs.Run, tmp_path: Path) -> None:
    with runs.create(CONFIG, make_dataset(), tmp_path / "killed") as killed:
        next(killed.train())
    hs.resume(tmp_path / "killed", make_dataset())
    for name in (BEST, LAST):
        assert (tmp_path / "killed" / name).read_bytes() == (run.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"patience": 2}, "early stopping"), ({"schedule": "plateau"}, "the schedule plateau")],
    ids=["patience", "plateau"],
)
def test_what_waits_for_validation_is_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hs.Config(validation=0, **settings)  # type: ignore[arg-type]
    assert reason in str(caught.value.wanted)
    assert caught.value.fix == "for example: validation = 0.1"


def test_divergence_is_still_found() -> None:
    config = hs.Config(validation=0, optimizer="sgd", learning_rate=1e20, epochs=2, **SETTINGS)
    with pytest.raises(DivergedError):
        hs.Trainer(config, make_dataset()).fit()


def test_a_search_has_nothing_to_rank_by() -> None:
    with pytest.raises(ConfigError, match="needs validation images"):
        search.make(CONFIG, {"learning_rate": [0.1, 0.2]})
    with pytest.raises(ConfigError, match="needs validation images"):
        search.make(hs.Config(), {"validation": [0.1, 0.0]})


def test_card_and_page_claim_nothing(run: hs.Run) -> None:
    card = (run.folder / CARD).read_text()
    assert "| selected | epoch 3, the last: no image was held out for validation |\n" in card
    assert "validation accuracy" not in card
    assert "how\ngood they are is unknown" in card
    written = report.make(run.folder)
    page = written.page.read_text()
    assert "No validation: not measured yet" in page
    assert "after epoch 3, the last" in page
    assert "90 for training, none held out" in page
    assert "None" not in page
    assert written.missing == []
    assert "没有验证集" in report.make(run.folder, "zh").page.read_text()


def test_curves_are_those_of_training(run: hs.Run) -> None:
    drawn = figures.curves(run.state.history)
    (legend,) = figures.curves(run.state.history, "course").legends
    for texts in (drawn.findobj(Text), legend.get_texts()):
        said = " ".join(text.get_text() for text in texts).lower()
        assert "training" in said
        assert "val" not in said
        assert "best" not in said


def test_insight_takes_all_images(run: hs.Run) -> None:
    model = load_model(run.folder / BEST)
    result = weights(model, make_dataset(), copies=19)
    assert result.images == "all 90 training images of arrays"
    assert result.val_accuracy is None
