"""A network as one C99 header, in float32 or in int8, which needs the C library's math alone.

In int8 a unit's weights are whole numbers from −127 to 127 times one scale. What a layer is given
becomes whole numbers, too, in as many steps as its int32 sums can hold, except pixels, which are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector
from handstitch.export.activations import FORMULAS
from handstitch.export.layout import blocks_of, samples_in_words, windows_of
from handstitch.model import Model

_INT32: Final = 2**31 - 1
_INT16: Final = 2**15 - 1
_INT8: Final = 127
_FILE: Final = """\
/* A trained classifier in one C99 header, {number}. Written by Handstitch. Link with -lm.

   {name}_probabilities(x, p)   p[{NAME}_CLASSES]: the probability of each class
   {name}_class(x)              the most probable class, whose name is {name}_class_names[class]

   x[{NAME}_INPUTS]: {meaning}; of shape {shape}. */

#ifndef {NAME}_H
#define {NAME}_H

#include <math.h>
#include <stdint.h>

#define {NAME}_INPUTS {inputs}
#define {NAME}_CLASSES {classes}

static const char *const {name}_class_names[] = {{
{class_names}
}};

{arrays}
/* z[0..n) += x w[0..n) */
static inline void {name}_add({T} x, const {W} *w, {Z} *restrict z, int n) {{
    for (int j = 0; j < n; j++) z[j] += x * w[j];
}}
{activations}{functions}
static inline void {name}_probabilities(const {X} *x, float *p) {{
{layers}
    float most = p[0], sum = 0.0f;
    for (int k = 1; k < {classes}; k++) if (p[k] > most) most = p[k];
    for (int k = 0; k < {classes}; k++) sum += p[k] = expf((p[k] - most) / {temperature});
    for (int k = 0; k < {classes}; k++) p[k] /= sum;
}}

static inline int {name}_class(const {X} *x) {{
    float p[{classes}];
    int best = 0;
    {name}_probabilities(x, p);
    for (int k = 1; k < {classes}; k++) if (p[k] > p[best]) best = k;
    return best;
}}

#endif
"""
_WHOLE: Final = """
/* q = x / step, whole numbers from -most to most; step */
static inline float {name}_whole(const float *x, int16_t *q, int n, float most) {{
    float largest = 0.0f;
    for (int i = 0; i < n; i++) if (fabsf(x[i]) > largest) largest = fabsf(x[i]);
    const float inverse = largest > 0.0f ? most / largest : 0.0f;
    for (int i = 0; i < n; i++) {{
        const float v = x[i] * inverse;
        q[i] = (int16_t)(v >= -most ? (v <= most ? rintf(v) : most) : -most);
    }}
    return largest / most;
}}
"""
_DENSE: Final = """\
    {{
        const {W} *w = {name}_w{layer};
        for (int i = 0; i < {inputs}; i++, w += {units}) {{
            const {T} v = {value};
            if (v != 0) {name}_add(v, w, {z}, {units});
        }}
    }}
"""
_WINDOWS: Final = """\
    {{
        const {W} *w = {name}_w0;
        for (int k = 0; k < {windows}; k++) {{
            const int32_t *seen = {name}_windows[k]; /* top, left, height, width, first, units */
            for (int row = seen[0]; row < seen[0] + seen[2]; row++) {{
                const int start = (row * {columns} + seen[1]) * {channels};
                for (int i = start; i < start + seen[3] * {channels}; i++, w += seen[5]) {{
                    const {T} v = {value};
                    if (v != 0) {name}_add(v, w, {z} + seen[4], seen[5]);
                }}
            }}
        }}
    }}
"""


class _Layer(NamedTuple):
    """A layer as it is written: in float32 z = x W + b; in int8 z = step · scales · (q W) + b."""

    blocks: list[NDArray[Any]]
    biases: Vector
    scales: Vector | None = None
    most: int = 0
    """The largest q that the int32 sums can hold."""


def c_header(model: Model, path: str | Path, *, int8: bool = False) -> str:
    """The text of a header with the network, its preprocessing and the names of its classes.

    Its identifiers begin with the name of the file `path`.
    """
    name = prefix(path)
    theta, has_pixels = model.parameters, isinstance(model.offset, float) and model.has_images
    words = {
        "name": name,
        "NAME": name.upper(),
        "number": "int8" if int8 else "float32",
        "meaning": samples_in_words(model),
        "shape": model.image_shape,
        "inputs": theta.sizes[0],
        "classes": theta.sizes[-1],
        "temperature": _float(np.float32(model.temperature)),
        "class_names": ",\n".join(f"    {_string(one)}" for one in model.class_names),
        "X": "uint8_t" if model.has_images else "float",
        "T": "int32_t" if int8 else "float",
        "W": "int8_t" if int8 else "float",
        "Z": "int32_t" if int8 else "float",
    }
    layers = [
        _quantised(model, layer, has_pixels and layer == 0) if int8 else _plain(model, layer)
        for layer in range(len(theta.weights))
    ]
    return _FILE.format(
        **words,
        arrays="\n".join(_arrays(model, name, layers)),
        activations="".join(_activations(model, name)),
        functions=_WHOLE.format(name=name) if int8 else "",
        layers="".join(_steps(model, words, layers, has_pixels=has_pixels)).rstrip("\n"),
    )


def prefix(path: str | Path) -> str:
    """What the identifiers in the header `path` begin with."""
    name = re.sub(r"\W", "_", Path(path).stem, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"network_{name}".rstrip("_")


def _plain(model: Model, layer: int) -> _Layer:
    W, b = model.parameters.weights[layer], model.parameters.biases[layer]
    return _Layer(blocks_of(model, W) if layer == 0 else [W], b)


def _quantised(model: Model, layer: int, of_pixels: bool) -> _Layer:
    """The layer in whole numbers; with pixels, their scaling is part of scales and biases."""
    W, b = (
        each[layer].astype(np.float64)
        for each in (model.parameters.weights, model.parameters.biases)
    )
    levels = min(_INT8, _INT32 // (255 * len(W))) if of_pixels else _INT8
    scales = np.abs(W).max(axis=0) / levels
    scales[scales == 0] = 1
    whole = np.rint(W / scales)
    if of_pixels:
        scales = scales * model.scale
        b = b - model.offset * scales * whole.sum(axis=0)
    most = min(_INT16, int(_INT32 // max(1, np.abs(whole).sum(axis=0).max())))
    blocks = blocks_of(model, whole) if layer == 0 else [whole]
    return _Layer(
        [block.astype(np.int8) for block in blocks],
        b.astype(np.float32),
        scales.astype(np.float32),
        most,
    )


def _arrays(model: Model, name: str, layers: list[_Layer]) -> Iterator[str]:
    """The definitions of all tables of numbers."""
    if windows := windows_of(model):
        rows = "".join(f"    {{{', '.join(map(str, window))}}},\n" for window in windows)
        yield f"static const int32_t {name}_windows[][6] = {{\n{rows}}};\n"
    if not isinstance(model.offset, float):
        yield _table("float", f"{name}_offset", [np.array(model.offset, np.float32)])
        yield _table("float", f"{name}_scale", [np.array(model.scale, np.float32)])
    for number, layer in enumerate(layers):
        kind = "float" if layer.scales is None else "int8_t"
        yield _table(kind, f"{name}_w{number}", layer.blocks)
        yield _table("float", f"{name}_b{number}", [layer.biases])
        if layer.scales is not None:
            yield _table("float", f"{name}_s{number}", [layer.scales])


def _activations(model: Model, name: str) -> Iterator[str]:
    for activation in dict.fromkeys(model.activations):
        formula = FORMULAS[activation].c
        yield f"\nstatic inline float {name}_{activation}(float z) {{ return {formula}; }}\n"


def _steps(
    model: Model, words: dict[str, Any], layers: list[_Layer], *, has_pixels: bool
) -> Iterator[str]:
    """The statements of each layer: its whole numbers, its sums, and its activation."""
    name, sizes, windows = words["name"], model.parameters.sizes, windows_of(model)
    offset, scale = (
        _float(np.float32(constant)) if isinstance(constant, float) else f"{name}_{kind}[i]"
        for kind, constant in (("offset", model.offset), ("scale", model.scale))
    )
    scaled = f"((float)x[i] - {offset}) * {scale}"
    for number, layer in enumerate(layers):
        inputs, units, int8 = sizes[number], sizes[number + 1], layer.scales is not None
        last = number == len(layers) - 1
        a, value = f"a{number}", f"a{number}[i]" if number else scaled
        z, step, out = f"z{number}", "", "p" if last else f"a{number + 1}"
        if not last:
            yield f"    float {out}[{units}];\n"
        if int8 and number == 0 and has_pixels:
            value = "x[i]"
        elif int8:
            if number == 0:
                yield f"    float {a}[{inputs}];\n"
                yield f"    for (int i = 0; i < {inputs}; i++) {a}[i] = {scaled};\n"
            yield f"    int16_t q{number}[{inputs}];\n"
            yield f"    const float step{number} = "
            yield f"{name}_whole({a}, q{number}, {inputs}, {layer.most}.0f);\n"
            value, step = f"q{number}[i]", f"step{number} * "
        if int8:
            yield f"    int32_t {z}[{units}];\n"
        else:
            z = out
        yield f"    for (int j = 0; j < {units}; j++) {z}[j] = 0;\n"
        more = {"layer": number, "inputs": inputs, "units": units, "value": value, "z": z}
        if number == 0 and windows:
            _, columns, *channels = model.image_shape
            more |= {"windows": len(windows), "columns": columns, "channels": [*channels, 1][0]}
            yield _WINDOWS.format(**words | more)
        else:
            yield _DENSE.format(**words | more)
        total = f"(float){z}[j] * ({step}{name}_s{number}[j])" if int8 else f"{z}[j]"
        total += f" + {name}_b{number}[j]"
        total = total if last else f"{name}_{model.activations[number]}({total})"
        yield f"    for (int j = 0; j < {units}; j++) {out}[j] = {total};\n"


def _table(kind: str, name: str, parts: Iterable[Matrix | Vector]) -> str:
    numbers = np.concatenate([part.ravel() for part in parts])
    form = _float if kind == "float" else str
    texts, width = list(map(form, numbers)), 8 if kind == "float" else 20
    lines = (", ".join(texts[start : start + width]) for start in range(0, len(texts), width))
    body = ",\n".join(lines)
    return f"static const {kind} {name}[] = {{\n{body}\n}};\n"


def _float(number: Any) -> str:
    """A float32 by its shortest decimal."""
    return f"{number!s}f"


def _string(text: str) -> str:
    """A literal of C: letters, digits and spaces as they are, other bytes of UTF-8 in octal."""
    letters = (
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte == 32 else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(letters)}"'
