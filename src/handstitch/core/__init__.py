"""The book: the whole of the mathematics, to be read in one sitting, in this order.

    blas.py         C ← α A B + β C, the one primitive
    functions.py    each non-linearity, its derivative directly below it; softmax and the loss
    parameters.py   one vector θ, many views
    network.py      forward is a loop, backward the same loop reversed
    optimizers.py   update rules

Textbook capitals throughout: X inputs, W and b a layer's weights and biases, Z = A W + b,
A = f(Z), P probabilities, Y targets, and dT = ∂L/∂T for any T. Rows are samples.
"""
