"""A run that is given more epochs: the bytes of one that had them from the start."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch as hs
from handstitch import runs
from handstitch.errors import ConfigError
from handstitch.runs.folder import BEST, CONFIG, HISTORY, LAST, SUMMARY

SETTINGS: dict[str, Any] = {"hidden_sizes": (12, 6), "batch_size": 16, "threads": 1}
UNDISTURBED = [
    {"schedule": "constant"},
    {"schedule": "step", "decay_epochs": 1.0},
    {"schedule": "constant", "optimizer": "momentum", "dropout": 0.0},
    {"schedule": "plateau", "plateau_patience": 1},
]


def make_dataset() -> hs.Dataset:
    rng = np.random.default_rng(5)
    labels = np.arange(90) % 3
    images = rng.integers(0, 60, (90, 5, 4)) + 80 * (labels == 1)[:, None, None]
    images[labels == 2, :2] += 90
    return hs.Dataset.from_arrays(images.astype(np.uint8), labels)


def timeless(folder: Path) -> list[dict[str, str]]:
    with (folder / HISTORY).open() as file:
        return [
            {name: text for name, text in row.items() if "seconds" not in name}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("extra", UNDISTURBED, ids=lambda extra: "-".join(map(str, extra.values())))
def test_a_finished_run_with_more_epochs_has_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, extra: dict[str, Any]
) -> None:
    data = make_dataset()
    settings = SETTINGS | extra
    hs.train(hs.Config(epochs=5, **settings), data, tmp_path / "whole")
    hs.train(hs.Config(epochs=2, **settings), data, tmp_path / "grown")
    run = hs.resume(tmp_path / "grown", data, epochs=5)
    assert run.state.epoch == 5
    assert run.summary().epochs == 5
    for name in (CONFIG, BEST, LAST):
        assert (tmp_path / "grown" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert timeless(tmp_path / "grown") == timeless(tmp_path / "whole")


def test_an_unfinished_run_is_given_more_epochs(tmp_path: Path) -> None:
    data = make_dataset()
    settings = SETTINGS | {"schedule": "constant"}
    hs.train(hs.Config(epochs=4, **settings), data, tmp_path / "whole")
    with runs.create(hs.Config(epochs=3, **settings), data, tmp_path / "grown") as run:
        next(run.train())
    hs.resume(tmp_path / "grown", data, epochs=4)
    assert (tmp_path / "grown" / BEST).read_bytes() == (tmp_path / "whole" / BEST).read_bytes()


def test_a_jump_of_the_rate_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = make_dataset()
    config = hs.Config(epochs=2, schedule="cosine", learning_rate=0.01, **SETTINGS)
    hs.train(config, data, tmp_path / "run")
    with caplog.at_level(logging.INFO, "handstitch"):
        hs.resume(tmp_path / "run", data, epochs=4)
    told = [message for message in caplog.messages if "in place of" in message]
    # Of 4 epochs with 6 steps, the first 3 are the warm-up: step 12 is at 9/20 of the cosine.
    next_rate = 0.01 * (1 + np.cos(np.pi * 9 / 20)) / 2
    (line,) = told
    assert line.startswith("4 epochs in place of 2: the cosine schedule is that of 4 epochs, ")
    assert line.endswith(f"the learning rate goes from 0 to {next_rate:.3g}")


def test_a_kill_after_the_extension_resumes_as_the_longer_run(tmp_path: Path) -> None:
    data = make_dataset()
    settings = SETTINGS | {"schedule": "constant"}
    hs.train(hs.Config(epochs=4, **settings), data, tmp_path / "whole")
    hs.train(hs.Config(epochs=1, **settings), data, tmp_path / "grown")
    with runs.reopen(tmp_path / "grown", {"epochs": 4}, data=data) as run:
        next(run.train())
    assert not (tmp_path / "grown" / SUMMARY).exists()
    hs.resume(tmp_path / "grown", data)
    assert (tmp_path / "grown" / BEST).read_bytes() == (tmp_path / "whole" / BEST).read_bytes()
    assert (tmp_path / "grown" / SUMMARY).exists()


def test_fewer_epochs_are_refused_and_change_nothing(tmp_path: Path) -> None:
    data = make_dataset()
    hs.train(hs.Config(epochs=3, **SETTINGS), data, tmp_path / "run")
    before = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}
    with pytest.raises(ConfigError) as caught:
        hs.resume(tmp_path / "run", data, epochs=2)
    assert (caught.value.found, caught.value.wanted) == ("epochs = 2", "epochs = 3")
    assert before == {file: file.read_bytes() for file in before}
