"""Put the network of a run into the package, in half precision: src/handstitch/model/weights.

    .venv/bin/python bench/pack_weights.py runs/best-3

The card beside it is written by hand: its figures are those of docs/results.md, and what
`handstitch test --pretrained` prints.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import handstitch
from handstitch import storage
from handstitch.model import pretrained

FOLDER: Final = Path(__file__).resolve().parents[1] / "src" / "handstitch" / "model" / "weights"


def main() -> None:
    """Pack, and test both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    run = parser.parse_args().run
    original = handstitch.load(run)
    path = FOLDER / f"{pretrained.NAME}.safetensors"
    storage.write(path, pretrained.pack(original.model, path))
    for name, classifier in (("run", original), ("package", handstitch.pretrained())):
        found = classifier.evaluate()
        error = found.calibration_error
        print(f"{name}: {found.correct:,} of {found.n:,}, calibration error {error:.4f}")
    print(f"{path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
