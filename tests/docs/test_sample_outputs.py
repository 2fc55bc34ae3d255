"""Sample outputs and results on the pages are those of docs/results.md, within the spread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from handstitch.config import Config

ROOT = Path(__file__).resolve().parents[2]
TABLES = ["README.md", "README.zh-CN.md", "docs/datasets.md"]
SPREADS = 3
"""Standard deviations from the mean that a sample may lie off. Each of five seeds is within 1.8."""
EPOCH = re.compile(
    r"^Epoch (\d+), Train Loss: (0\.\d+), Val Loss: 0\.\d+, Val Accuracy: (0\.\d+)(, best)?$",
    re.MULTILINE,
)
BEST = re.compile(r"^Best: epoch (\d+), Val Accuracy: (0\.\d+)$", re.MULTILINE)
TEST = re.compile(r"^test accuracy:? (0\.\d+)", re.MULTILINE | re.IGNORECASE)
CHOSEN = re.compile(r"^validation accuracy of the same weights (0\.\d+)", re.MULTILINE)


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def notebook_outputs() -> str:
    notebook = nbformat.read(ROOT / "notebooks/fashion_mnist.ipynb", 4)
    return "\n".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )


def measured(preset: str) -> dict[str, str]:
    """The row `mean ± sd` of a preset, by column."""
    section = read("docs/results.md").partition(f"## `{preset}`\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    assert rows[-1][0] == "mean ± sd"
    return dict(zip(rows[0], rows[-1], strict=True))


def samples(text: str) -> Iterator[tuple[str, str]]:
    """Each figure of a sample output with the column of docs/results.md that measures it."""
    epochs = list(EPOCH.finditer(text))
    assert epochs[0][1] == "1"
    yield "first training loss", epochs[0][2]
    yield "last validation accuracy", epochs[-1][3]
    for epoch, accuracy in BEST.findall(text):
        yield "best epoch", epoch
        yield "best validation accuracy", accuracy
    for accuracy in CHOSEN.findall(text):
        yield "best validation accuracy", accuracy
    for accuracy in TEST.findall(text):
        yield "test accuracy", accuracy


def problems(text: str, preset: str) -> list[str]:
    """Figures of a sample output that no seed gives, or that contradict each other."""
    found = []
    row = measured(preset)
    for column, figure in samples(text):
        mean, sd = map(float, row[column].split(" ± "))
        if abs(float(figure) - mean) > SPREADS * sd:
            found.append(f"{column} {figure}: measured {row[column]}")
    epochs = list(EPOCH.finditer(text))
    if int(epochs[-1][1]) != Config.preset(preset).epochs:
        found.append(f"the last epoch is {epochs[-1][1]}")
    best = max(figure for column, figure in samples(text) if column == "best validation accuracy")
    found += [f"above the best: {line[0]}" for line in epochs if line[3] > best]
    return found


def test_the_tutorial_shows_what_is_measured():
    text = read("docs/tutorial.md")
    assert {column for column, _ in samples(text)} >= {
        "first training loss", "last validation accuracy", "best epoch",
        "best validation accuracy", "test accuracy",
    }  # fmt: skip
    assert problems(text, "default") == []
    ((epoch, accuracy),) = BEST.findall(text)
    assert f"lower than {accuracy}. That is no accident: epoch {epoch} was" in text
    correct = int(re.findall(r"([\d,]+) of 10,000\)", text)[0].replace(",", ""))
    assert f"{correct / 10_000:.4f}" == TEST.findall(text)[0]


def test_the_notebook_shows_what_is_measured():
    text = notebook_outputs()
    assert len(EPOCH.findall(text)) == Config.preset("course").epochs
    assert TEST.search(text)
    assert problems(text, "course") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Epoch 1, Train Loss: 0.6", "Epoch 1, Train Loss: 0.8", "first training loss"),
        ("Best: epoch 2", "Best: epoch 1", "best epoch"),
        (r"Best: epoch \d+, Val Accuracy: 0.9", "Best: epoch 20, Val Accuracy: 0.8", "best valid"),
        (
            r"Best: epoch (\d+), Val Accuracy: 0.9.*",
            r"Best: epoch \1, Val Accuracy: 0.9058",
            "above",
        ),
        ("Epoch 30, (.*) 0.92", r"Epoch 30, \1 0.88", "last validation accuracy"),
        ("Epoch 30,", "Epoch 29,", "the last epoch is 29"),
        ("Test accuracy: 0.91", "Test accuracy: 0.93", "test accuracy"),
    ],
)
def test_a_planted_number_is_seen(old: str, new: str, said: str):
    text = read("docs/tutorial.md")
    planted = re.sub(old, new, text)
    assert planted != text
    assert any(said in problem for problem in problems(planted, "default"))


@pytest.mark.parametrize("page", TABLES)
def test_tables_of_results_are_those_measured(page: str):
    rows = [line for line in read(page).splitlines() if line.startswith("|") and "±" in line]
    assert len(rows) >= 2
    for row in rows:
        names = re.findall(r"`([a-z-]+)`", row)
        shown = re.findall(r"\d+\.\d+ ± \d+\.\d+", row)
        means = measured(names[0] if names else "default")
        columns = ["seconds", "best validation accuracy", "test accuracy"][-len(shown) :]
        assert shown == [means[column] for column in columns]
