"""Stages of a training step: its formulas, each with a table of the numbers in it.

What a terminal and a page show alike. Formulas are those of docs/derivation.md and of core/, with
the number of the layer; labels and headings are named here, and worded by who shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Indices, Matrix
from handstitch.config import Config
from handstitch.core.update_rules import OPTIMIZERS, clipping
from handstitch.insight.microscope import LayerStep, TrainingStep
from handstitch.model import Model

_CLASSES: Final = 12
"""Classes shown of the last layer, those with the largest gradients."""
FORMULAS: Final = {
    "relu": ("a = max(z, 0)", "f′ = 1 where a > 0, else 0"),
    "leaky_relu": ("a = max(z, 0.01 z)", "f′ = 1 where a > 0, else LEAK"),
    "elu": ("a = z for z > 0, and eᶻ − 1 below", "f′ = eᶻ = a + 1"),
    "sigmoid": ("a = 1/(1 + e⁻ᶻ)", "f′ = a (1 − a)"),
    "tanh": ("a = sinh z/cosh z", "f′ = 1 − a²"),
}
"""Each activation and its derivative."""
_SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Label(NamedTuple):
    """The name of a row or column: what kind of thing it is, and which."""

    kind: str
    """formula, pixel, feature, unit, class, shown, others, x, step or after."""
    which: tuple[object, ...] = ()


class Table(NamedTuple):
    """Numbers of the step."""

    name: str
    shape: str
    """Of the whole matrix, such as 784 × 512; empty where the table is no part of one."""
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    values: Matrix
    is_check: bool = False
    """Whether these are derivatives by the complex step."""


class Stage(NamedTuple):
    """A part of the step."""

    kind: str
    """input, forward, loss, backward, update or after."""
    layer: int
    """Counted from 1; 0 where it is of none."""
    formulas: tuple[str, ...]
    facts: dict[str, float]
    """Single numbers, by symbol."""
    tables: tuple[Table, ...]


def stages(step: TrainingStep, model: Model) -> list[Stage]:
    """The stages of the step, in order."""
    layers = list(enumerate(step.layers, 1))
    return [
        _input(step, model),
        *(_forward(step, model, number, layer) for number, layer in layers),
        _loss(step, model),
        *(_backward(step, model, number, layer) for number, layer in reversed(layers)),
        *_update(step),
        Stage("after", 0, (_loss_formula(step),), {"L": step.loss, "L′": step.loss_after}, ()),
    ]


def subscript(formula: str, number: int) -> str:
    """A formula with n for the number of a layer and m for that below: W{n} is W₁."""
    signs = [str(each).translate(_SUBSCRIPTS) for each in (number - 1, number, number + 1)]
    return formula.format(m=signs[0], n=signs[1], o=signs[2])


def _input(step: TrainingStep, model: Model) -> Stage:
    inputs, scaling = step.layers[0].inputs, model.scaling
    pixels = step.image.reshape(-1)[inputs].astype(np.float64)
    facts = {
        name: float(value)
        for name, value in (("offset", scaling.offset), ("scale", scaling.scale))
        if np.ndim(value) == 0
    }
    table = Table(
        "X",
        f"1 × {step.X.size}",
        tuple(_names(model, 0, inputs)),
        (Label("x"), Label("formula", ("A₀ = X",))),
        np.column_stack([pixels, step.X[0, inputs]]),
    )
    return Stage("input", 0, ("x ← (x − offset) · scale",), facts, (table,))


def _forward(step: TrainingStep, model: Model, number: int, layer: LayerStep) -> Stage:
    """Z = A W + b, term by term for the inputs shown; A = f(Z)."""
    inputs, units = layer.inputs, layer.units
    rows, columns = _names(model, number - 1, inputs), _names(model, number, units)
    A, W = layer.A[:, inputs], layer.W[np.ix_(inputs, units)]
    part = (A @ W)[0]
    others = layer.Z[0, units] - layer.b[units] - part
    names = [Label("shown"), Label("others", (layer.A.size - len(inputs),))]
    names += [_formula("b{n}", number), _formula("Z{n}", number)]
    values, formulas = (
        [part, others, layer.b[units], layer.Z[0, units]],
        ["Z{n} = A{m} W{n} + b{n}"],
    )
    if number < len(step.layers):
        names.append(_formula("A{n} = f(Z{n})", number))
        values.append(layer.output[0, units])
        formulas += ["A{n} = f(Z{n})", FORMULAS[model.activations[number - 1]][0]]
    terms = Table(
        subscript("W{n}", number),
        _shape(layer.W),
        tuple(rows),
        (_formula("A{m}", number), *columns),
        np.column_stack([A[0], W]),
    )
    sums = Table(
        subscript("Z{n}", number),
        f"1 × {layer.Z.size}",
        tuple(names),
        tuple(columns),
        np.array(values),
    )
    return Stage("forward", number, _written(formulas, number), {}, (terms, sums))


def _loss(step: TrainingStep, model: Model) -> Stage:
    last, n = step.layers[-1], len(step.layers)
    classes = np.sort(np.argsort(-np.abs(last.dZ[0]), kind="stable")[:_CLASSES])
    table = Table(
        "P",
        f"1 × {step.P.size}",
        tuple(_names(model, n, classes)),
        (_formula("Z{n}", n), *(Label("formula", (name,)) for name in "PY"), _formula("dZ{n}", n)),
        np.column_stack([last.Z[0], step.P, step.Y, last.dZ[0]])[classes],
    )
    formulas = ("P[j] = exp(Z[j]) / Σ_k exp(Z[k])", _loss_formula(step), "dZ = P − Y")
    return Stage("loss", 0, formulas, {"L": step.loss}, (table,))


def _loss_formula(step: TrainingStep) -> str:
    if step.config.label_smoothing:
        return "L = s · log Σ_k exp(Z[k]) − Σ_j Y[j] Z[j]"
    return "L = −log P[y]"


def _backward(step: TrainingStep, model: Model, number: int, layer: LayerStep) -> Stage:
    """dA = dZ Wᵀ from the layer above and dZ = dA ⊙ f′; then dW and db, and the complex step."""
    inputs, units = layer.inputs, layer.units
    rows, columns = _names(model, number - 1, inputs), _names(model, number, units)
    tables, formulas = [], []
    if number < len(step.layers):
        names = ("dA{n} = dZ{o} W{o}ᵀ", "f′(Z{n})", "dZ{n} = dA{n} ⊙ f′(Z{n})")
        values = [each[0, units] for each in (layer.dA, layer.slope, layer.dZ)]
        formulas += [names[0], names[2], FORMULAS[model.activations[number - 1]][1]]
        tables.append(
            Table(
                subscript("dZ{n}", number),
                f"1 × {layer.dZ.size}",
                tuple(_formula(name, number) for name in names),
                tuple(columns),
                np.array(values),
            )
        )
    formulas += ["dW{n} = A{m}ᵀ dZ{n}", "db{n} = 1ᵀ dZ{n}"]
    for dW, db, is_check in (
        (layer.dW[np.ix_(inputs, units)], layer.db[units], False),
        (*layer.numeric, True),
    ):
        tables.append(
            Table(
                subscript("dW{n}", number),
                _shape(layer.W),
                (*rows, _formula("db{n}", number)),
                tuple(columns),
                np.vstack([dW, db]),
                is_check,
            )
        )
    return Stage("backward", number, _written(formulas, number), {}, tuple(tables))


def _update(step: TrainingStep) -> Iterator[Stage]:
    """Of each layer the weight of the largest gradient in each column shown, and one bias."""
    formulas, facts = update_rule(step.config, step.norm)
    slots = tuple(Label("formula", (_SLOTS[name],)) for name in step.layers[0].slots)
    columns = (*(Label("formula", (name,)) for name in ("θ", "G")), *slots,
               Label("step"), Label("after"))  # fmt: skip
    for number, layer in enumerate(step.layers, 1):
        largest = np.argmax(np.abs(layer.dW[np.ix_(layer.inputs, layer.units)]), axis=0)
        places = list(zip(layer.inputs[largest].tolist(), layer.units.tolist(), strict=True))
        unit = int(layer.units[0])
        rows = [_formula(f"W{{n}}[{k}, {j}]", number) for k, j in places]
        rows.append(_formula(f"b{{n}}[{unit}]", number))
        kept = [(layer.W, layer.b), (layer.dW, layer.db), *layer.slots.values()]
        kept.append((layer.W_after, layer.b_after))
        values = np.array([[*(W[k, j] for k, j in places), b[unit]] for W, b in kept])
        values = np.insert(values, -1, values[-1] - values[0], axis=0).T
        table = Table(
            f"θ, {subscript('W{n}', number)}", _shape(layer.W), tuple(rows), columns, values
        )
        yield Stage("update", number, formulas, facts, (table,))


_SLOTS: Final = {"velocity": "V", "square": "S", "mean": "M"}
_CONSTANTS: Final = {
    "momentum": {"μ": "momentum"},
    "nesterov": {"μ": "momentum"},
    "rmsprop": {"β₂": "beta2", "ε": "epsilon"},
    "adam": {"β₁": "beta1", "β₂": "beta2", "ε": "epsilon"},
}


def update_rule(config: Config, norm: float) -> tuple[tuple[str, ...], dict[str, float]]:
    """The formulas of the first step, the rule's from its own docstring; and their constants."""
    rule, _ = OPTIMIZERS[config.optimizer]
    line = (rule.__doc__ or "").split("\n", 1)[0]
    formulas = [part.strip() for part in line.partition(". ")[0].rstrip(".").split(",  ")]
    facts = {"η": config.learning_rate}
    facts |= {
        sign: getattr(config, name) for sign, name in _CONSTANTS.get(rule.__name__, {}).items()
    }
    if rule.__name__ == "adam":
        formulas += ["M\u0302 = M/(1 − β₁ᵗ)", "Ŝ = S/(1 − β₂ᵗ)"]
        facts["t"] = 1
    if config.weight_decay:
        is_decoupled = config.decoupled or config.optimizer == "adamw"
        formulas.insert(0, "θ ← (1 − η λ) · θ" if is_decoupled else "G ← G + λ θ")
        facts["λ"] = config.weight_decay
    if config.clip_norm:
        formulas[:0] = ["c = min(1, longest / ‖G‖)", "G ← c G"]
        facts |= {"longest": config.clip_norm, "‖G‖": norm, "c": clipping(norm, config.clip_norm)}
    return tuple(formulas), facts


def _names(model: Model, layer: int, positions: Indices) -> list[Label]:
    """Labels of units of a layer; of layer 0 they are pixels or features, of the last classes."""
    if layer == 0:
        if not model.has_images:
            return [Label("feature", (int(each),)) for each in positions]
        shape = model.image_shape
        return [
            Label("pixel", tuple(map(int, np.unravel_index(each, shape)))) for each in positions
        ]
    if layer == len(model.parameters.weights):
        return [Label("class", (model.class_names[int(each)],)) for each in positions]
    return [Label("unit", (int(each),)) for each in positions]


def _formula(text: str, number: int) -> Label:
    return Label("formula", (subscript(text, number),))


def _written(formulas: Sequence[str], number: int) -> tuple[str, ...]:
    return tuple(subscript(each, number) for each in formulas)


def _shape(W: Matrix) -> str:
    return f"{W.shape[0]} × {W.shape[1]}"
