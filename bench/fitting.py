"""Processor time of fitting: Classifier beside the command line, and beside MLPClassifier, in turn.

    .venv/bin/python bench/fitting.py

Prints the tables of docs/howto/scikit-learn.md. All on one thread; seconds of the processor, user
and system, so that other programs on the machine count for little. Everything is compiled before.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from pathlib import Path
from statistics import median
from time import process_time

from processes import OURS, run

ONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
FIT = """
import sys
import handstitch as hs
from handstitch.data import loading
config = hs.Config.preset("course", epochs=int(sys.argv[1]), threads=1)
train = loading.load("fashion-mnist", "train")
own = {name: getattr(config, name, False) for name in hs.Classifier().get_params()}
hs.Classifier(**own).fit(train.images, train.labels).save(sys.argv[2])
"""
BATCHES = {64: 3.0, 200: 2.2}
"""Images in a batch → how much faster than MLPClassifier it shall be."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.batch:
        pairs = beside_scikit_learn(given.batch, given.epochs, given.pairs)
        print(json.dumps({"pairs": pairs}))
        return
    ratios = list(beside_the_command_line(given.epochs, given.pairs))
    print(f"\nThe median of the ratios is {median(ratios):.3f}, at most 1.05 aimed at.\n")
    print("| images in a batch | Classifier, s | MLPClassifier, s | ratio | aim |")
    print("|---|---|---|---|---|")
    for batch, aim in BATCHES.items():
        words = ["--batch", str(batch), "--epochs", str(given.epochs), "--pairs", str(given.pairs)]
        pairs = run([OURS, __file__, *words], settings=ONE)["pairs"]
        ours, theirs = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(late / early for early, late in pairs)
        print(f"| {batch} | {ours:.2f} | {theirs:.2f} | {ratio:.1f} | {aim} |", flush=True)


def beside_the_command_line(epochs, pairs):
    """Whole processes that train the preset course and save it: the ratios of their seconds."""
    print("| Classifier, s | handstitch train, s |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for number in range(pairs + 1):
            model, out = Path(name, f"{number}.safetensors"), Path(name, f"{number}")
            flags = ["--preset", "course", "--epochs", str(epochs), "--threads", "1"]
            ours = seconds("-c", FIT, str(epochs), str(model))
            theirs = seconds("-m", "handstitch", "train", *flags, "--out", str(out))
            if number:  # the first warms the caches
                print(f"| {ours:.2f} | {theirs:.2f} |", flush=True)
                yield ours / theirs


def seconds(*words):
    """Processor time of a process of this Python, on one thread."""
    return run([OURS, *words], settings=ONE)["processor_seconds"]


def beside_scikit_learn(batch, epochs, pairs):
    """Seconds of `fit` of both, pair by pair: the course network, SGD, all 60,000 images."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    import handstitch as hs
    from handstitch.data import loading

    warnings.simplefilter("ignore", ConvergenceWarning)
    train = loading.load("fashion-mnist", "train")
    X = train.images.reshape(-1, 784).astype("float32") / 256
    changes = {"reduction": "mean", "learning_rate": 0.064, "batch_size": batch}
    config = hs.Config.preset("course", validation=0, threads=1, **changes)
    own = {name: getattr(config, name, False) for name in hs.Classifier().get_params()}

    def fit_ours(epochs):
        hs.Classifier(**own | {"epochs": epochs}).fit(train.images, train.labels)

    def fit_theirs(epochs):
        MLPClassifier(
            config.hidden_sizes, solver="sgd", alpha=0.0, batch_size=batch, momentum=0.0,
            learning_rate_init=config.learning_rate, max_iter=epochs, n_iter_no_change=epochs + 1,
        ).fit(X, train.labels)  # fmt: skip

    found = []
    for number in range(pairs + 1):
        pair = []
        for fit in (fit_ours, fit_theirs):
            began = process_time()
            fit(epochs if number else 1)
            pair.append(process_time() - began)
        found.append(pair)
    return found[1:]


if __name__ == "__main__":
    main()
