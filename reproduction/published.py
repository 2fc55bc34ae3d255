"""The course report's own figures, as it printed them.

Every epoch of its nine runs is in report_search.csv, and of the run that it repeated with the
chosen candidate in report_final_run.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from reproduction.grid import Grid

RATES: Final = (0.00075, 0.001, 0.00125)
DECAYS: Final = (0.0, 0.2, 0.4)
CHOSEN: Final = (0.001, 0.0)
"""The rate and decay that the report calls best."""
TEST_ACCURACY: Final = 0.8846
"""Of the run that it repeated, by its last weights."""
LAYER_3: Final = (-0.6, 0.4)
"""The range that it read off its picture of the last layer's weights."""


def grid() -> Grid:
    """Its nine runs: one seed, which is not known."""
    rows = _rows("report_search.csv")
    fields = ("train_loss", "val_loss", "val_accuracy")
    shape = (len(RATES), len(DECAYS), 1, -1)
    return Grid(RATES, DECAYS, *(rows[field].reshape(shape) for field in fields))


def repeated_run() -> Any:
    """The run it repeated: epoch, train_loss, val_loss and val_accuracy, by name."""
    return _rows("report_final_run.csv")


def _rows(name: str) -> Any:
    return np.genfromtxt(Path(__file__).with_name(name), delimiter=",", names=True)
