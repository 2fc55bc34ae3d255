"""JAX: from the files to a tested model, one compiled program an epoch."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from whole import Clock, arguments, data, initial, rate

Weights = list[tuple[jax.Array, jax.Array]]


def logits(weights: Weights, x: jax.Array) -> jax.Array:
    """Of a batch."""
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = weights[-1]
    return x @ W + b


def loss(weights: Weights, x: jax.Array, y: jax.Array, smoothing: float) -> jax.Array:
    """Mean cross-entropy with smoothed labels."""
    log_p = jax.nn.log_softmax(logits(weights, x))
    right = log_p[jnp.arange(len(y)), y]
    return -jnp.mean((1 - smoothing) * right + smoothing * jnp.mean(log_p, axis=1))


@partial(jax.jit, static_argnames=("adam", "decay", "smoothing", "shift"), donate_argnums=0)
def epoch(state, data, batches, rates, *, mask, key, adam, decay, smoothing, shift):  # type: ignore[no-untyped-def]
    """All full batches; what is left over is left out. Without windows `mask` is None."""
    x, y = data

    def cut(pick, corner):  # type: ignore[no-untyped-def]
        return jax.lax.dynamic_slice(x, (pick, *corner), (1, 28, 28)).ravel()

    def step(state, batch):  # type: ignore[no-untyped-def]
        weights, M, S, t = state
        picks, eta = batch
        images = x[picks]
        if shift:
            now = jax.random.fold_in(key, t)
            images = jax.vmap(cut)(
                picks, jax.random.randint(now, (len(picks), 2), 0, 2 * shift + 1)
            )
        G = jax.grad(loss)(weights, images, y[picks], smoothing)
        if mask is not None:  # weights outside the windows start as 0 and stay so
            G[0] = (G[0][0] * mask, G[0][1])
        t = t + 1
        if not adam:
            return (jax.tree.map(lambda w, g: w - eta * g, weights, G), M, S, t), None
        M = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, M, G)
        S = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, S, G)
        a, b = eta / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        weights = [(W * (1 - eta * decay), bias) for W, bias in weights]
        moved = jax.tree.map(lambda w, m, s: w - a * m / (jnp.sqrt(s) / b + 1e-8), weights, M, S)
        return (moved, M, S, t), None

    return jax.lax.scan(step, state, (batches, rates))[0]


@jax.jit
def hits(weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    """The accuracy."""
    return jnp.mean(jnp.argmax(logits(weights, x), 1) == y)


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
    drawn, mask = initial(chosen)
    weights = [(jnp.asarray(W), jnp.zeros(W.shape[1])) for W in drawn]
    zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    state = (weights, *zeros, jnp.asarray(0, jnp.int32))
    run = partial(
        epoch,
        mask=mask if mask is None else jnp.asarray(mask),
        key=jax.random.key(chosen.seed),
        adam=chosen.adam,
        decay=chosen.decay,
        smoothing=chosen.smoothing,
        shift=chosen.shift,
    )
    x = parts["train"][0]
    each = len(x) // chosen.batch
    best, kept = -1.0, weights
    for number in range(chosen.epochs):
        order = rng.permutation(len(x))[: each * chosen.batch].reshape(each, chosen.batch)
        steps = range(number * each, (number + 1) * each)
        rates = np.array([rate(chosen, s, each * chosen.epochs) for s in steps], np.float32)
        state = run(state, parts["train"], order, rates)
        now = float(hits(state[0], *parts["validation"]))
        if now > best:
            best, kept = now, jax.tree.map(jnp.copy, state[0])
        if chosen.adam:
            clock.note(float(hits(state[0], *parts["test"])))
    np.savez(chosen.save, *[np.asarray(each) for pair in kept for each in pair])
    clock.report("JAX", float(hits(kept, *parts["test"])))


if __name__ == "__main__":
    main()
