"""The training step once more, as one compiled function to lay beside core/: the extra `fast`.

The same mathematics as Network.forward, loss and backward and Optimizer.step, on the same θ and
slots. What is gained: a unit's bias, activation, mask and column sums are one pass while its
numbers are in cache, no Python runs between two products, and every phase is split into as many
parts as the run has threads, each with BLAS calls of its own, so that no thread waits within one.

    phase               split by             reads                    writes
    gather              samples              pixels                   X
    forward, layer l    units of layer l     W, b, A of l − 1         A of l
    loss                samples              logits                   P − Y
    backward, layer l   inputs of layer l    dZ of l                  their rows of W, dZ, b
    update              numbers              G, slots                 θ, slots

A part of a backward phase reads only those rows of W that it then overwrites itself, so nobody
waits between reading and writing. The split follows from the run's number of threads, not from the
machine's: a run gives the same bits on more cores or fewer.

Not covered: float64, and networks without a hidden layer. There, and without numba or an OpenMP
library for it, training takes the readable step.

`layout` says what the loop is told; `loop` (a batch forward and backward, one image forward) and
`moves` (the optimizers) are what is compiled, `sgemm` is their way to the BLAS; `step` and `single`
are the faces that training and classifying see.
"""

from __future__ import annotations

from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.step import CompiledStep

__all__ = ["CompiledClassifier", "CompiledStep"]
