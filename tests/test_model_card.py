from __future__ import annotations

from typing import Any

import msgspec
import pytest

from handstitch import model_card
from handstitch.config import Config
from handstitch.records import RunSummary

SUMMARY = RunSummary(
    dataset="fashion-mnist",
    drawn=False,
    notice="",
    data_digest="0" * 64,
    train_images=54_000,
    val_images=6_000,
    sizes=[784, 512, 256, 10],
    parameters=535_818,
    epochs=10,
    best_epoch=9,
    best_val_accuracy=0.89123,
    best_val_loss=0.30456,
    train_seconds=9.0,
    seconds=10.04,
    threads=2,
    build={"numpy": "2.4.6", "blas": "openblas Haswell"},
    processor="some processor",
)


def card(config: Config | None = None, **changes: Any) -> str:
    return model_card.write(msgspec.structs.replace(SUMMARY, **changes), config or Config())


def test_a_card_has_the_figures_of_the_run() -> None:
    text = card()
    assert text.startswith("# A network for fashion-mnist\n")
    for words in (
        "784 - 512 - 256 - 10, activation relu, 535,818 parameters",
        "54,000 images of fashion-mnist, 10 epochs",
        "epoch 9 by accuracy on 6,000 held out",
        "| validation accuracy | 0.8912 |",
        "| validation loss | 0.3046 |",
        "10.0 s with 2 BLAS threads",
        "numpy 2.4.6, blas openblas Haswell",
    ):
        assert words in text
    assert "photographs" not in text
    assert "handstitch test FOLDER" in text


def test_one_epoch_is_one_epoch() -> None:
    assert "1 epoch |" in card(epochs=1)


def test_activations_and_the_figure_that_chose_are_those_of_the_config() -> None:
    text = card(Config(activation=("tanh", "relu"), best_by="loss"))
    assert "activation tanh, relu," in text
    assert "by loss on" in text
    assert "activation none" in card(Config(hidden_sizes=()))


@pytest.mark.parametrize(("notice", "why"), [("", ""), ("there is no network", "there is no net")])
def test_drawn_data_are_never_passed_off_as_fashion_mnist(notice: str, why: str) -> None:
    text = card(dataset="sketch", drawn=True, notice=notice)
    assert text.startswith("# A network for sketch\n\n**These are not photographs.**")
    assert ("It was used because" in text) == bool(notice)
    assert why in text


def test_the_card_is_a_table_that_markdown_reads() -> None:
    rows = [line for line in card().splitlines() if line.startswith("|")]
    assert rows[1] == "|---|---|"
    assert all(row.count("|") == 3 for row in rows)
