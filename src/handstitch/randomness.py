"""Random numbers as functions of (seed, purpose, index), with no state to carry.

A counter-based generator (Philox; Salmon et al., SC'11) is started anew for each purpose and
index. Epoch 7's shuffle is the same whether epochs 1 to 6 ran in this process or last week, so
resuming a run needs two integers and no generator state.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

_WORD = 2**64


class Purpose(IntEnum):
    """The use of a random stream. The values enter every run's arithmetic: never reuse one."""

    INITIALIZATION = 1
    SPLIT = 2
    SHUFFLE = 3
    DROPOUT = 4
    AUGMENTATION = 5
    SKETCH = 6
    GRADIENT_CHECK = 7
    WEIGHT_SHUFFLE = 8
    SEARCH = 9
    RECEPTIVE_FIELDS = 10
    FOLDS = 11


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """A generator that depends on its three arguments alone.

    `seed` and `index` are taken modulo 2⁶⁴. The counter's highest word holds `index`; a stream
    would have to draw 2¹⁹⁴ numbers before it ran into its neighbour.
    """
    # Arrays, because NumPy turns a list with a number above 2⁶³ into floating-point numbers.
    key = np.array([seed % _WORD, int(purpose)], np.uint64)
    counter = np.array([0, 0, 0, index % _WORD], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
