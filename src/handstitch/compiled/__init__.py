"""The numba backend: the training step of core/ as compiled functions; the extra `fast`.

The same mathematics as Network.forward, loss and backward and Optimizer.step, on the same θ and
slots. What is gained: half of the pixels are 0, and so are half of the activations after ReLU and
of their gradients; the products here skip them. A unit's bias, activation and mask are computed
while its numbers are in cache, no Python runs between two products, and each phase is split into
as many parts as the run has threads.

    phase               split by             reads                    writes
    gather              samples              pixels                   X
    forward, layer l    units of layer l     W, b, A of l − 1         A of l
    loss                samples              logits                   P − Y
    backward, layer l   inputs of layer l    dZ of l                  their rows of W, dZ, b
    update              parameters           G, slots                 θ, slots

A thread of a backward phase reads only those rows of W that it then overwrites itself, so no thread
waits between reading and writing. Every sum is added up in one order, whichever thread does it: a
run gives the same bits with any number of threads.

Where a run wants products of bfloat16 numbers, both factors are rounded on their way to the
kernels, and sums, θ, slots and everything else stay float32. The first layer with local receptive
fields, validation and classifying multiply float32.

With local receptive fields, the first layer costs what its windows hold: weights outside of them
are not in the vectors that a step changes, which are copied to θ and the slots where those are
read, after an epoch or before a state is saved.

Not covered: float64, networks without a hidden layer, and receptive fields where standardized
pixels are dropped. There, and without numba or its OpenMP library, training uses the numpy backend.

    availability            whether all this is available; imports nothing of it until asked
    first_batch             the batch that shows it
    step, classifier        what training and classifying call
    network, inference      a batch forward and backward; images forward
    formulas                formulas of core/activations.py and core/update_rules.py, compiled
    functions, optimizers   activations and softmax; a step of the optimizer
    philox                  the random numbers of dropout
    matmul                  products in place of the BLAS's
    panels                  their factors, as they are or rounded to bfloat16
    inputs                  X of a batch: samples varied, mixed, scaled, partly dropped
    windows, window_tiles   products of a first layer with local receptive fields
    kernels, tiles          what they are made of, in vectors and in tiles (AMX)
    simd, bits, bfloat16    vectors and their instructions; masks; pairs of bfloat16
    peak                    the rate of the unit that multiplies bfloat16
    layout, jit             offsets, buffers, θ without what windows leave out; numba's options and
                            cache
"""
