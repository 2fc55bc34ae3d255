from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from handstitch.config import Config
from handstitch.records import RunSummary
from handstitch.runs import model_card
from tests.report.hostile import names
from tests.report.reading import invisible
from tests.report.samples import make_evaluation

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
    return model_card.write(
        msgspec.structs.replace(SUMMARY, **changes), config or Config.preset("plain")
    )


def test_a_card_has_the_figures_of_the_run() -> None:
    text = card()
    assert text.startswith("# A network for fashion-mnist\n")
    for words in (
        "784 - 512 - 256 - 10, activation relu, 535,818 parameters",
        "54,000 images of fashion-mnist, 10 epochs",
        "epoch 9 by accuracy on 6,000 held-out images",
        "| validation accuracy | 0.8912 |",
        "| validation loss | 0.3046 |",
        "10.0 s with 2 threads",
        "numpy 2.4.6, blas openblas Haswell",
    ):
        assert words in text
    assert "photographs" not in text
    assert "handstitch test FOLDER" in text


def test_one_epoch_is_one_epoch() -> None:
    assert "1 epoch |" in card(epochs=1)


def test_activations_and_the_figure_that_chose_are_those_of_the_config() -> None:
    text = card(Config.preset("plain", activation=("tanh", "relu"), monitor="loss"))
    assert "activation tanh, relu," in text
    assert "by loss on" in text
    assert "activation none" in card(Config.preset("plain", hidden_sizes=()))


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


def test_without_a_test_the_card_says_that_there_was_none() -> None:
    text = card()
    assert "have not been evaluated on it yet" in text
    assert "Accuracy on" not in text


@pytest.mark.parametrize(("count", "words"), [(1, "has 1 evaluation."), (3, "has 3 evaluations; ")])
def test_a_test_on_record_stands_in_the_card(count: int, words: str) -> None:
    found, _ = make_evaluation(["left", "right"])
    text = model_card.write(SUMMARY, Config.preset("plain"), found, count, ["curves.png"])
    assert f"Accuracy on 400 test images: **{found.accuracy:.4f}**" in text
    low, high = found.accuracy_interval
    assert f"(95 % interval {low:.4f} to {high:.4f})" in text
    assert words in " ".join(text.split())
    assert ("biased upwards." in text) == (count > 1)
    assert "have not been evaluated" not in text
    assert "- left, predicted as right:" in text
    assert "![Losses and accuracies after each epoch](curves.png)" in text


def test_hostile_names_are_only_words_in_a_card() -> None:
    hostile = names(2_000)
    for start in range(0, len(hostile), 100):
        some = hostile[start : start + 100]
        found, _ = make_evaluation(some)
        summary = msgspec.structs.replace(
            SUMMARY, dataset=some[0], notice=some[1], drawn=True, build={some[2]: some[3]}
        )
        text = model_card.write(summary, Config.preset("plain"), found, 1, ["curves.png"])
        assert invisible(text) == []
        assert "<" not in text.replace("\\<", "")
        assert not re.search(r"(?<!\\)https?:(?!\\)", text)
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3, 6}
        assert len(rows) == 10 + 102


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("T-shirt/top", "T-shirt/top"),
        ("Ankle boot", "Ankle boot"),
        ("fashion-mnist", "fashion-mnist"),
        ("<b>", "&lt;b&gt;"),
        ("a|b", r"a\|b"),
        ("**b** `c`", r"\*\*b\*\* \`c\`"),
        ("[a](b)", r"\[a\]\(b\)"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("https://a", r"https\://a"),
        ("a\n# b", r"a\\n# b"),
        ("\u202ea", r"\\u202ea"),
    ],
)
def test_plain_words_stay_and_signs_are_escaped(name: str, shown: str) -> None:
    assert model_card.plain(name) == shown
