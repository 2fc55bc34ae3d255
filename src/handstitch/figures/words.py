"""What is written in figures: their words in English and Chinese, and strangers' names made safe.

A picture of pixels can only hold characters that some font of this machine has. While such a
picture is drawn, `only` names those characters, and words and names keep to them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal

from handstitch.errors import printable

Lang = Literal["en", "zh"]

_TABLE: Final[dict[str, tuple[str, str]]] = {
    # Training curves
    "epoch": ("epoch", "训练轮次"),
    "accuracy": ("accuracy", "准确率"),
    "loss": ("loss", "损失"),
    "learning rate": ("learning rate", "学习率"),
    "train accuracy": ("training accuracy", "训练准确率"),
    "val accuracy": ("validation accuracy", "验证准确率"),
    "train loss": ("training loss", "训练损失"),
    "val loss": ("validation loss", "验证损失"),
    "best": ("best epoch: {epoch:,} ({accuracy:.4f})", "最佳轮次：{epoch:,}（{accuracy:.4f}）"),
    # Scores
    "confusion": ("Confusion matrix", "混淆矩阵"),
    "true": ("true class", "真实类别"),
    "predicted": ("predicted class", "预测类别"),
    "share of true": ("share of the true class", "占真实类别的比例"),
    "scores": ("Scores of each class", "各类别得分"),
    "precision": ("precision", "精确率"),
    "recall": ("recall", "召回率"),
    "f1": ("F1", "F1 值"),
    "score": ("score", "得分"),
    "reliability": (
        "Reliability: expected calibration error {error:.4f}",
        "可靠性图：期望校准误差 {error:.4f}",
    ),
    "confidence": ("confidence (probability of the predicted class)", "置信度（预测类别的概率）"),
    "perfect": ("perfect calibration", "完美校准"),
    "observed": ("observed, with 95 % interval", "观测值及 95 % 置信区间"),
    "images": ("images", "图像数"),
    # Weights
    "layer": ("Layer {layer}: {inputs:,} → {outputs:,}", "第 {layer} 层：{inputs:,} → {outputs:,}"),
    "block": (
        ", each point the mean of {rows} × {columns} weights",
        "，每点为 {rows} × {columns} 个权重的均值",
    ),
    "input": ("input unit", "输入单元"),
    "output": ("output unit", "输出单元"),
    "weight": ("weight", "权重"),
    "tiles": (
        "First layer: {shown:,} of {units:,} units",
        "第一层：{units:,} 个单元中的 {shown:,} 个",
    ),
    "by use": (", the most used first", "，按使用程度排序"),
    "initial": ("initial W₀", "初始 W₀"),
    "trained": ("trained W", "训练后 W"),
    "change": ("change W − W₀", "变化 W − W₀"),
    # Searches
    "tied": ("indistinguishable from the best", "与最佳无法区分"),
    "lower": ("lower than the best", "低于最佳"),
    "not compared": ("not compared", "未参与比较"),
    "bold tied": ("Bold: indistinguishable from the best", "粗体：与最佳无法区分"),
    "mean of settings": ("Means over the other parameters", "对其余设置取平均"),
    "one seed": ("one seed", "单个种子"),
    "mean": ("mean", "均值"),
    "the report": ("the report", "课程报告"),
    # Pictures
    "samples": ("Samples", "样本"),
    "worst": ("The most confident mistakes", "置信度最高的错误"),
    "pairs": ("The most confused pairs", "最易混淆的类别对"),
    "pair": (
        "{true}, taken for {predicted}: {count:,} of {support:,}",
        "{true} 误判为 {predicted}：{support:,} 张中的 {count:,} 张",
    ),
    "key": (
        "above: true class; below: predicted class and its probability",
        "上：真实类别；下：预测类别及其概率",
    ),
    "probability key": (
        "below: probability of the predicted class",
        "下：预测类别的概率",
    ),
    "no mistakes": ("no mistakes in {n:,} images", "{n:,} 张图像中没有错误"),
    "class": ("class {number}", "类别 {number}"),
}

_only: ContextVar[Callable[[str], bool] | None] = ContextVar("only", default=None)


@contextmanager
def only(drawable: Callable[[str], bool]) -> Iterator[None]:
    """Within, words and names keep to texts that are `drawable`."""
    token = _only.set(drawable)
    try:
        yield
    finally:
        _only.reset(token)


def say(key: str, lang: Lang, **values: Any) -> str:
    """The words for `key` with values filled in; English where Chinese cannot be drawn."""
    english, chinese = _TABLE[key]
    drawable = _only.get()
    if lang == "zh" and (drawable is None or drawable(chinese.partition("{")[0])):
        return chinese.format(**values)
    return english.format(**values)


def names(class_names: Sequence[str], lang: Lang, width: int = 24) -> list[str]:
    """Class names as one may show them; `class 3` (from 0) for one that cannot be drawn."""
    drawable = _only.get()
    return [
        shortened(printable(name), width)
        if drawable is None or drawable(printable(name))
        else say("class", lang, number=number)
        for number, name in enumerate(class_names)
    ]


def safe(text: str, width: int = 80) -> str:
    """A stranger's text as one may show it; ? for what cannot be drawn."""
    drawable = _only.get() or (lambda character: True)
    return shortened("".join(each if drawable(each) else "?" for each in printable(text)), width)


def shortened(text: str, width: int) -> str:
    """At most `width` columns of the text, with … where something is left out.

    Characters of East Asian scripts take two columns, as on a terminal.
    """
    if sum(map(_columns, text)) <= width:
        return text
    kept, left = "", width - 1
    for character in text:
        left -= _columns(character)
        if left < 0:
            break
        kept += character
    return kept + "…"


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
