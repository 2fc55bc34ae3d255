"""The course report's algorithm as it was: float64, one-hot targets, a new array for every result.

Written anew from its description: the same arithmetic, with none of the loop's economies.
"""

from __future__ import annotations

import numpy as np
from job import RATE, arguments, initial, measure, pixels


def main() -> None:
    """Summed gradients at a rate that makes them the mean's."""
    chosen = arguments()
    images, labels = pixels(chosen)
    x, targets = images / 256, np.eye(10)[labels]
    weights = [[W, b[None, :]] for W, b in initial("float64", chosen.width)]

    def epoch(order: np.ndarray) -> float:
        total = 0.0
        for start in range(0, len(order), chosen.batch):
            picks = order[start : start + chosen.batch]
            rate = RATE / len(picks)
            activations, Y = [x[picks]], targets[picks]
            for W, b in weights[:-1]:
                activations.append(np.maximum(activations[-1] @ W + b, 0))
            W, b = weights[-1]
            Z = activations[-1] @ W + b
            e = np.exp(Z - Z.max(axis=1, keepdims=True))
            P = e / e.sum(axis=1, keepdims=True)
            total -= np.sum(Y * np.log(P + 1e-12))
            dZ = P - Y
            for layer in reversed(range(len(weights))):
                A, (W, b) = activations[layer], weights[layer]
                dW, db = A.T @ dZ, dZ.sum(axis=0, keepdims=True)
                if layer:
                    dZ = (dZ @ W.T) * (A > 0)
                weights[layer] = [W - rate * dW, b - rate * db]
        return total / len(order)

    measure("the course report's way", epoch, chosen)


if __name__ == "__main__":
    main()
