"""What is wrong with a training: on stderr as it trains, in its summary, and on its page."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from handstitch.records import Diagnosis
from tests.cli.conftest import Handstitch
from tests.report.reading import Page, breaches
from tests.report.samples import make_contents
from tests.report.test_page import page_of

SMALL = ("--dataset", "sketch", "--hidden", "8,", "--epochs", "2", "--threads", "1")
TOO_HIGH = "handstitch: the learning rate is too high: one step changes the weights of layer 1 by "


def test_a_rate_that_is_too_high_is_said_once_with_the_flag_that_mends_it(handstitch):
    result = handstitch("train", *SMALL, "--learning-rate", "0.3", "--batch-size", "32", "--json")
    assert result.code == 0, result.err
    assert result.err.count(TOO_HIGH) == 1
    assert "where 1% is usual; try --learning-rate 0.003\n" in result.err
    found = result.json["diagnoses"]
    assert found[0]["kind"] == "learning rate"
    summary = Path(result.json["run"], "summary.json").read_text(encoding="utf-8")
    assert json.loads(summary)["diagnoses"] == found


def test_a_healthy_training_says_nothing(handstitch: Handstitch):
    result = handstitch("train", *SMALL, "--json")
    assert result.json["diagnoses"] == []
    assert "try" not in result.err


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", "Found in epoch 2: the <b> is 12"),
        ("zh", "第 2 轮发现： 学习率过高：一步就使第 1 层"),
    ],
)
def test_the_page_has_a_notice_of_it(lang, words):
    one = Diagnosis(
        kind="learning rate", epoch=2, layer=1, value=0.3, usual=0.1, words="the <b> is 12\u202e"
    )
    contents = make_contents()
    assert "训练中发现的问题" not in page_of(contents, "zh")
    assert contents.summary is not None
    contents.summary = msgspec.structs.replace(contents.summary, diagnoses=[one])
    source = page_of(contents, lang)
    assert breaches(source) == []
    assert words in " ".join(Page(source).text.split())
