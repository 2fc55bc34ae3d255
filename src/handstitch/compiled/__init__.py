"""The training step once more, as one compiled function to lay beside core/: the extra `fast`.

The same mathematics as Network.forward, loss and backward and Optimizer.step, on the same θ and
slots. What is gained: half of the pixels are 0, and so are half of the activations after ReLU and
of their gradients; the products here pass over them. A unit's bias, activation and mask follow
while its numbers are in cache, no Python runs between two products, and every phase is split into
as many parts as the run has threads.

    phase               split by             reads                    writes
    gather              samples              pixels                   X
    forward, layer l    units of layer l     W, b, A of l − 1         A of l
    loss                samples              logits                   P − Y
    backward, layer l   inputs of layer l    dZ of l                  their rows of W, dZ, b
    update              numbers              G, slots                 θ, slots

A part of a backward phase reads only those rows of W that it then overwrites itself, so nobody
waits between reading and writing. Every number is summed in one order, whoever does it: a run gives
the same bits with any number of threads.

Not covered: float64, and networks without a hidden layer. There, and without numba or an OpenMP
library for it, training takes the readable step.

    availability            whether all this can be had here; imports nothing of it
    step, classifier        the faces that training and classifying see
    network, inference      a batch forward and backward; images forward
    optimizers, functions   core/optimizers.py and core/functions.py, compiled
    philox                  the random numbers of dropout
    matmul, simd            products in place of the BLAS's, and the vectors they are made of
    layout, jit             offsets and buffers of the loops; numba's options and cache
"""
