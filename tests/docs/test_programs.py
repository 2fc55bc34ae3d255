"""Every program that a page or a file of `examples` shows runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from handstitch import cli
from tests.data.picture_files import draw, write_classes, write_picture
from tests.test_docs import named

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTING = {"derivation.md"}
"""Pages whose blocks are quoted from the source; test_derivation reads them."""
TRACKERS = {"trackers.md"}
"""Pages whose programs need libraries of the oracle; test_trackers runs them."""
PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if page.name not in QUOTING | TRACKERS
    and not page.is_relative_to(ROOT / "docs/zh")  # the English programs: test_chinese
    and BLOCK.search(page.read_text("utf-8"))
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_programs_of_a_page_run(page: Path, small_world: Path, capsys: pytest.CaptureFixture[str]):
    names: dict[str, object] = {}
    for block in BLOCK.findall(page.read_text("utf-8")):
        exec(compile(block, str(page), "exec"), names)  # one after another, as a reader would
    assert capsys.readouterr().out.strip()


def test_own_images_are_learned(small_world: Path, capsys: pytest.CaptureFixture[str]):
    page = (ROOT / "docs/howto/own-data.md").read_text("utf-8")
    program = BLOCK.findall(page)[0]
    assert len([line for line in program.splitlines() if line]) == 10  # as the page promises
    exec(compile(program, "own-data", "exec"), {})
    assert float(capsys.readouterr().out) > 0.9


def test_there_are_pages_and_examples():
    assert len(PAGES) >= 6
    assert {example.stem for example in EXAMPLES} >= {
        "train",
        "resume",
        "predict",
        "own_loop",
        "callback",
        "tensorboard_events",
        "onnx_roundtrip",
        "gradcheck",
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs(example: Path, small_world: Path, capsys: pytest.CaptureFixture[str]):
    if example.stem == "predict":
        runpy.run_path(str(ROOT / "examples/train.py"))
    if example.stem == "tensorboard_events":
        pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    if example.stem == "onnx_roundtrip":
        pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    runpy.run_path(str(example))
    said = capsys.readouterr().out
    assert said.strip()
    if example.stem == "resume":
        assert "resumed with epochs [2, 3]" in said
        assert "the same bytes: True" in said
    if example.stem == "callback":
        assert said.endswith("good enough; the run is saved, and can be resumed\n")
    if example.stem == "onnx_roundtrip":
        assert "the same class for 100.0%" in said
    if example.stem == "gradcheck":
        assert said.endswith("agrees\n")
    if example.stem == "own_loop":
        losses = [float(line.split()[-1]) for line in said.strip().splitlines()]
        assert losses[-1] < losses[0] / 2


def test_the_commands_for_own_data_run(
    small_world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On two classes of pictures, one after another, with few epochs and steps."""
    write_classes(small_world / "photos", "cats dogs", each=40, shape=(9, 12, 3))
    write_picture(small_world / "new.jpg", draw((60, 40)))
    page = (ROOT / "docs/howto/own-data.md").read_text("utf-8")
    commands = [words for words in named("handstitch", page) if "photos" in " ".join(words)]
    assert len(commands) == 14
    for words in commands:
        is_resumed = "--resume" in words
        for name, value in (("EPOCHS", "1"), ("HIDDEN_SIZES", "16,8"), ("BACKEND", "numpy")):
            if words[0] in {"train", "search"} and not is_resumed:
                monkeypatch.setenv(f"HANDSTITCH_{name}", value)
            else:
                monkeypatch.delenv(f"HANDSTITCH_{name}", raising=False)
        if is_resumed:
            words[words.index("--epochs") + 1] = "2"
        if words[0] == "search":
            words += ["--workers", "0"]
        assert cli.run(words) == 0, (words, capsys.readouterr().err)
    assert (small_world / "photos.png").exists()
    assert (small_world / "varied.png").exists()
    assert (small_world / "photos.html").exists()
    assert (small_world / "runs/photos/report.html").exists()
