"""Every figure can be read: no text leaves the page or lies on another text."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from handstitch import figures
from handstitch.core.parameters import Parameters
from handstitch.evaluation import calibration_bins, class_scores
from handstitch.figures import search, search_space
from tests.figures.conftest import history
from tests.figures.test_search import grid

NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
         "Ankle boot")  # fmt: skip


def hidden(figure: Any) -> set[Any]:
    """Labels that are not drawn: of ticks beyond the ends of an axis, and of axes without any."""
    gone: set[Any] = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for ticks in (axis.get_major_ticks(), axis.get_minor_ticks()):
                is_off = not (axes.axison and axis.get_visible())
                gone |= {
                    label
                    for tick in ticks
                    for label in (tick.label1, tick.label2)
                    if is_off or not low <= tick.get_loc() <= high
                }
            if not (axes.axison and axis.get_visible()):
                gone.add(axis.label)
    return gone


def unreadable(figure: Any) -> list[str]:
    """The texts of a figure that leave it, and the pairs that overlap."""
    figure.draw_without_rendering()
    gone = hidden(figure)
    boxes = {
        text: text.get_window_extent()
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and text not in gone
    }
    beyond = [
        f"{text.get_text()!r} leaves the page"
        for text, box in boxes.items()
        if not (0 <= box.x0 <= box.x1 <= figure.bbox.x1 and 0 <= box.y0 <= box.y1 <= figure.bbox.y1)
    ]
    return beyond + [
        f"{one.get_text()!r} lies on {other.get_text()!r}"
        for one, other in combinations(boxes, 2)
        if not one.get_rotation() % 90 and not other.get_rotation() % 90
        if overlap(boxes[one], boxes[other])
    ]


def overlap(a: Any, b: Any) -> bool:
    """Whether two boxes share more than a pixel across and, their margins aside, three down."""
    across, down = (min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0))
    return bool(across > 1 and down > 3)


def everything() -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)
    theta = Parameters.random((64, 30, 20, 10), rng)
    n = 40
    images = rng.integers(0, 256, (n, 8, 8)).astype(np.uint8)
    labels = rng.integers(0, 10, n).astype(np.uint8)
    P = rng.dirichlet([0.3] * 10, n).astype(np.float32)
    matrix = np.arange(100).reshape(10, 10) * 11
    candidates, histories = grid()
    both = ["learning_rate", "weight_decay"]
    W = theta.weights[0]
    return {
        "curves": lambda: figures.curves(history(12)),
        "course": lambda: figures.curves(history(12), "course"),
        "confusion": lambda: figures.confusion_matrix(matrix.tolist(), NAMES),
        "scores": lambda: figures.class_scores(class_scores(matrix, NAMES)),
        "reliability": lambda: figures.reliability(calibration_bins(P, labels)),
        "samples": lambda: figures.samples(images, labels, P, NAMES),
        "worst": lambda: figures.worst_mistakes(images, labels, P, NAMES),
        "heat maps": lambda: figures.heat_maps(theta),
        "tiles": lambda: figures.unit_tiles(W, (8, 8)),
        "weights": lambda: figures.weights(theta, (8, 8)),
        "before and after": lambda: figures.before_after(W, 2 * W, "Layer 1"),
        "accuracies": lambda: search.accuracies(candidates, both),
        "search curves": lambda: search.candidate_curves(candidates, histories),
        "grid": lambda: search_space.heat_map(candidates, ("learning_rate", "weight_decay")),
        "parallel": lambda: search_space.parallel(candidates, both),
    }


@pytest.mark.parametrize("name", everything())
def test_every_text_can_be_read_and_every_panel_has_room(name: str) -> None:
    figure = everything()[name]()
    assert unreadable(figure) == []
    panels = [axes.bbox for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert min(min(box.width, box.height) for box in panels) > 50
    share = sum(box.width * box.height for box in panels) / figure.bbox.width / figure.bbox.height
    assert share > 0.4


def test_what_cannot_be_read_is_seen() -> None:
    figure = figures.curves(history(12))
    figure.text(0.5, 0.5, "one")
    figure.text(0.51, 0.5, "other")
    figure.text(0.99, 0.2, "beyond")
    assert unreadable(figure) == ["'beyond' leaves the page", "'one' lies on 'other'"]
