"""Handstitch from Python, tested after every epoch: when a test accuracy is reached.

The whole command is measured as one types it, in the shell; this is for the clock alone.
"""

from __future__ import annotations

from whole import Clock, arguments

import handstitch
from handstitch import runs
from handstitch.config import Config
from handstitch.data import loading
from handstitch.evaluation import Evaluator


def main() -> None:
    """The preset's own settings, but for the epochs and the seed."""
    chosen = arguments()
    clock = Clock(chosen)
    given = {"epochs": chosen.epochs, "seed": chosen.seed, "dataset": "fashion-mnist"}
    config = Config.preset(chosen.preset, **given)
    test = loading.load("fashion-mnist", "test")
    with runs.create(config, out=chosen.save) as run:
        for _ in run.train():
            evaluator = Evaluator(run.state.network, test.images, run.trainer.scaling)
            clock.note(evaluator.loss_and_accuracy(test.labels)[1])
    clock.report("Handstitch", handstitch.load(run.folder).evaluate().accuracy)


if __name__ == "__main__":
    main()
