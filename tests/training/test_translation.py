"""A configuration as a program for PyTorch, Keras or scikit-learn trains the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from handstitch.arrays import Vector
from handstitch.config import Config
from handstitch.core.network import Workspace
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.training import schedules, start
from handstitch.training.translation import Library, translate

LIBRARIES = get_args(Library)
SIZES, BATCH, STEPS = (20, 16, 12, 5), 32, 100
SMOOTH = {"activation": ["tanh", "sigmoid"], "hidden_sizes": [16, 12]}
"""At a kink a rounding error may decide between two gradients."""
WEIGHTS = ["a=1", "b=0.2", "c=5", "d=0.7", "e=3"]


def configure(**settings: Any) -> Config:
    plain = {"epochs": 1, "batch_size": BATCH, "schedule": "constant", "warmup": 0.0}
    plain |= {"receptive_field": [], "shift": 0}
    return Config(**{**SMOOTH, **plain, **settings})


def run(config: Config, library: Library) -> dict[str, Any]:
    """The names that the printed program leaves, of a network of SIZES."""
    program = translate(config, library)
    if library != "sklearn":
        assert "INPUTS, CLASSES = 784, 10" in program
        program = program.replace("INPUTS, CLASSES = 784, 10", "INPUTS, CLASSES = 20, 5")
    return execute(program)


def execute(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(program, "translation", "exec"), names)
    return names


# ── Text ───────────────────────────────────────────────────────────────────────────────────────

SCHEDULES: list[dict[str, Any]] = [
    {"schedule": name, "warmup": warmup, "final_rate_fraction": final}
    for name in ("constant", "step", "exponential", "linear", "cosine", "one-cycle", "plateau")
    for warmup, final in ((0.0, 0.0), (1.5, 0.1))
]


@pytest.mark.parametrize("settings", SCHEDULES, ids=str)
def test_the_learning_rate_is_that_of_every_step(settings: dict[str, Any]) -> None:
    config = configure(epochs=7, decay_epochs=2.0, decay_factor=0.3, **settings)
    program = translate(config, "torch")
    program = program[program.index("def learning_rate") : program.index("def train_step")]
    written = execute("from math import cos, pi\n" + program)["learning_rate"]
    ours = [schedules.learning_rate(config, step, 9) for step in range(7 * 9)]
    assert [written(step, 9) for step in range(7 * 9)] == pytest.approx(ours, rel=1e-12, abs=1e-18)


def configurations() -> Iterator[Config]:
    for rule, decay, smoothing, reduction in product(
        OPTIMIZERS, (0.0, 0.01), (0.0, 0.1), ("mean", "sum")
    ):
        yield Config(
            optimizer=rule, weight_decay=decay, label_smoothing=smoothing, reduction=reduction
        )
    yield Config(hidden_sizes=(), activation=("relu",))
    yield Config(class_weight=("balanced",), clip_norm=1.0, decoupled=True, weight_decay=0.1)
    yield Config(class_weight=('"\n)import os#=2', "b'=1"), input_dropout=0.1, decay_biases=True)
    yield Config(precision="bfloat16")
    for preset in ("course", "plain"):
        yield Config.preset(preset)


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_program_is_python(library: Library) -> None:
    """Names of classes, which others may have chosen, are text in it."""
    for config in configurations():
        program = translate(config, library)
        compile(program, "translation", "exec")
        assert "\n)import" not in program
        assert max(map(len, program.splitlines())) <= 120, program


@pytest.mark.parametrize(
    ("library", "settings", "said"),
    [
        ("torch", {"receptive_field": (5, 13)}, "receptive_field"),
        ("keras", {"flip": True, "mixup": 0.2, "shift": 1}, "flip mixup shift"),
        ("torch", {"schedule": "plateau"}, "schedule"),
        ("keras", {"optimizer": "rmsprop"}, "epsilon"),
        ("keras", {"clip_norm": 1.0, "weight_decay": 0.1}, "clip_norm"),
        ("torch", {"class_weight": WEIGHTS, "label_smoothing": 0.1}, "class_weight"),
        ("sklearn", {"dropout": 0.2, "clip_norm": 1, "label_smoothing": 0.1, "warmup": 0.5},
         "dropout clip_norm label_smoothing warmup"),
        ("sklearn", {"optimizer": "adamw", "weight_decay": 0.1}, "weight_decay"),
        ("sklearn", {"weight_decay": 0.1, "decay_biases": True}, "decay_biases"),
        ("sklearn", {"activation": "elu"}, "elu"),
        ("sklearn", {"optimizer": "rmsprop"}, "rmsprop"),
        ("sklearn", {"class_weight": WEIGHTS}, "class_weight"),
        *((library, {"precision": "bfloat16"}, "precision") for library in LIBRARIES),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_said(
    library: Library, settings: dict[str, Any], said: str
) -> None:
    def comments(config: Config) -> str:
        lines = translate(config, library).splitlines()
        return "\n".join(line for line in lines if line.startswith("# - "))

    bare = {"receptive_field": (), "shift": 0}
    for word in said.split():
        assert word in comments(configure(**bare | settings))
    plain = configure(**bare, activation="tanh", optimizer="sgd")
    assert not any(word in comments(plain) for word in said.split())


# ── The same training ──────────────────────────────────────────────────────────────────────────


def make_batches() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.standard_normal((STEPS * BATCH, SIZES[0])), rng.integers(0, 5, STEPS * BATCH)


def initial(dtype: Any = np.float64) -> Parameters:
    """In float64, unless told: float32 would hide what differs by less."""
    rng = np.random.default_rng(0)
    parameters = Parameters.random(SIZES, rng, dtype=dtype)
    for b in parameters.biases:
        b[:] = 0.1 * rng.standard_normal(b.shape)
    return parameters


def train_here(config: Config, dtype: Any = np.float64) -> Vector:
    """θ after STEPS batches."""
    X, y = make_batches()
    X = X.astype(dtype)
    state = start(config, SIZES, parameters=initial(dtype))
    work = Workspace(state.network, BATCH, smoothing=config.label_smoothing)
    weights = np.array([float(item.split("=")[1]) for item in config.class_weight if "=" in item])
    if config.class_weight == ("balanced",):
        weights = len(y) / (5 * np.bincount(y))
    for step in range(STEPS):
        here = slice(step * BATCH, (step + 1) * BATCH)
        of_samples = weights[y[here]] if len(weights) else None
        total = BATCH if of_samples is None else of_samples.sum()
        rate = schedules.learning_rate(config, step, STEPS)
        state.network.forward(X[here], work)
        state.network.loss(y[here], work, of_samples)
        scale = 1 / total if config.reduction == "mean" else 1.0
        state.network.backward(work, state.optimizer.into(rate, scale))
        state.optimizer.step(rate)
    return state.network.parameters.vector


def difference(ours: Vector, weights: Any, biases: Any) -> float:
    """‖ours − theirs‖ relative to how far training went."""
    theirs = np.concatenate([np.ravel(each) for each in (*weights, *biases)])
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(ours - initial().vector))


def difference_from_torch(config: Config, dtype: Any = np.float64) -> float:
    torch = pytest.importorskip("torch", reason="PyTorch is not here; make oracle installs it")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64 if dtype == np.float64 else torch.float32)
    try:
        names = run(config, "torch")
        with torch.no_grad():
            for layer, W, b in zip(
                [each for each in names["model"] if isinstance(each, torch.nn.Linear)],
                initial(dtype).weights,
                initial(dtype).biases,
                strict=True,
            ):
                layer.weight.copy_(torch.tensor(W.T))
                layer.bias.copy_(torch.tensor(b))
        X, y = map(torch.tensor, make_batches())
        X = X.to(torch.get_default_dtype())
        for step in range(STEPS):
            here = slice(step * BATCH, (step + 1) * BATCH)
            names["train_step"](X[here], y[here], names["learning_rate"](step, STEPS))
    finally:
        torch.set_default_dtype(torch.float32)
    weights = [W.detach().numpy().T for W in names["weights"]]
    biases = [b.detach().numpy() for b in names["biases"]]
    return difference(train_here(config, dtype), weights, biases)


CASES: list[dict[str, Any]] = [
    {"optimizer": "sgd", "reduction": "sum", "learning_rate": 0.002, "weight_decay": 0.5},
    {"optimizer": "sgd", "weight_decay": 0.02, "decay_biases": True, "schedule": "linear"},
    {"optimizer": "momentum", "schedule": "cosine", "warmup": 0.2, "clip_norm": 0.3},
    {"optimizer": "momentum", "weight_decay": 0.02, "schedule": "one-cycle"},
    {"optimizer": "nesterov", "weight_decay": 0.05, "decoupled": True, "schedule": "cosine"},
    {"optimizer": "rmsprop", "weight_decay": 0.02},
    {"optimizer": "adam", "weight_decay": 0.02, "label_smoothing": 0.1, "epsilon": 1e-3},
    {"optimizer": "adamw", "weight_decay": 0.1, "decay_biases": True, "schedule": "linear"},
    {"optimizer": "adam", "class_weight": WEIGHTS, "epsilon": 1e-4},
    {"optimizer": "sgd", "class_weight": WEIGHTS, "reduction": "sum", "learning_rate": 0.002},
    {"optimizer": "sgd", "activation": ["leaky_relu", "elu"], "initialization": "xavier"},
]


@pytest.mark.oracle
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_pytorch_trains_the_same(settings: dict[str, Any]) -> None:
    config = configure(**settings)
    # clip_grad_norm_ divides by the norm + 1e-6.
    assert difference_from_torch(config) < (1e-4 if config.clip_norm else 1e-9)
    assert 1e-9 < difference_from_torch(config, np.float32) < 1e-4


@pytest.mark.oracle
def test_pytorch_multiplies_bfloat16_numbers() -> None:
    """The same training, but for the rounding: 8 bits in place of 24."""
    config = configure(optimizer="sgd", precision="bfloat16")
    assert 1e-4 < difference_from_torch(config, np.float32) < 0.05


def difference_from_keras(config: Config, old: str = "", new: str = "") -> float:
    """With a text of the program replaced by another."""
    pytest.importorskip("torch", reason="PyTorch is not here; make oracle installs it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        keras = pytest.importorskip("keras", reason="Keras is not here; make oracle installs it")
    keras.config.set_floatx("float64")
    try:
        program = translate(config, "keras").replace("= 784, 10", "= 20, 5")
        assert old in program
        names = execute(program.replace(old, new) if old else program)
        model = names["model"]
        parts = zip(initial().weights, initial().biases, strict=True)
        model.set_weights([part for pair in parts for part in pair])
        X, y = make_batches()
        fit, given = model.fit, {"shuffle": False, "verbose": 0}
        model.fit = lambda *arguments, **options: fit(*arguments, **options | given)
        names["train"](X, y)
    finally:
        keras.config.set_floatx("float32")
    trained = model.get_weights()
    return difference(train_here(config), trained[::2], trained[1::2])


BALANCED = {"optimizer": "sgd", "class_weight": ["balanced"]}
"""Its program counts the labels that it is given; that for PyTorch sees none."""
of_keras = pytest.mark.filterwarnings("ignore")
"""Its own deprecations of NumPy's functions."""


@pytest.mark.oracle
@of_keras
@pytest.mark.parametrize("settings", [*CASES, BALANCED], ids=str)
def test_keras_trains_the_same(settings: dict[str, Any]) -> None:
    config = configure(**settings)
    # With PyTorch below it computes the loss in float32; RMSprop has its ε under the root.
    assert difference_from_keras(config) < (1e-3 if config.optimizer == "rmsprop" else 1e-6)


@pytest.mark.oracle
@of_keras
@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        (1, "L2(0.01)", "L2(0.02)"),
        (3, "velocity * (rate / before)", "velocity"),
        (4, 'optimizer.exclude_from_weight_decay(var_names=["bias"])', ""),
        (6, "optimizer.epsilon =", "unused ="),
        (8, "mean_with_sample_weight", "sum_over_batch_size"),
    ],
)
def test_keras_with_our_numbers_trains_another_network(case: int, old: str, new: str) -> None:
    """Each convention counts: without it the weights differ by far more."""
    assert difference_from_keras(configure(**CASES[case]), old, new) > 1e-4


def difference_from_scikit_learn(config: Config, **other: Any) -> float:
    pytest.importorskip("sklearn", reason="scikit-learn is not here; make oracle installs it")
    classifier = run(config, "sklearn")["classifier"].set_params(**other)
    X, y = make_batches()
    classifier.partial_fit(X[:BATCH], y[:BATCH], classes=range(5))
    for theirs, ours in zip(
        classifier.coefs_ + classifier.intercepts_,
        initial().weights + initial().biases,
        strict=True,
    ):
        theirs[:] = ours
    del classifier._optimizer  # which has seen a step
    for step in range(STEPS):
        here = slice(step * BATCH, (step + 1) * BATCH)
        classifier.partial_fit(X[here], y[here])
    return difference(train_here(config), classifier.coefs_, classifier.intercepts_)


SCIKIT_LEARN: list[dict[str, Any]] = [
    {"optimizer": "sgd", "reduction": "sum", "learning_rate": 0.002, "weight_decay": 0.5},
    {"optimizer": "sgd", "weight_decay": 0.02},
    {"optimizer": "momentum", "weight_decay": 0.02, "activation": "sigmoid"},
    {"optimizer": "momentum", "reduction": "sum", "learning_rate": 0.001, "weight_decay": 0.3},
    {"optimizer": "nesterov", "weight_decay": 0.02},
    {"optimizer": "adam", "weight_decay": 0.02},
    {"optimizer": "adam", "reduction": "sum", "weight_decay": 0.3},
]


@pytest.mark.oracle
@pytest.mark.parametrize("settings", SCIKIT_LEARN, ids=str)
def test_scikit_learn_trains_the_same(settings: dict[str, Any]) -> None:
    config = configure(**{"activation": "tanh"} | settings)
    # Adam has its ε before the bias correction, as the program says.
    assert difference_from_scikit_learn(config) < (1e-4 if config.optimizer == "adam" else 1e-9)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("case", "other"), [(0, {"learning_rate_init": 0.002}), (1, {"alpha": 0.02})]
)
def test_scikit_learn_with_our_numbers_trains_another_network(
    case: int, other: dict[str, Any]
) -> None:
    config = configure(activation="tanh", **SCIKIT_LEARN[case])
    assert difference_from_scikit_learn(config, **other) > 0.01
