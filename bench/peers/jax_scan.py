"""JAX: one epoch as one compiled program (`lax.scan` over the batches)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from job import RATE, arguments, initial, measure, scaled

Weights = list[tuple[jax.Array, jax.Array]]


def loss(weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross-entropy."""
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = weights[-1]
    return -jnp.mean(jax.nn.log_softmax(x @ W + b)[jnp.arange(len(y)), y])


def step(weights: Weights, batch: tuple[jax.Array, jax.Array]) -> tuple[Weights, jax.Array]:
    """One step of SGD."""
    value, gradient = jax.value_and_grad(loss)(weights, *batch)
    return jax.tree.map(lambda w, g: w - RATE * g, weights, gradient), value


@jax.jit
def compiled(
    weights: Weights, images: jax.Array, labels: jax.Array, order: jax.Array, rest: jax.Array
) -> tuple[Weights, jax.Array]:
    """All full batches in the order given, then the short one."""

    def picked(weights: Weights, picks: jax.Array) -> tuple[Weights, jax.Array]:
        return step(weights, (images[picks], labels[picks]))

    weights, losses = jax.lax.scan(picked, weights, order)
    if rest.size:
        weights, last = picked(weights, rest)
        losses = jnp.append(losses, last)
    return weights, jnp.mean(losses)


def main() -> None:
    """The data lie on the device as float32, scaled beforehand."""
    chosen = arguments()
    images, labels = scaled(chosen)
    x, y = jnp.asarray(images), jnp.asarray(labels.astype(np.int32))
    state = {"weights": [(jnp.asarray(W), jnp.asarray(b)) for W, b in initial(width=chosen.width)]}
    full = len(images) // chosen.batch * chosen.batch

    def epoch(order: np.ndarray) -> float:
        batches = jnp.asarray(order[:full].reshape(-1, chosen.batch))
        state["weights"], mean = compiled(
            state["weights"], x, y, batches, jnp.asarray(order[full:])
        )
        return float(jax.block_until_ready(mean))

    measure("JAX", epoch, chosen)


if __name__ == "__main__":
    main()
