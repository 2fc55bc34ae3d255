"""Heat map of a grid, parallel coordinates of all parameters of a search, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.config.messages import format_value
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.style import INK, is_wide, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from handstitch.search import Candidate

FEW: Final = 12
"""Most values of a parameter that are all labelled."""
_AXES: Final = 8
"""Most parameters in parallel coordinates."""


@drawing
def heat_map(candidates: Sequence[Candidate], pair: tuple[str, str], lang: Lang = "en") -> Figure:
    """Accuracy on the grid of two parameters, the first of `pair` down, the second across.

    A cell is the mean of the candidates with its values. If every cell is one candidate, those
    that are indistinguishable from the best are bold.
    """
    down, across = (levels([one.parameters[name] for one in candidates]) for name in pair)
    cells: dict[tuple[int, int], list[Candidate]] = {}
    for one in candidates:
        row, column = (format_value(one.parameters[name]) for name in pair)
        cells.setdefault((down.index(row), across.index(column)), []).append(one)
    grid = np.full((len(down), len(across)), np.nan)
    for cell, here in cells.items():
        grid[cell] = np.mean([one.mean for one in here])
    is_single = len(candidates) == grid.size
    figure = new_figure(2.8 + 0.85 * len(across), 1.8 + 0.55 * len(down))
    axes = figure.subplots()
    picture = axes.imshow(grid, cmap="Blues", aspect="auto", interpolation="none")
    middle = (np.nanmin(grid) + np.nanmax(grid)) / 2
    for cell, here in cells.items():
        axes.text(
            cell[1],
            cell[0],
            f"{grid[cell]:.4f}",
            ha="center",
            va="center",
            color="white" if grid[cell] > middle else INK,
            fontweight="bold" if is_single and here[0].indistinguishable else "normal",
        )
    axes.set_xticks(range(len(across)), [safe(level, 20) for level in across])
    axes.set_yticks(range(len(down)), [safe(level, 20) for level in down])
    axes.tick_params(length=0)
    heading = label("bold indistinguishable" if is_single else "mean of candidates", lang)
    axes.set(ylabel=title(pair[0]), xlabel=title(pair[1]), title=heading)
    figure.colorbar(picture, ax=axes, label=label("val accuracy", lang))
    return figure


@drawing
def parallel(
    candidates: Sequence[Candidate], parameters: Sequence[str], lang: Lang = "en"
) -> Figure:
    """Parallel coordinates: a line for each candidate, from parameter to parameter to accuracy."""
    from matplotlib import colormaps

    names = list(parameters)[:_AXES]
    figure = new_figure(2.2 + 1.7 * len(names), 4.2)
    axes = figure.subplots()
    means = np.array([one.mean for one in candidates])
    columns = [_coordinates([one.parameters[name] for one in candidates]) for name in names]
    heights = [_scaled(column) for column, _ in columns] + [_scaled(means)]
    order = np.argsort(means)
    for row in order:
        line = [height[row] for height in heights]
        colour = colormaps["viridis"](0.95 * float(1 - line[-1]))
        axes.plot(
            range(len(line)), line, color=colour, linewidth=2.4 if row == order[-1] else 1.1,
            alpha=0.9, marker="o", markersize=3.5,
        )  # fmt: skip
    for place, (name, (_, labels)) in enumerate(zip(names, columns, strict=True)):
        _scale(axes, place, heights[place], labels, title(name))
    labels = [f"{mean:.4f}" for mean in means]
    _scale(axes, len(names), heights[-1], labels, label("val accuracy", lang), ends=True)
    axes.set(xlim=(-0.35, len(names) + 0.5), ylim=(-0.12, 1.12))
    axes.set_axis_off()
    return figure


def is_grid(candidates: Sequence[Candidate], pair: tuple[str, str]) -> bool:
    """Whether both parameters have few values, and candidates with every combination."""
    sizes = [len({format_value(one.parameters[name]) for one in candidates}) for name in pair]
    combined = {tuple(format_value(one.parameters[name]) for name in pair) for one in candidates}
    return min(sizes) > 1 and max(sizes) <= 2 * FEW and len(combined) == sizes[0] * sizes[1]


def levels(values: Sequence[Any]) -> list[str]:
    """The different values of a parameter as labels, numbers in order."""
    ordered = sorted(values) if all(map(is_number, values)) else sorted(map(format_value, values))
    return list(dict.fromkeys(map(format_value, ordered)))


def title(name: str) -> str:
    """The title of a parameter: learning_rate is `learning rate`."""
    return name.replace("_", " ")


def is_number(value: Any) -> bool:
    """Whether the value is a number; a switch is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _coordinates(values: Sequence[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Values as numbers that spread evenly: logarithms where they differ by orders of magnitude."""
    labels = [format_value(value) for value in values]
    if not all(is_number(value) for value in values):
        known = list(dict.fromkeys(labels))
        return np.array([float(known.index(label)) for label in labels]), labels
    numbers = np.array([float(value) for value in values])
    return (np.log(numbers) if is_wide(values) else numbers), labels


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    span = values.max() - values.min()
    return (values - values.min()) / span if span else np.full_like(values, 0.5)


def _scale(
    axes: Axes,
    place: int,
    heights: NDArray[np.float64],
    labels: Sequence[str],
    heading: str,
    *,
    ends: bool = False,
) -> None:
    """One axis of parallel coordinates, with its values beside it."""
    axes.plot([place, place], [0, 1], color=INK, linewidth=0.8, zorder=0)
    axes.text(place, 1.08, heading, ha="center", va="bottom", fontsize=8.5)
    kept = list(dict(sorted(zip(map(float, heights), labels, strict=True))).items())
    if ends or len(kept) > FEW:
        kept = [kept[0], kept[-1]]
    for height, text in kept:
        axes.text(
            place + (0.06 if ends else -0.06), height, safe(text, 16), va="center",
            ha="left" if ends else "right", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
        )  # fmt: skip
