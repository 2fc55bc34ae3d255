"""Each function of core with its counterpart in the script of the laboratory, on drawn inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from handstitch.core.activations import ACTIVATIONS, LEAK, apply
from handstitch.core.blas import gemm
from handstitch.core.functions import dropout, softmax, softmax_cross_entropy
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import INITIALIZATIONS, Parameters, count
from handstitch.core.update_rules import OPTIMIZERS, clipping

COUNTERPARTS = {
    "LEAK": "LEAK",
    "ACTIVATIONS": "ACTIVATIONS",
    "apply": "apply",
    "gemm": "gemm",
    "dropout": "dropout",
    "softmax": "softmax",
    "softmax_cross_entropy": "softmaxCrossEntropy",
    "Into": "",  # an object of the script; Optimizer.into makes it
    "Network.__init__": "Network",
    "Network.forward": "Network.forward",
    "Network.loss": "Network.loss",
    "Network.count_correct": "Network.countCorrect",
    "Network.backward": "Network.backward",
    "Workspace.__init__": "Workspace",
    "Workspace.for_batch": "",  # memory for a smaller batch, which the page has no need of
    "Hyperparameters": "",  # an object of the script, given to Optimizer
    "Optimizer.__init__": "Optimizer",
    "Optimizer.into": "Optimizer.into",
    "Optimizer.prepare": "Optimizer.prepare",
    "Optimizer.step": "Optimizer.step",
    "INITIALIZATIONS": "INITIALIZATIONS",
    "Parameters.__init__": "Parameters",
    "Parameters.random": "Parameters.random",
    "Parameters.decayed": "Parameters.decayed",
    "Parameters.zeros_like": "Parameters.zerosLike",
    "Parameters.copy": "Parameters.copy",
    "count": "count",
    "Coefficients": "",  # an object of the script; Optimizer.prepare makes it
    "sgd": "sgd",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "rmsprop": "rmsprop",
    "adam": "adam",
    "OPTIMIZERS": "OPTIMIZERS",
    "clipping": "clipping",
}
"""A name of core → that of the script; empty where there is none, for the reason given."""

SIZES = (6, 5, 4, 3)
FUNCTIONS = ("tanh", "leaky_relu")
MAKE = """
const matrix = (rows) => new Matrix(Float64Array.from(rows.flat()), rows.length, rows[0].length);
const drawn = (numbers) => { let at = 0; return { random: () => numbers[at++],
  standardNormal: () => numbers[at++] }; };
const network = (given) => new Network(
  new Parameters(given.sizes, Float64Array.from(given.theta)), given.activations,
  given.dropout, given.dropout, given.mask === null ? null : matrix(given.mask));
"""

Case = tuple[str, str, Any, Any]
"""Name in core, function of the script, what it is given, and the numbers wanted."""


class Drawn:
    """A stream of given numbers in the place of a generator."""

    def __init__(self, numbers: Any) -> None:
        self.numbers, self.at = numbers, 0

    def random(self, out: Any, dtype: Any) -> None:
        out[...] = self._take(out.shape)

    def standard_normal(self, shape: tuple[int, ...]) -> Any:
        return self._take(shape)

    def _take(self, shape: tuple[int, ...]) -> Any:
        start, self.at = self.at, self.at + int(np.prod(shape))
        return self.numbers[start : self.at].reshape(shape)


def cases() -> Iterator[Case]:
    """Every function on inputs that were drawn."""
    yield from _functions()
    yield from _parameters()
    yield from _training()


def _functions() -> Iterator[Case]:
    rng = np.random.default_rng(3)
    yield "LEAK", "() => LEAK", None, LEAK
    for n, k, m in ((3, 5, 4), (1, 2, 7)):
        A, B, C = (rng.standard_normal(shape) for shape in ((n, k), (k, m), (n, m)))
        for alpha, beta in ((1.0, 0.0), (-0.5, 0.75)):
            for turns in ((0, 0), (1, 0), (0, 1), (1, 1)):
                result = C.copy()
                gemm(alpha, A, B, beta, result)
                given = [A.T if turns[0] else A, B.T if turns[1] else B, C]
                yield "gemm", """([alpha, turns, beta, ...given]) => {
                    const [A, B, C] = given.map(matrix);
                    gemm(alpha, turns[0] ? A.transposed : A, turns[1] ? B.transposed : B, beta, C);
                    return [...C.data]; }""", [
                    alpha, turns, beta, *(each.tolist() for each in given)
                ], result.ravel()  # fmt: skip
    Z, dA = rng.standard_normal((2, 12)) * 3
    Z[:2] = 0, -40
    for name, (f, derivative) in ACTIVATIONS.items():
        A = f(Z)
        yield "ACTIVATIONS", """([name, Z, dA]) => { const [f, g] = ACTIVATIONS[name];
            const A = Z.map(f); return [...A, ...dA.map((d, i) => g(d, A[i]))]; }""", [
            name, Z.tolist(), dA.tolist()
        ], [*A, *derivative(dA, A)]  # fmt: skip
    result = dA.reshape(3, 4).copy()
    apply(ACTIVATIONS["tanh"][1], result, Z.reshape(3, 4))
    yield "apply", """([out, given]) => { const to = matrix(out);
        apply(ACTIVATIONS.tanh[1], to, matrix(given)); return [...to.data]; }""", [
        dA.reshape(3, 4).tolist(), Z.reshape(3, 4).tolist()
    ], result.ravel()  # fmt: skip
    A, numbers = rng.standard_normal((3, 4)), rng.random((3, 4))
    mask, out = np.empty((3, 4)), np.empty((3, 4))
    dropout(A, 0.4, Drawn(numbers.ravel()), mask, out)  # type: ignore[arg-type]
    yield "dropout", """([A, numbers]) => { const [mask, out] = [matrix(A), matrix(A)];
        dropout(matrix(A), 0.4, drawn(numbers), mask, out); return [...mask.data, ...out.data]; }
        """, [A.tolist(), numbers.ravel().tolist()], [*mask.ravel(), *out.ravel()]  # fmt: skip
    Z = np.array([[300], [3], [1]]) * rng.standard_normal((3, 4))
    Y = rng.random((3, 4))
    P, column, dZ, s = (np.empty(shape) for shape in ((3, 4), (3, 1), (3, 4), (3, 1)))
    softmax(Z, P, column)
    yield "softmax", "(Z) => { const P = matrix(Z); softmax(P, P); return [...P.data]; }", (
        Z.tolist()
    ), P.ravel()  # fmt: skip
    loss = softmax_cross_entropy(Z, Y, dZ, column, s)
    yield "softmax_cross_entropy", """([Z, Y]) => { const dZ = matrix(Z);
        return [softmaxCrossEntropy(matrix(Z), matrix(Y), dZ), ...dZ.data]; }""", [
        Z.tolist(), Y.tolist()
    ], [loss, *dZ.ravel()]  # fmt: skip


def _parameters() -> Iterator[Case]:
    rng = np.random.default_rng(4)
    mask: Any = np.float64(rng.random((6, 5)) < 0.6)
    mask[0] = mask[:, 0] = 1
    numbers = rng.standard_normal(count(SIZES))
    yield "count", "(sizes) => count(sizes)", SIZES, count(SIZES)
    pairs = [[7, 3], [1, 1]]
    for name, formula in INITIALIZATIONS.items():
        script = "([name, pairs]) => pairs.map((pair) => INITIALIZATIONS[name](...pair))"
        yield "INITIALIZATIONS", script, [name, pairs], [formula(*pair) for pair in pairs]
    for where in (None, mask):
        made = Parameters.random(
            SIZES, Drawn(numbers), "xavier", np.float64, where  # type: ignore[arg-type]
        )  # fmt: skip
        yield "Parameters.random", """([sizes, numbers, mask]) => [...Parameters.random(
            sizes, drawn(numbers), "xavier", mask === null ? null : matrix(mask)).vector]""", [
            SIZES, numbers.tolist(), None if where is None else where.tolist()
        ], made.vector  # fmt: skip
    theta = Parameters(SIZES, numbers)
    parts = [*theta.weights, *theta.biases]
    take = "const theta = new Parameters(sizes, Float64Array.from(vector));"
    given = [SIZES, numbers.tolist()]
    yield "Parameters.__init__", f"""([sizes, vector]) => {{ {take}
        return [...theta.weights, ...theta.biases].flatMap((each) => [...each.data]);
        }}""", given, (
        np.concatenate([part.ravel() for part in parts])
    )  # fmt: skip
    yield "Parameters.decayed", f"""([sizes, vector]) => {{ {take}
        return [...theta.decayed(false), ...theta.decayed(true)]; }}""", given, [
        *theta.decayed(False), *theta.decayed(True)
    ]  # fmt: skip
    yield "Parameters.zeros_like", f"""([sizes, vector]) => {{ {take}
        return [...theta.zerosLike().vector]; }}""", given, 0 * numbers  # fmt: skip
    yield "Parameters.copy", f"""([sizes, vector]) => {{ {take}
        const other = theta.copy(); other.vector.fill(7);
        return [...theta.vector]; }}""", given, numbers  # fmt: skip


def _training() -> Iterator[Case]:
    rng = np.random.default_rng(5)
    n, mask = 4, np.float64(rng.random((6, 5)) < 0.6)
    theta, X = rng.standard_normal(count(SIZES)), rng.standard_normal((n, 6))
    y, numbers = [2, 0, 1, 2], rng.random(n * sum(SIZES))
    weights = rng.random(n)
    fields: Any = type("Fields", (), {"mask": mask})()
    given = {
        "sizes": SIZES, "theta": theta.tolist(), "activations": FUNCTIONS, "dropout": 0.3,
        "mask": mask.tolist(), "X": X.tolist(), "numbers": numbers.tolist(), "y": y,
        "weights": weights.tolist(),
    }  # fmt: skip
    network = Network(Parameters(SIZES, theta.copy()), FUNCTIONS, 0.3, 0.3, fields)
    work = Workspace(network, n, smoothing=0.1)
    begin = """const net = network(given); const work = new Workspace(net, 4, 0.1);
        const Z = net.forward(matrix(given.X), work);"""
    plain = network.forward(X, work).ravel().copy()
    yield "Network.__init__", f"(given) => {{ {begin} return [...Z.data]; }}", given, plain
    yield "Network.count_correct", f"""(given) => {{ {begin}
        return net.countCorrect(given.y, work); }}""", given, (
        network.count_correct(np.array(y), work)
    )  # fmt: skip
    yield "Workspace.__init__", f"""(given) => {{ {begin}
        return [...work.classTargets.data, ...work.ones.data]; }}""", given, [
        *work.class_targets.ravel(), *work.ones.ravel()
    ]  # fmt: skip
    begin += "net.forward(matrix(given.X), work, drawn(given.numbers));"
    # Arrays of hidden layers lie in columns, and a generator fills them in the order of memory.
    turned = [numbers[: n * 6].reshape(n, 6)]
    for size in SIZES[1:3]:
        start = sum(each.size for each in turned)
        turned.append(numbers[start : start + n * size].reshape(n, size).T)
    stream: Any = Drawn(np.concatenate([each.ravel() for each in turned]))
    dropped = network.forward(X, work, stream).ravel()
    yield "Network.forward", f"(given) => {{ {begin} return [...Z.data]; }}", given, dropped
    loss = network.loss(np.array(y), work, weights, 0.7)
    dZ = work.gradients[-1].ravel().copy()
    begin += "const loss = net.loss(given.y, work, given.weights, 0.7);"
    script = f"(given) => {{ {begin} return [loss, ...work.gradients.at(-1).data]; }}"
    yield "Network.loss", script, given, [loss, *dZ]
    G = Parameters(SIZES, theta[::-1].copy())
    network.backward(work, Into(G, 0.5, 0.25, 0.125))
    yield "Network.backward", f"""(given) => {{ {begin}
        const G = new Parameters(given.sizes, Float64Array.from(given.theta).reverse());
        net.backward(work, {{ parameters: G, alpha: 0.5, beta: 0.25, betaBiases: 0.125 }});
        return [...G.vector]; }}""", given, G.vector  # fmt: skip
    yield from _optimizers(theta, rng.standard_normal((2, len(theta))))
    yield "clipping", "() => [clipping(3, 2), clipping(2, 3)]", None, [
        clipping(3, 2), clipping(2, 3)
    ]  # fmt: skip


def _optimizers(theta: Any, gradients: Any) -> Iterator[Case]:
    wanted = {"weight_decay": 0.1, "decay_biases": True, "clip_norm": 2.0}
    make = """const parameters = new Parameters(given.sizes, Float64Array.from(given.theta));
        const optimizer = new Optimizer(parameters, given.rule, given.options);"""
    for rule in OPTIMIZERS:
        for clip_norm in (0.0, 2.0):
            optimizer = Optimizer(
                Parameters(SIZES, theta.copy()), rule, **wanted | {"clip_norm": clip_norm}  # type: ignore[arg-type]
            )  # fmt: skip
            given = {
                "sizes": SIZES, "theta": theta.tolist(), "rule": rule, "G": gradients.tolist(),
                "options": {"weightDecay": 0.1, "decayBiases": True, "clipNorm": clip_norm},
            }  # fmt: skip
            into = optimizer.into(0.1, 0.25)
            yield "Optimizer.into", f"""(given) => {{ {make} const into = optimizer.into(0.1, 0.25);
                return [into.alpha, into.beta, into.betaBiases,
                  Number(into.parameters === parameters)]; }}""", given, [
                into.alpha, into.beta, into.beta_biases, into.parameters is optimizer.parameters
            ]  # fmt: skip
            for G in gradients:
                if optimizer.gradient:
                    optimizer.gradient.vector[:] = G
                optimizer.step(0.1)
            script = f"""(given) => {{ {make} for (const G of given.G) {{
                if (optimizer.gradient) optimizer.gradient.vector.set(G);
                optimizer.step(0.1); }} return [...parameters.vector]; }}"""
            for name in ("Optimizer.step", "OPTIMIZERS"):
                yield name, script, given, optimizer.parameters.vector
            yield OPTIMIZERS[rule][0].__name__, script, given, optimizer.parameters.vector
            yield "Optimizer.__init__", f"""(given) => {{ {make}
                return [optimizer.slots.length, Number(optimizer.decoupled)]; }}""", given, [
                len(optimizer.slots), optimizer.decoupled
            ]  # fmt: skip
            yield "Optimizer.prepare", f"""(given) => {{ {make} optimizer.steps = 2;
                return Object.values(optimizer.prepare(0.1)); }}""", given, [
                *optimizer.prepare(0.1)
            ]  # fmt: skip
