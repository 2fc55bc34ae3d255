"""The notebook runs from top to bottom, and the executed one beside it is the same text."""

from __future__ import annotations

import base64
import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "notebooks" / "fashion_mnist.py"
EXECUTED = ROOT / "notebooks" / "fashion_mnist.ipynb"
PLACES = re.compile(
    r"(?<![\w.])/(?:home|root|tmp|work|usr|var|private|Users)/|[A-Z]:\\\\|0x[0-9a-f]{6}"
)
HOME = "/".join(["", "home", ""])  # noqa: FLY002 (written out, it would be found)
CAPTIONED = re.compile(r"figures\.(?:samples|worst_mistakes)\(")
MAKES_IMAGES = re.compile(f"{CAPTIONED.pattern}|imshow")


@pytest.fixture(scope="module")
def execute() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "notebooks"))
        return importlib.import_module("execute")


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def texts(notebook: Any) -> str:
    return "\n".join(
        output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
        for output in outputs(notebook)
    )


def problems(notebook: Any) -> list[str]:
    """Errors, warnings, paths and times in an executed notebook."""
    found = [f"error: {out.ename}" for out in outputs(notebook) if out.output_type == "error"]
    found += [f"warning: {out.text}" for out in outputs(notebook) if out.get("name") == "stderr"]
    found += [f"place: {path}" for path in PLACES.findall(texts(notebook))]
    found += ["time" for cell in notebook.cells if cell.metadata]
    numbers = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append("not run from top to bottom")
    return found


@pytest.fixture(scope="module")
def small(execute: ModuleType) -> Any:
    """The notebook, run with everything small and with no data set on the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDSTITCH_NOTEBOOK", "small")
        patch.delenv("HANDSTITCH_DATA", raising=False)
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        return execute.execute(SOURCE)


def test_it_runs_small(small: Any):
    assert problems(small) == []
    said = texts(small)
    assert said.startswith("sketch (4000, 28, 28) uint8\n")
    assert "handstitch computes the same" in said
    accuracy = float(re.findall(r"test accuracy (0\.\d+)", said)[0])
    assert accuracy > 0.5
    assert re.search(r"^(?:in)?distinguishable", said, re.MULTILINE)


def test_its_figures_are_there(small: Any):
    pictures = [
        base64.b64decode(output.data["image/png"])
        for output in outputs(small)
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 9
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5_000 for picture in pictures)
    assert all(
        output.metadata["image/png"]["alt"]
        for output in outputs(small)
        if "image/png" in output.get("data", {})
    )


def test_the_executed_one_is_of_one_text_with_the_source():
    def cells(notebook: Any) -> list[tuple[str, str]]:
        return [(cell.cell_type, cell.source) for cell in notebook.cells]

    assert cells(nbformat.read(EXECUTED, 4)) == cells(jupytext.read(SOURCE))


def test_the_executed_one_is_of_the_real_data_and_clean():
    notebook = nbformat.read(EXECUTED, 4)
    nbformat.validate(notebook)
    assert problems(notebook) == []
    assert texts(notebook).startswith("fashion-mnist (60000, 28, 28) uint8\n")
    assert EXECUTED.stat().st_size < 2_000_000


def test_real_pictures_are_credited():
    """The cell before the first picture names the authors, the owner and the licence."""
    cells = jupytext.read(SOURCE).cells
    first = next(n for n, cell in enumerate(cells) if MAKES_IMAGES.search(cell.source) and n > 1)
    assert "dataset.images" in cells[first].source
    for word in (
        "Fashion-MNIST",
        "H. Xiao",
        "© 2017 Zalando SE",
        "MIT",
        "arxiv.org/abs/1708.07747",
    ):
        assert word in cells[first - 1].source


def test_no_picture_is_captioned_with_a_prediction_before_there_is_a_network():
    """Every figure with predictions comes after the training, and shows those of the network."""
    code = [cell.source for cell in jupytext.read(SOURCE).cells if cell.cell_type == "code"]
    trained = next(n for n, cell in enumerate(code) if "for _ in trainer:" in cell)
    captioned = [n for n, cell in enumerate(code) if CAPTIONED.search(cell)]
    assert len(captioned) == 2
    assert min(captioned) > trained
    assert all("P = Evaluator(best_network," in code[n] for n in captioned)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "error: E"),
        ({"output_type": "stream", "name": "stderr", "text": "careful"}, "warning: careful"),
        ({"output_type": "stream", "name": "stdout", "text": f"in {HOME}me/x"}, f"place: {HOME}"),
    ],
)
def test_a_planted_fault_is_seen(planted: dict[str, Any], said: str):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)])
    assert problems(notebook) == []
    notebook.cells[0].outputs = [nbformat.from_dict(planted)]
    assert problems(notebook) == [said]
    notebook.cells[0].outputs = []
    notebook.cells[0].metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    assert problems(notebook) == ["time"]


def test_what_differs_between_runs_is_taken_out(execute: ModuleType):
    cell = nbformat.v4.new_code_cell("1", execution_count=1)
    cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    notebook.metadata["widgets"] = {}
    cleaned = execute.cleaned(notebook)
    assert cleaned.metadata == {"language_info": {"name": "python"}}
    assert cleaned.cells[0].metadata == {}
    assert cleaned.cells[0].id == "cell-0"
