"""Draw the pictures of README, tutorial and derivation: `make pictures`, of the default recipe.

    docs/pictures/    network, curves and confusion matrix as SVG, wide and for a telephone, in two
                      languages, and a matrix with holes; as PNG weights of the packaged network

A network is trained with seed 0, or taken from the run that is named, and sees the test images.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import diagram
import holes
import numpy as np
from PIL import Image

import handstitch as hs
from handstitch import figures, insight
from handstitch.data import sketch
from handstitch.figures import Lang
from handstitch.model import Model, load_model
from handstitch.model.pretrained import pretrained
from handstitch.runs import folder as run_folder
from handstitch.runs.history import recorded_epochs

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
WIDTHS = {"": 740, "-narrow": 330}
"""Of a chart, without its margins."""
SHIRT = 160
"""A T-shirt among the garments drawn with seed 0, which the network may take for a shirt."""
TILES = {"": (12, 3, 4), "-narrow": (6, 6, 4)}
"""Columns and rows of units, and pixels for each weight."""
GAP = 6
MARGIN = 10
STYLE = """
svg { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", \
"PingFang SC", "Microsoft YaHei", sans-serif; background: var(--ground); }
text[class] { fill: var(--ink); }
.small { font-size: 12px; }
.bold { font-weight: 600; }
.formula { font: 18px "STIX Two Text", "Cambria Math", Cambria, Georgia, serif; }
.line { stroke: var(--ink); fill: none; }
.fan { fill: var(--orange); fill-opacity: 0.14; }
.window { fill: none; stroke: var(--orange); stroke-width: 2; }
.board { fill: var(--shade); stroke: var(--line); }
.weight, .seen-by { stroke: var(--quiet); stroke-width: 5; stroke-linejoin: miter; }
.seen-by { stroke: var(--orange); }
.unit { fill: var(--ground); stroke: var(--quiet); stroke-width: 1.5; }
.seen { stroke: var(--orange); stroke-width: 2; }
.active, .bar.likely { fill: var(--blue); }
.bar.quiet { fill: var(--line); }
text.quiet { fill: var(--quiet); }
text.likely { fill: var(--blue); font-weight: 600; }
.arrow { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.forth { stroke: var(--blue); }
.back { stroke: var(--vermilion); }
text.forth { fill: var(--blue); stroke: none; }
text.back { fill: var(--vermilion); stroke: none; }
"""


def draw(run: Path, lang: Lang) -> dict[str, bytes]:
    """Name of a file → its content, of a run that has been tested."""
    model = load_model(run / run_folder.BEST)
    history = recorded_epochs(run)
    evaluation = hs.load(run).evaluate()
    names = model.class_names if lang == "en" else diagram.GARMENTS
    found: dict[str, bytes] = {}
    shirt = diagram.forward_pass(model, sketch.draw(SHIRT + 1, seed=0)[0][SHIRT])
    for kind, width in WIDTHS.items():
        elements, size = diagram.diagram(model, shirt, lang, is_narrow=bool(kind))
        found[f"network{kind}"] = file(elements, size)
        found[f"curves{kind}"] = chart(figures.curves(history, lang=lang, width=width))
        matrix = figures.confusion_matrix(evaluation.confusion_matrix, names, lang, width)
        found[f"confusion{kind}"] = chart(matrix)
    assert model.receptive_fields is not None
    found["holes"] = file(*holes.holes(model.receptive_fields, lang))
    return found


def chart(figure: figures.Figure) -> bytes:
    """A figure as a file; its words are in the page that shows it."""
    element = figures.inline_svg(figure, "", "p")
    opening, _, elements = element.partition(">")
    _, _, width, height = map(float, re.findall(r'viewBox="([^"]*)"', opening)[0].split())
    inner = f'<svg viewBox="0 0 {width:g} {height:g}" x="{MARGIN}" y="{MARGIN}" '
    size = width / 0.75, height / 0.75  # points to pixels
    inner += f'width="{size[0]:g}" height="{size[1]:g}">{elements}'
    return file(inner, (size[0] + 2 * MARGIN, size[1] + 2 * MARGIN))


def file(elements: str, size: Sequence[float]) -> bytes:
    """An SVG file that follows the reader's colour scheme, with the colours of a run's page."""
    css = (ROOT / "src/handstitch/report/templates/page.css").read_text("utf-8")
    light = re.findall(r"^:root \{\n(.*?)^\}", css, re.MULTILINE | re.DOTALL)[0]
    dark = re.findall(r"^  :root \{\n(.*?)^  \}", css, re.MULTILINE | re.DOTALL)[0]
    light, dark = (
        " ".join(
            line.strip() for line in part.splitlines() if re.match(r" +--(?!l(oud|ink))", line)
        )
        for part in (light, dark)
    )
    style = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    width, height = (f"{side:g}" for side in size)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" stroke-linejoin="round">\n'
        f"<style>{style}{STYLE}</style>\n{elements}</svg>\n"
    ).encode()


def weights(model: Model, columns: int, rows: int, size: int) -> bytes:
    """PNG of units of the first layer, those with the most structure first.

    Each on its own scale: red above 0, blue below, and grey outside of its window.
    """
    W, fields = model.parameters.weights[0], model.receptive_fields
    assert fields is not None
    structure = insight.neighbour_correlation(W, model.image_shape, fields.mask)
    moved = np.square(W, dtype=np.float64).sum(axis=0)
    best = np.lexsort((-structure, moved < np.median(moved)))
    _, firsts = np.unique(fields.rectangles[best], axis=0, return_index=True)
    order = best[np.sort(firsts)[: columns * rows]]  # units that share a window: the best of them
    side = 28 * size
    width, height = (n * (side + GAP) - GAP for n in (columns, rows))
    sheet = Image.new("RGBA", (width, height))
    for k, tile in enumerate(figures.window_tiles(W, fields, order)):
        limit = figures.colour_limit(tile[np.isfinite(tile)])
        picture = Image.open(io.BytesIO(figures.signed_png(tile[:, :, 0], limit))).convert("RGBA")
        place = (k % columns) * (side + GAP), (k // columns) * (side + GAP)
        sheet.paste(picture.resize((side, side), Image.Resampling.NEAREST), place)
    out = io.BytesIO()
    sheet.quantize(64, Image.Quantize.FASTOCTREE).save(out, "png", optimize=True)
    return out.getvalue()


def main() -> None:
    """Draw all pictures, and say how large they are."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the documentation.")
    parser.add_argument("run", type=Path, nargs="?", help="a run of the default recipe")
    run = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        if run is None:
            run = hs.train(
                hs.Config(dataset="fashion-mnist", seed=0), out=Path(folder) / "run"
            ).folder
        files = {
            f"{name}.{lang}.svg": data
            for lang in ("en", "zh")
            for name, data in draw(run, lang).items()
        }
    model = pretrained().model
    for kind, sizes in TILES.items():
        files[f"weights{kind}.png"] = weights(model, *sizes)
    PICTURES.mkdir(exist_ok=True)
    for name, data in files.items():
        (PICTURES / name).write_bytes(data)
        print(f"{name:24} {len(data):7,} bytes")
    print(f"{'together':24} {sum(map(len, files.values())):7,} bytes")


if __name__ == "__main__":
    main()
