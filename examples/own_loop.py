"""Gradient descent with the core alone: forward, loss, backward into the weights."""

import numpy as np

from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import Parameters
from handstitch.data import sketch

images, labels = sketch.draw(2000, seed=0)
X = images.reshape(len(images), -1).astype(np.float32) / 256
theta = Parameters.random((784, 64, 32, 10), np.random.default_rng(0))
network = Network(theta, ("relu", "relu"))
work = Workspace(network, n=50)
for epoch in range(5):
    loss = 0.0
    for start in range(0, len(X), 50):
        network.forward(X[start : start + 50], work)
        loss += network.loss(labels[start : start + 50], work)
        network.backward(work, Into(theta, alpha=-0.1 / 50, beta=1.0, beta_biases=1.0))
    print(f"epoch {epoch + 1}: mean loss {loss / len(X):.4f}")
