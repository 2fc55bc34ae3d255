"""scikit-learn's MLPClassifier, one partial_fit an epoch."""

from __future__ import annotations

import numpy as np
from job import RATE, arguments, measure, scaled, sizes
from sklearn.neural_network import MLPClassifier


def main() -> None:
    """partial_fit goes through the data once in batches; it draws its own weights."""
    chosen = arguments()
    x, labels = scaled(chosen)
    model = MLPClassifier(
        sizes(chosen.width)[1:-1],
        solver="sgd",
        alpha=0.0,
        batch_size=chosen.batch,
        learning_rate_init=RATE,
        momentum=0.0,
        random_state=0,
    )
    classes = np.arange(10)

    def epoch(_order: np.ndarray) -> float:
        model.partial_fit(x, labels, classes=classes)
        return float(model.loss_)

    measure("scikit-learn", epoch, chosen)


if __name__ == "__main__":
    main()
