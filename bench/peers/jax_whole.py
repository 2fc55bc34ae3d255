"""JAX: from the files to a tested model, one compiled program an epoch."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from whole import Clock, arguments, data, rate

Weights = list[tuple[jax.Array, jax.Array]]


def logits(weights: Weights, x: jax.Array, key: jax.Array | None, p: float) -> jax.Array:
    """Dropout where there is a key."""
    for number, (W, b) in enumerate(weights[:-1]):
        x = jax.nn.relu(x @ W + b)
        if key is not None and p:
            keep = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - p, x.shape)
            x = jnp.where(keep, x / (1 - p), 0)
    W, b = weights[-1]
    return x @ W + b


def loss(weights: Weights, x: jax.Array, y: jax.Array, key: jax.Array, p: float) -> jax.Array:
    """Mean cross-entropy."""
    return -jnp.mean(jax.nn.log_softmax(logits(weights, x, key, p))[jnp.arange(len(y)), y])


@partial(jax.jit, static_argnames=("adam", "p"), donate_argnums=0)
def epoch(state, data, batches, rates, *, key, adam, p):  # type: ignore[no-untyped-def]
    """All full batches; what is left over is left out."""
    x, y = data

    def step(state, batch):  # type: ignore[no-untyped-def]
        weights, M, S, t = state
        picks, eta = batch
        key_now = jax.random.fold_in(key, t)
        G = jax.grad(loss)(weights, x[picks], y[picks], key_now, p)
        t = t + 1
        if not adam:
            return (jax.tree.map(lambda w, g: w - eta * g, weights, G), M, S, t), None
        M = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, M, G)
        S = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, S, G)
        a, b = eta / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        moved = jax.tree.map(lambda w, m, s: w - a * m / (jnp.sqrt(s) / b + 1e-8), weights, M, S)
        return (moved, M, S, t), None

    return jax.lax.scan(step, state, (batches, rates))[0]


@jax.jit
def hits(weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    """The accuracy."""
    return jnp.mean(jnp.argmax(logits(weights, x, None, 0.0), 1) == y)


def main() -> None:
    """Adam written out: optax would be one more thing to install."""
    chosen = arguments()
    clock = Clock(chosen)
    # What it compiles is kept on disk, as Handstitch's step is.
    jax.config.update("jax_compilation_cache_dir", str(Path(sys.prefix) / "jax-cache"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    parts = {
        name: (jnp.asarray(x), jnp.asarray(y.astype(np.int32)))
        for name, (x, y) in data(chosen).items()
    }
    rng = np.random.Generator(np.random.Philox(chosen.seed))
    weights = [
        (jnp.asarray(rng.standard_normal((n, m)) * np.sqrt(2 / n), jnp.float32), jnp.zeros(m))
        for n, m in ((784, 512), (512, 256), (256, 10))
    ]
    zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    state = (weights, *zeros, jnp.asarray(0, jnp.int32))
    x = parts["train"][0]
    each = len(x) // chosen.batch
    key, best, kept = jax.random.key(chosen.seed), -1.0, weights
    for number in range(chosen.epochs):
        order = rng.permutation(len(x))[: each * chosen.batch].reshape(each, chosen.batch)
        steps = range(number * each, (number + 1) * each)
        rates = np.array([rate(chosen, s, each * chosen.epochs) for s in steps], np.float32)
        state = epoch(
            state, parts["train"], order, rates, key=key, adam=chosen.adam, p=chosen.dropout
        )
        now = float(hits(state[0], *parts["validation"]))
        if now > best:
            best, kept = now, jax.tree.map(jnp.copy, state[0])
        if chosen.adam:
            clock.note(float(hits(state[0], *parts["test"])))
    np.savez(chosen.save, *[np.asarray(each) for pair in kept for each in pair])
    clock.report("JAX", float(hits(kept, *parts["test"])))


if __name__ == "__main__":
    main()
