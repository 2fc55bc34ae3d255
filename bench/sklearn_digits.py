"""Classifier beside scikit-learn's MLPClassifier, trained alike on its digits in 20 settings.

    python bench/sklearn_digits.py

Prints the table of docs/howto/scikit-learn.md: test accuracies in %, means over splits
and seeds, and the standard error of their differences.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from handstitch import Classifier

EPOCHS = 50
COMMON = {"hidden_sizes": (64,), "batch_size": 64, "optimizer": "adam", "learning_rate": 0.002}
CHANGES = [
    {},
    {"hidden_sizes": (16,)},
    {"hidden_sizes": (256,)},
    {"hidden_sizes": (64, 32)},
    {"hidden_sizes": (128, 64, 32)},
    {"batch_size": 16},
    {"batch_size": 200},
    {"learning_rate": 0.0005},
    {"learning_rate": 0.01},
    {"activation": "tanh"},
    {"activation": "sigmoid", "learning_rate": 0.01},
    {"weight_decay": 0.001},
    {"weight_decay": 0.01},
    {"beta1": 0.5},
    {"beta2": 0.99},
    {"optimizer": "sgd", "learning_rate": 0.1},
    {"optimizer": "momentum", "learning_rate": 0.02},
    {"optimizer": "nesterov", "learning_rate": 0.02},
    {"optimizer": "nesterov", "learning_rate": 0.05, "batch_size": 200},
    {"optimizer": "nesterov", "learning_rate": 0.02, "hidden_sizes": (64, 32)},
]


def ours(settings, seed):
    """The Classifier of these settings."""
    return Classifier(
        **settings, epochs=EPOCHS, schedule="constant", validation=0, dropout=0,
        initialization="xavier", threads=1, backend="numpy", seed=seed,
    )  # fmt: skip


def theirs(settings, seed):
    """The MLPClassifier that trains alike; its alpha is divided by the samples of a batch."""
    given = dict(settings)
    optimizer = given.pop("optimizer")
    activation = given.pop("activation", "relu")
    names = {"beta1": "beta_1", "beta2": "beta_2"}
    return MLPClassifier(
        given.pop("hidden_sizes"),
        activation="logistic" if activation == "sigmoid" else activation,
        solver="adam" if optimizer == "adam" else "sgd",
        momentum=0 if optimizer == "sgd" else 0.9,
        nesterovs_momentum=optimizer == "nesterov",
        learning_rate_init=given.pop("learning_rate"),
        alpha=given.pop("weight_decay", 0) * given["batch_size"],
        max_iter=EPOCHS,
        tol=0,
        n_iter_no_change=EPOCHS,
        random_state=seed,
        **{names.get(name, name): value for name, value in given.items()},
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    print("| setting | Handstitch | MLPClassifier | difference |")
    print("|---|---|---|---|")
    for change in CHANGES:
        scores = np.zeros((repeats, 2))
        for seed in range(repeats):
            parts = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
            scale = StandardScaler().fit(parts[0])
            train, test = (scale.transform(part) for part in parts[:2])
            for column, make in enumerate((ours, theirs)):
                model = make(COMMON | change, seed).fit(train, parts[2])
                scores[seed, column] = 100 * model.score(test, parts[3])
        words = ", ".join(f"{name} {value}" for name, value in change.items()) or "as described"
        mean, differences = scores.mean(axis=0), scores[:, 0] - scores[:, 1]
        error = differences.std(ddof=1) / np.sqrt(repeats)
        difference = f"{differences.mean():+.1f} ± {error:.1f}"
        print(f"| {words} | {mean[0]:.1f} | {mean[1]:.1f} | {difference} |", flush=True)


if __name__ == "__main__":
    main()
