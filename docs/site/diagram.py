"""Diagram of a network at work: image → windows → hidden layers → probabilities, and the way back.

What is drawn is a forward pass of a trained network on a garment that Handstitch drew: the windows
are those of six of its units, a unit is the fuller the more active it is, a line the darker the
larger the weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from drawing import Drawing, Point, levels, number

from handstitch.arrays import Images, Indices, Matrix
from handstitch.core.network import Network, Workspace
from handstitch.evaluation import probabilities
from handstitch.figures import Lang
from handstitch.model import Model
from handstitch.report import languages

WORDS = {
    "en": {
        "image": "28 × 28 pixels",
        "first": "{units} units, each of which sees a window,",
        "first short": "{units} units",
        "second": "and {units} units, which see all of those",
        "second short": "{units} units",
        "classes": "10 classes",
        "forward": "forward",
        "backward": "backward",
        "Z": "inputs times weights, plus biases",
        "A": "ReLU: negative becomes 0",
        "P": "probabilities that add up to 1",
        "dZ": "predicted minus right",
        "dW": "how each weight changes the loss",
        "dA": "handed to the layer before, times f′",
    },
    "zh": {
        "image": "28 × 28 像素",
        "first": "{units} 个单元，各看一个窗口；",
        "first short": "{units} 个单元",
        "second": "再加 {units} 个单元，看到前一层的全部",
        "second short": "{units} 个单元",
        "classes": "10 个类别",
        "forward": "前向",
        "backward": "反向",
        "Z": "每一层：乘以权重，加上偏置",
        "A": "ReLU：负数变成 0",
        "P": "概率，总和为 1",
        "dZ": "预测的减去正确的",
        "dW": "每个权重怎样改变损失",
        "dA": "传给前一层，再乘以 f′",
    },
}
FORMULAS = {
    "Z": "*Z* = *A* *W* + *b*",
    "A": "*A* = *f*(*Z*)",
    "P": "*P* = softmax(*Z*)",
    "dZ": "d*Z* = *P* − *Y*",
    "dW": "d*W* = *A*^⊤ d*Z*",
    "dA": "d*A* = d*Z* *W*^⊤",
}
WINDOWS = ((5, 8), (9, 18), (13, 6), (17, 21), (21, 10), (24, 22))
"""Centres (row, column) near which windows are shown."""
SECOND = 5
"""Units of the second layer that are shown."""


@dataclass
class Pass:
    """One forward pass: the units that are shown."""

    image: Images
    windows: list[tuple[int, int, int, int]]
    """(top, left, height, width) for each unit of the first layer that is shown."""
    first: Matrix
    second: Matrix
    """Activities from 0 to 1."""
    joined: Matrix
    """Size of the weights between them, from 0 to 1."""
    P: Matrix


def forward_pass(model: Model, image: Images) -> Pass:
    """The forward pass of a network with receptive fields on one image."""
    X = np.empty((1, image.size), np.float32)
    model.scaling.apply(image.reshape(1, -1), X)
    network = Network(model.parameters, model.activations)
    work = Workspace(network, 1)
    P = probabilities(network.forward(X, work), model.temperature)[0]
    assert model.receptive_fields is not None
    rectangles = model.receptive_fields.rectangles.astype(int)
    units = _chosen(rectangles, work.outputs[0][0])
    W = np.abs(model.parameters.weights[1][units])
    others = np.argsort(-work.outputs[1][0], kind="stable")
    others = np.sort(others[np.linspace(0, len(others) // 3, SECOND).astype(int)])
    first, second = work.outputs[0][0], work.outputs[1][0]
    return Pass(
        image,
        [tuple(map(int, rectangles[unit])) for unit in units],  # type: ignore[misc]
        first[units] / first[units].max(),
        second[others] / second[others].max(),
        W[:, others] / W[:, others].max(),
        P,
    )


def _chosen(rectangles: Indices, activities: Matrix) -> list[int]:
    """For each of WINDOWS the window nearest to it that is not taken, and its most active unit."""
    centres = rectangles[:, :2] + rectangles[:, 2:] / 2
    is_free = ((rectangles[:, 2:] >= 6) & (rectangles[:, 2:] <= 10)).all(axis=1)
    units = []
    for centre in WINDOWS:
        nearest = int(np.argmin(np.where(is_free, np.hypot(*(centres - centre).T), np.inf)))
        sharing = (rectangles == rectangles[nearest]).all(axis=1)
        units.append(int(np.argmax(np.where(sharing, activities, -1))))
        is_free &= ~sharing
    return units


def diagram(model: Model, shown: Pass, lang: Lang, *, is_narrow: bool) -> tuple[str, Point]:
    """The elements of the SVG file, and its size."""
    sizes = model.parameters.sizes
    words = {
        key: text.format(units=sizes[1 if key.startswith("first") else 2])
        for key, text in WORDS[lang].items()
    }
    other = languages.translations(model.class_names, languages.words(lang))
    names = [other.get(name, name) for name in model.class_names]
    drawing = Drawing()
    size = (_narrow if is_narrow else _wide)(drawing, shown, names, words)
    return "\n".join(drawing.parts), size


def _wide(drawing: Drawing, shown: Pass, names: list[str], words: dict[str, str]) -> Point:
    side, top = 7, 36
    for x, key in ((112, "image"), (318, "first short"), (462, "second short"), (640, "classes")):
        drawing.write((x, 20), words[key], class_="bold", text_anchor="middle")
    first = [(318.0, top + 14 + 33 * k) for k in range(len(shown.windows))]
    second = [(462.0, top + 26 + 36 * k) for k in range(SECOND)]
    classes = [(562.0, top + 8 + 20 * k) for k in range(len(names))]
    _network(drawing, shown, Places((14, top), side, first, second, classes))
    for x, y in (first[-1], second[-1]):
        drawing.write((x, y + 30), "⋮", class_="bold", text_anchor="middle")
    _classes(drawing, shown, names, classes, (576, 668, 42))
    for row, keys in enumerate((("Z", "A", "P"), ("dA", "dW", "dZ"))):
        y = 270 + 92 * row
        _arrow(drawing, 14, 746, y, words["backward" if row else "forward"], is_back=bool(row))
        for column, key in enumerate(keys):
            x = 14 + 250 * column
            drawing.formula((x, y + 36), FORMULAS[key], class_="formula")
            drawing.write((x, y + 58), words[key], class_="quiet small")
    return 760, 432


def _narrow(drawing: Drawing, shown: Pass, names: list[str], words: dict[str, str]) -> Point:
    side, top = 6, 28
    drawing.write((175, 16), words["image"], class_="bold", text_anchor="middle")
    first = [(45.0 + 52 * k, 244.0) for k in range(len(shown.windows))]
    second = [(71.0 + 52 * k, 318.0) for k in range(SECOND)]
    _network(drawing, shown, Places((91, top), side, first, second, []))
    for k, key in enumerate(("first", "second")):
        drawing.write((175, 352 + 17 * k), words[key], class_="quiet small", text_anchor="middle")
    classes = [(26.0, 404.0 + 22 * k) for k in range(len(names))]
    _classes(drawing, shown, names, classes, (14, 128, 150))
    y = 652.0
    for row, keys in enumerate((("Z", "A", "P"), ("dZ", "dW", "dA"))):
        _arrow(drawing, 14, 336, y, words["backward" if row else "forward"], is_back=bool(row))
        for key in keys:
            drawing.formula((14, y + 34), FORMULAS[key], class_="formula")
            drawing.write((14, y + 53), words[key], class_="quiet small")
            y += 54
        y += 42
    return 350, y - 26


@dataclass(frozen=True)
class Places:
    """Where things stand in one of the layouts."""

    corner: Point
    """Upper left of the picture."""
    side: int
    """Of a pixel of the picture."""
    first: list[Point]
    second: list[Point]
    classes: list[Point]
    """None on the telephone, where the classes stand too far below for lines."""


def _network(drawing: Drawing, shown: Pass, at: Places) -> None:
    """The picture with its windows, and the units with their lines."""
    (x, y), side = at.corner, at.side
    drawing.add("path", d=f"M{x} {y}h{28 * side}v{28 * side}h{-28 * side}z", fill="#101418")
    place = f"translate({x} {y}) scale({side})"
    for level, path in levels(shown.image):
        drawing.add(
            "path", d=path, fill="#fff", fill_opacity=number(level), transform=place,
            shape_rendering="crispEdges",
        )  # fmt: skip
    is_below = not at.classes
    # Without needless crossings: from above to below, and on the telephone from left to right.
    order = np.argsort([window[1 if is_below else 0] for window in shown.windows], kind="stable")
    for unit, to in zip(order, at.first, strict=True):
        top, left, height, width = (side * length for length in shown.windows[unit])
        right, bottom = x + left + width, y + top + height
        near = (x + left, bottom) if is_below else (right, y + top)
        points = " ".join(f"{number(a)},{number(b)}" for a, b in (near, (right, bottom), to))
        drawing.add("polygon", points=points, class_="fan")
        drawing.add("rect", x=x + left, y=y + top, width=width, height=height, class_="window")
    for unit, start in zip(order, at.first, strict=True):
        for size, end in zip(shown.joined[unit], at.second, strict=True):
            _line(drawing, start, end, 0.1 + 0.75 * float(size))
    for start, end in product(at.second, at.classes):
        _line(drawing, start, end, 0.2)
    for place_of, activity in zip(at.first, shown.first[order], strict=True):
        _unit(drawing, place_of, float(activity), "unit seen")
    for place_of, activity in zip(at.second, shown.second, strict=True):
        _unit(drawing, place_of, float(activity), "unit")


def _classes(
    drawing: Drawing,
    shown: Pass,
    names: list[str],
    places: list[Point],
    columns: tuple[float, float, float],
) -> None:
    """A row for each class: its name, and its probability as a bar and a number."""
    name_x, bar_x, longest = columns
    for (_, y), name, p in zip(places, names, shown.P, strict=True):
        kind = "likely" if p == shown.P.max() else "quiet"
        drawing.write((name_x, y + 4), name, class_=f"small {kind}")
        wide = max(1.0, longest * float(p))
        drawing.add(
            "rect", x=bar_x, y=number(y - 5), width=number(wide), height=10, class_=f"bar {kind}"
        )
        said = f"{100 * p:.0f} %" if p >= 0.005 else "< 1 %"
        drawing.write((bar_x + wide + 6, y + 4), said, class_=f"small {kind}")


def _arrow(drawing: Drawing, x0: float, x1: float, y: float, text: str, *, is_back: bool) -> None:
    kind = "back" if is_back else "forth"
    head = f"M{x0 + 8} {y - 5}L{x0} {y}l8 5" if is_back else f"M{x1 - 8} {y - 5}L{x1} {y}l-8 5"
    drawing.add("path", d=f"M{x0} {y}H{x1}{head}", class_=f"arrow {kind}")
    at = ((x1, y - 9), "end") if is_back else ((x0, y - 9), "start")
    drawing.write(at[0], text, class_=f"bold {kind}", text_anchor=at[1])


def _line(drawing: Drawing, start: Point, end: Point, opacity: float) -> None:
    (a, b), (c, d) = start, end
    path = f"M{number(a)} {number(b)}L{number(c)} {number(d)}"
    drawing.add("path", d=path, class_="line", stroke_opacity=number(opacity))


def _unit(drawing: Drawing, at: Point, activity: float, kind: str) -> None:
    x, y = map(number, at)
    drawing.add("circle", cx=x, cy=y, r=11, class_=kind)
    drawing.add("circle", cx=x, cy=y, r=number(9 * float(np.sqrt(activity))), class_="active")
