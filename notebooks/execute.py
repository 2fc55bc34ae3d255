"""Run notebooks/fashion_mnist.py and keep its outputs beside it: `make notebook`.

    HANDSTITCH_NOTEBOOK=small    everything small, on drawn data; to try it, not to keep

The notebook is a text of cells (jupytext's percent format); the executed one holds the same text
and its outputs, and nothing that differs from one run to the next: no times, no paths.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SOURCE = Path(__file__).with_name("fashion_mnist.py")
KEPT = {"kernelspec", "language_info"}


def execute(source: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs. Raises CellExecutionError where a cell fails."""
    notebook = jupytext.read(source)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=1800,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
            coalesce_streams=True,
        )
        client.execute()
    return cleaned(notebook)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what differs between runs: ids, versions of tools, widgets."""
    notebook.metadata = {
        name: notebook.metadata[name] for name in KEPT if name in notebook.metadata
    }
    notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        for output in cell.get("outputs", []):
            output.get("transient", {}).clear()
    return notebook


def main() -> int:
    """Execute, keep the outputs, and return the exit code."""
    parser = argparse.ArgumentParser(description="Execute the notebook and keep its outputs.")
    parser.add_argument("--out", type=Path, default=SOURCE.with_suffix(".ipynb"))
    arguments = parser.parse_args()
    small = os.environ.get("HANDSTITCH_NOTEBOOK") == "small"
    if small and arguments.out == SOURCE.with_suffix(".ipynb"):
        arguments.out = Path("build") / "fashion_mnist-small.ipynb"
    try:
        notebook = execute(SOURCE)
    except CellExecutionError as error:
        print(f"notebook: {error}", file=sys.stderr)
        return 1
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, arguments.out)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"{cells} cells executed; outputs are in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
