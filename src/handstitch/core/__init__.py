"""The book: the whole of the mathematics, to be read in one sitting, in this order.

    blas.py           C ← α A B + β C, the one primitive
    activations.py    each activation, its derivative directly below it
    functions.py      dropout, softmax and the loss
    parameters.py     one vector θ, many views
    network.py        forward is a loop, backward the same loop reversed
    update_rules.py   each update rule
    optimizers.py     a step: clipping, weight decay, the rule

The formulas of activations.py and update_rules.py are compiled by the numba backend, too: what
stands there trains in both backends. The other files it writes once more.

Textbook capitals throughout: X inputs, W and b a layer's weights and biases, Z = A W + b,
A = f(Z), P probabilities, Y targets, and dT = ∂L/∂T for any T. Rows are samples.
"""
