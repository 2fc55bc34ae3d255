"""Every number under the microscope, recomputed from the textbook alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch
from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS
from handstitch.insight import take_step
from handstitch.insight.stages import FORMULAS, Label, Stage, Table, stages
from handstitch.model import Model
from handstitch.receptive_fields import ReceptiveFields
from tests.sample_models import sample

SIZES, SHAPE, LABEL = (36, 9, 7, 5), (6, 6), 3
F: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}
SLOPE: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.where(z > 0, 1, 0),
    "leaky_relu": lambda z: np.where(z > 0, 1, 0.01),
    "elu": lambda z: np.where(z > 0, 1, np.exp(z)),
    "sigmoid": lambda z: 1 / (2 + np.exp(z) + np.exp(-z)),
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "relu": {"optimizer": "sgd", "weight_decay": 0.01, "learning_rate": 0.3},
    "leaky_relu": {"optimizer": "adamw", "weight_decay": 0.05, "label_smoothing": 0.1},
    "elu": {"optimizer": "nesterov", "clip_norm": 0.01},
    "sigmoid": {"optimizer": "rmsprop", "weight_decay": 0.01, "decay_biases": True},
    "tanh": {"optimizer": "momentum"},
}
IMAGE = np.random.default_rng(8).integers(0, 256, SHAPE, np.uint8)


def make(activation: str) -> tuple[Model, Config]:
    fields = ReceptiveFields(np.array([[n % 3, n // 3, 4, 3] for n in range(9)]), SHAPE)
    model = sample(
        SIZES, image_shape=SHAPE, activations=(activation,) * 2, offset=90.0, scale=0.01,
        receptive_fields=fields,
    )  # fmt: skip
    model.parameters.weights[0][:] *= fields.mask
    return model, Config(
        hidden_sizes=SIZES[1:-1], activation=(activation,) * 2, **CONFIGS[activation]
    )


class Textbook:
    """The same step in plain NumPy."""

    def __init__(self, model: Model, config: Config) -> None:
        f, slope = F[config.activation[0]], SLOPE[config.activation[0]]
        self.W = [W.astype(float) for W in model.parameters.weights]
        self.b = [b.astype(float) for b in model.parameters.biases]
        self.A = [(IMAGE.reshape(-1).astype(float) - 90) * 0.01]
        self.Z = []
        for layer, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            self.Z.append(np.einsum("k,kj->j", self.A[-1], W) + b)
            if layer < 2:
                self.A.append(f(self.Z[-1]))
        self.P = np.exp(self.Z[-1]) / np.exp(self.Z[-1]).sum()
        smooth = config.label_smoothing
        self.Y = (1 - smooth) * np.eye(5)[LABEL] + smooth / 5
        self.loss = self.loss_of(self.W, self.b, config)
        self.dZ = [self.P - self.Y]
        self.dA: list[Any] = []
        for layer in (1, 0):
            self.dA.insert(0, np.einsum("j,kj->k", self.dZ[0], self.W[layer + 1]))
            self.dZ.insert(0, self.dA[0] * slope(self.Z[layer]))
        self.slope = [slope(Z) for Z in self.Z[:2]]
        assert model.receptive_fields is not None
        masks = [model.receptive_fields.mask, 1, 1]
        self.dW = [np.outer(A, dZ) * M for A, dZ, M in zip(self.A, self.dZ, masks, strict=True)]
        squares = sum((dW**2).sum() for dW in self.dW) + sum((dZ**2).sum() for dZ in self.dZ)
        self.norm = float(np.sqrt(squares))
        clip = config.clip_norm
        self.factor = clip / self.norm if clip and self.norm > clip else 1.0
        self.slots: list[list[Any]] = [[], [], []]
        self.W_after, self.b_after = [], []
        for layer in range(3):
            W, slots = self.update(self.W[layer], self.dW[layer], config, decayed=True)
            b, more = self.update(
                self.b[layer], self.dZ[layer], config, decayed=config.decay_biases
            )
            self.W_after.append(W)
            self.b_after.append(b)
            self.slots[layer] = list(zip(slots, more, strict=True))
        self.loss_after = self.loss_of(self.W_after, self.b_after, config)

    def loss_of(self, W: list[Any], b: list[Any], config: Config) -> float:
        f, Z = F[config.activation[0]], self.A[0] @ W[0] + b[0]
        for layer in (1, 2):
            Z = f(Z) @ W[layer] + b[layer]
        return float(-(self.Y * np.log(np.exp(Z) / np.exp(Z).sum())).sum())

    def update(self, x: Any, G: Any, c: Config, *, decayed: bool) -> tuple[Any, list[Any]]:
        eta, decay = c.learning_rate, c.weight_decay if decayed else 0
        G = G * self.factor
        if c.optimizer == "adamw":
            x = x - eta * decay * x
            m, s = (1 - c.beta1) * G, (1 - c.beta2) * G**2
            return x - eta * G / (np.abs(G) + c.epsilon), [m, s]
        G = G + decay * x
        if c.optimizer == "rmsprop":
            s = (1 - c.beta2) * G**2
            return x - eta * G / (np.sqrt(s) + c.epsilon), [s]
        if c.optimizer == "sgd":
            return x - eta * G, []
        step = G + c.momentum * G if c.optimizer == "nesterov" else G
        return x - eta * step, [G]


def place(label: Label) -> int:
    """The position of a pixel, a unit or a class."""
    if label.kind == "pixel":
        row, column = map(int, map(str, label.which))
        return row * SHAPE[1] + column
    text = str(label.which[0])
    return int(text.removeprefix("class "))


def expected(stage: Stage, table: Table, book: Textbook) -> Any:
    """The numbers that a table should have, from its labels."""
    n = stage.layer - 1
    rows, columns = table.rows, table.columns
    if stage.kind == "input":
        at = [place(row) for row in rows]
        return np.column_stack([IMAGE.reshape(-1)[at], book.A[0][at]])
    if stage.kind == "loss":
        at = [place(row) for row in rows]
        return np.column_stack([book.Z[2], book.P, book.Y, book.dZ[2]])[at]
    if stage.kind == "update":
        table_values = []
        for row in rows:
            found = re.fullmatch(r"([Wb]).\[(\d+)(?:, (\d+))?\]", str(row.which[0]))
            assert found
            which = 0 if found[1] == "W" else 1
            entry = tuple(int(each) for each in found.groups()[1:] if each)
            before, after = (book.W, book.W_after) if which == 0 else (book.b, book.b_after)
            gradient = book.dW if which == 0 else book.dZ
            slots = [pair[which][entry] for pair in book.slots[n]]
            start, end = before[n][entry], after[n][entry]
            table_values.append([start, gradient[n][entry], *slots, end - start, end])
        return np.array(table_values)
    if stage.kind == "forward" and columns[0].kind == "formula":
        inputs, units = [place(row) for row in rows], [place(each) for each in columns[1:]]
        return np.column_stack([book.A[n][inputs], book.W[n][np.ix_(inputs, units)]])
    units = [place(each) for each in columns]
    if stage.kind == "forward":
        inputs = [place(row) for row in stage.tables[0].rows]
        part = book.A[n][inputs] @ book.W[n][np.ix_(inputs, units)]
        rest = np.delete(book.A[n], inputs) @ np.delete(book.W[n], inputs, axis=0)[:, units]
        values = [part, rest, book.b[n][units], book.Z[n][units]]
        return np.array(values + ([book.A[n + 1][units]] if n < 2 else []))
    if len(rows) == 3 and rows[0].kind == "formula":
        return np.array([each[n][units] for each in (book.dA, book.slope, book.dZ)])
    inputs = [place(row) for row in rows[:-1]]
    return np.vstack([book.dW[n][np.ix_(inputs, units)], book.dZ[n][units]])


@pytest.mark.parametrize("activation", list(CONFIGS))
def test_every_number_is_that_of_the_textbook(activation: str) -> None:
    model, config = make(activation)
    before = model.parameters.vector.copy()
    step = take_step(model, config, IMAGE, LABEL)
    np.testing.assert_array_equal(model.parameters.vector, before)
    book, found = Textbook(model, config), stages(step, model)
    assert [(stage.kind, stage.layer) for stage in found] == [
        ("input", 0), ("forward", 1), ("forward", 2), ("forward", 3), ("loss", 0),
        ("backward", 3), ("backward", 2), ("backward", 1),
        ("update", 1), ("update", 2), ("update", 3), ("after", 0),
    ]  # fmt: skip
    for stage in found:
        for table in stage.tables:
            assert table.values.shape == (len(table.rows), len(table.columns))
            assert np.abs(table.values).max() > 0
            np.testing.assert_allclose(
                table.values, expected(stage, table, book), rtol=1e-6, atol=1e-12,
                err_msg=f"{stage.kind} {stage.layer} {table.name}",
            )  # fmt: skip
    facts = {**found[0].facts, **found[-2].facts, **found[-1].facts}
    for sign, value in {
        "offset": 90, "scale": 0.01, "L": book.loss, "L′": book.loss_after, "‖G‖": book.norm,
        "c": book.factor, "η": config.learning_rate, "λ": config.weight_decay,
        "longest": config.clip_norm, "μ": config.momentum, "β₁": config.beta1, "t": 1,
        "β₂": config.beta2, "ε": config.epsilon,
    }.items():  # fmt: skip
        assert facts.pop(sign, value) == pytest.approx(value), sign
    assert not facts
    assert step.worst < 1e-9


def test_a_wrong_derivative_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    f, _ = ACTIVATIONS["elu"]
    monkeypatch.setitem(ACTIVATIONS, "elu", (f, lambda dA, A: dA * (A + 1.0)))
    assert take_step(*make("elu"), IMAGE, LABEL).worst > 1e-3


NAMES = {
    r"\frac": "", "}{": "/", r"\mathrm": "", r"\sum": "Σ", r"\odot": "⊙", r"\leftarrow": "←",
    r"\lambda": "λ", r"\theta": "θ", r"\eta": "η", r"\,": "", "'": "′", "-": "−", "ᶻ": "z",
    "⁻": "−",
}  # fmt: skip
"""Of LaTeX and of superscripts → what is left of them."""


def bare(formula: str) -> str:
    """A formula's names and signs, as LaTeX and plain text have them alike."""
    for name, left in NAMES.items():
        formula = formula.replace(name, left)
    return re.sub(r"[\\\s_^&$`{}()\[\]·]|(?<=[WAZb])[₀-₉]", "", formula)


def test_formulas_are_those_of_the_derivation_and_of_core() -> None:
    source = Path(handstitch.__file__).parent
    known = (source.parents[1] / "docs" / "derivation.md").read_text("utf-8")
    for path in [*(source / "core").glob("*.py"), source / "data" / "scaling.py"]:
        known += path.read_text("utf-8")
    formulas = {each for pair in FORMULAS.values() for each in pair}
    for activation in CONFIGS:
        model, config = make(activation)
        for stage in stages(take_step(model, config, IMAGE, LABEL), model):
            formulas |= set(stage.formulas)
    assert len(formulas) > 30
    said = bare(known)
    unknown = []
    for formula in formulas - {"G ← c G"}:
        right = re.split(" [=←] ", formula, maxsplit=1)[-1]
        if not any(bare(each) in said for each in (formula, right)):
            unknown.append(formula)
    assert unknown == []
    assert bare("L = s · log Σ_k exp(Z[k]) + 1") not in said
