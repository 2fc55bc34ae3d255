"""`handstitch` with little drawn data, in this process and in every worker that it starts.

Workers import the program that started them, under another name; so what stands here outside
`main` is done in each of them. SLOW is how many seconds each epoch takes longer; DEADLY is the
width, rate and seed of a trial that kills its worker: each time, or only while there is no file
of the name ONCE.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from handstitch.data import loading
from handstitch.training import Trainer

loading._SKETCH = {"train": (300, 0), "test": (60, 1)}  # type: ignore[misc]

_train_epoch = Trainer._train_epoch


def _burdened(trainer: Trainer, *arguments: Any) -> None:
    config = trainer.config
    time.sleep(float(os.environ.get("SLOW", "0")))
    if os.environ.get("DEADLY") == f"{config.hidden_sizes[0]} {config.learning_rate} {config.seed}":
        once = os.environ.get("ONCE")
        if once is None or not Path(once).exists():
            if once:
                Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    _train_epoch(trainer, *arguments)


Trainer._train_epoch = _burdened  # type: ignore[assignment,method-assign]

if __name__ == "__main__":
    from handstitch.cli import main

    main()
