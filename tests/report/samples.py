"""Contents of runs for tests of the page: any classes, any names, without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handstitch import evaluation
from handstitch.config import Config
from handstitch.core.parameters import Parameters
from handstitch.records import EpochRecord, Evaluation, RunSummary
from handstitch.report.charts import Charts
from handstitch.report.gather import Predictions, RunContents
from handstitch.report.pictures import Gallery, Picture
from handstitch.runs.test_log import TestEvaluation
from handstitch.training import weights_digest
from tests.sample_models import sample

SHAPE = (4, 4)
CHARTS = (
    "curves", "confusion", "classes", "calibration", "worst", "pairs", "maps", "tiles",
    "before_after",
)  # fmt: skip


def make_history(epochs: int) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=epoch,
            train_loss=1 / epoch,
            train_accuracy=1 - 0.5 / epoch,
            val_loss=1.1 / epoch,
            val_accuracy=1 - 0.6 / epoch,
            l2_penalty=0.0,
            learning_rate=0.1,
            train_seconds=1.0,
            seconds=1.5,
            is_best=True,
        )
        for epoch in range(1, epochs + 1)
    ]


def make_evaluation(
    names: list[str], part: str = "test", n: int = 400, shape: tuple[int, ...] = SHAPE
) -> tuple[Evaluation, Predictions]:
    """Random answers to random images, right about every second time."""
    rng = np.random.default_rng(len(names))
    labels = rng.integers(len(names), size=n).astype(np.uint8)
    P = rng.dirichlet(np.ones(len(names)), size=n).astype(np.float32)
    right = rng.random(n) < 0.5
    P[right] = 0.9 * np.eye(len(names), dtype=np.float32)[labels[right]] + 0.1 * P[right]
    confusion = evaluation.confusion_matrix(labels, P.argmax(axis=1), len(names))
    correct = int(np.trace(confusion))
    found = Evaluation(
        dataset="sketch",
        part=part,
        n=n,
        correct=correct,
        accuracy=correct / n,
        accuracy_interval=evaluation.wilson_interval(correct, n),
        loss=0.7,
        temperature=1.25,
        calibration_error=evaluation.calibration_error(evaluation.calibration_bins(P, labels)),
        uncalibrated_error=0.25,
        confusion_matrix=confusion.tolist(),
        class_scores=evaluation.class_scores(confusion, tuple(names)),
        weights="best",
    )
    images = rng.integers(256, size=(n, *shape)).astype(np.uint8)
    return found, Predictions(images, labels, P, P, 1.25)


def make_contents(names: list[str] | None = None, **changes: Any) -> RunContents:
    """The contents of a finished run with a test evaluation."""
    names = names or ["left", "right"]
    model = sample((16, 5, len(names)), class_names=tuple(names), image_shape=SHAPE)
    drawn = changes.get("model") or model
    found, predictions = make_evaluation(names, shape=drawn.image_shape)
    digest = weights_digest(model.parameters.vector)
    facts: dict[str, Any] = {
        "folder": Path("runs", "train"),
        "config": Config.preset("plain", hidden_sizes=(5,), epochs=3),
        "summary": RunSummary(
            dataset="sketch",
            drawn=True,
            notice="",
            data_digest="0" * 64,
            train_images=900,
            val_images=100,
            sizes=[16, 5, len(names)],
            parameters=model.parameters.vector.size,
            epochs=3,
            best_epoch=3,
            best_val_accuracy=0.8,
            best_val_loss=0.36,
            train_seconds=3.0,
            seconds=4.5,
            threads=1,
            build={"numpy": "2.4.0"},
            processor="some processor",
        ),
        "history": make_history(3),
        "model": model,
        "initial": Parameters.random(model.parameters.sizes, np.random.default_rng(7)),
        "test_log": [
            TestEvaluation(
                time="2026-01-02T03:04:05+00:00",
                weights_digest=digest,
                weights="best",
                dataset="sketch",
                n=found.n,
                accuracy=found.accuracy,
            )
        ],
        "digest": digest,
        "evaluation": found,
        "predictions": predictions,
    }
    return RunContents(**(facts | changes))


def make_charts(words: str = "words", names: Sequence[str] = CHARTS) -> Charts:
    """Every chart in its place, and nothing in it."""
    charts = Charts("en")
    for name in names:
        picture = Picture("data:image/png;base64,", words, (words,))
        charts.named[name].append(Gallery("maps", [picture], words, limit="1"))
    return charts
