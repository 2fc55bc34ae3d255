"""The course report's own figures, as it printed them.

Every epoch of its nine runs, and of the run that it repeated with the chosen setting.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import Final

from handstitch.records import EpochRecord, Trial

RATES: Final = (0.00075, 0.001, 0.00125)
DECAYS: Final = (0.0, 0.2, 0.4)
CHOSEN: Final = (0.001, 0.0)
"""The rate and decay that the report calls best."""
TEST_ACCURACY: Final = 0.8846
"""Of the run that it repeated, by its last weights."""
LAYER_3: Final = (-0.6, 0.4)
"""The range that it read off its picture of the last layer's weights."""
_VAL_IMAGES: Final = 6000


def grid() -> list[Trial]:
    """The nine runs of its search, one seed each, which is not known."""
    rows: dict[tuple[float, float], list[dict[str, str]]] = {}
    for row in _rows("report_search.csv"):
        key = (float(row["learning_rate"]), float(row["weight_decay"]))
        rows.setdefault(key, []).append(row)
    return [
        Trial(
            number=number,
            setting=number,
            repeat=0,
            seed=0,
            parameters={"learning_rate": rate, "weight_decay": decay},
            state="complete",
            history=_history(rows[rate, decay]),
            val_images=_VAL_IMAGES,
            threads=0,
            seconds=0.0,
        )
        for number, (rate, decay) in enumerate((r, d) for r in RATES for d in DECAYS)
    ]


def repeated_run() -> list[EpochRecord]:
    """The run it repeated with the chosen setting."""
    return _history(_rows("report_final_run.csv"))


def _history(rows: list[dict[str, str]]) -> list[EpochRecord]:
    """Records of these lines; what the report does not tell is 0."""
    records: list[EpochRecord] = []
    for row in rows:
        accuracy = float(row["val_accuracy"])
        records.append(
            EpochRecord(
                epoch=int(row["epoch"]),
                train_loss=float(row["train_loss"]),
                train_accuracy=float(row.get("train_accuracy") or 0),
                val_loss=float(row["val_loss"]),
                val_accuracy=accuracy,
                l2_penalty=0.0,
                learning_rate=float(row.get("learning_rate") or CHOSEN[0]),
                train_seconds=0.0,
                seconds=0.0,
                is_best=all(accuracy > each.val_accuracy for each in records),
            )
        )
    return records


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("handstitch.reproduce") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
