"""Model files, resumable state, and the report's file, written and read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import isfinite, prod
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import foreign, report_npz, storage, tensors
from handstitch.arrays import zeros
from handstitch.checkpoint.model import Model, checked, described
from handstitch.core.parameters import Parameters, count
from handstitch.errors import DivergedError, ModelFileError
from handstitch.tensors import Metadata, NewerFileError, Shapes

_REPORT_SHAPE: Final = (28, 28)
_REPORT_SCALE: Final = 1 / 256
_OTHER_FILE: Final = "give the file that belongs to this network, or train one"
_BEGIN_ANEW: Final = "begin a new run; its best weights may still be sound: handstitch test RUN"


class State(NamedTuple):
    """All that going on with a run takes."""

    model: Model
    slots: dict[str, NDArray[Any]]
    """What the caller gave besides: `optimizer.*` and the like."""
    position: dict[str, Any]


def save_model(path: str | Path, model: Model, *, lasting: bool = True) -> None:
    """Write a model file, whole or not at all; the same model always gives the same bytes.

    `lasting` as in `storage.write`.

    Raises DivergedError if the weights are not finite, ModelFileError if the model cannot be
    described in a file, MachineError if the disk does not take it.
    """
    tensors.write_tensors(path, _network(model), described(Path(path), model), lasting=lasting)


def model_bytes(model: Model) -> bytes:
    """What `save_model` writes, for another process to write. Raises as it does."""
    path = Path("best.safetensors")  # for messages
    return b"".join(tensors.encoded(path, _network(model), described(path, model)))


def save_state(
    path: str | Path, model: Model, slots: Mapping[str, NDArray[Any]], position: dict[str, Any]
) -> None:
    """Write a state; the one that stood at `path` is kept beside it (`storage.previous`).

    `slots` are arrays under any names but `layers.*`; `position` is what JSON can hold, with
    strings for keys and finite numbers, and comes back bit for bit. Raises as `save_model`.
    """
    metadata = described(Path(path), model) | {"position": position}
    clash = [name for name in slots if name.startswith("layers.")]
    if clash:
        raise ValueError(f"the network's own names: {clash}")
    tensors.write_tensors(path, _network(model) | dict(slots), metadata, generations=True)


def load_model(path: str | Path) -> Model:
    """The model in a model file, a state, or an npz in the report's layout.

    Raises ModelFileError, or MachineError if the file may not be read.
    """
    path = Path(path)
    try:
        with foreign.opened(path) as file:
            if report_npz.is_archive(file):
                return _from_report(path, report_npz.read_report(path, file, file.seek(0, 2)))
    except OSError as error:
        raise foreign.unreadable(path, error) from error
    return _load(path).model


def load_state(path: str | Path) -> State:
    """The state that `save_state` wrote. Raises as `load_model`."""
    state = _load(Path(path))
    if state.position is None:
        raise ModelFileError(
            "training cannot go on from this file",
            file=path,
            found="a network, without the state of its optimizer",
            wanted="a state (last.safetensors)",
            fix="name the run's folder: handstitch train --resume RUN",
        )
    return State(state.model, state.slots, state.position)


def state_exists(path: str | Path) -> bool:
    """Whether there is a state at `path` or an older one beside it, sound or not."""
    return bool(storage.generations(path))


def load_newest_state(path: str | Path) -> tuple[State, ModelFileError | None]:
    """The state at `path` or, if that is damaged or gone, the one before.

    With the second comes the error that made the first useless, for the caller to tell. Raises
    ModelFileError if both are, and if the first is sound but of a newer Handstitch.
    """
    try:
        return load_state(path), None
    except NewerFileError:
        raise
    except ModelFileError as error:
        older = storage.previous(path)
        if older not in storage.generations(path):
            if state_exists(path):
                error.facts["fix"] = _BEGIN_ANEW
            raise
        try:
            return load_state(older), error
        except ModelFileError as second:
            raise ModelFileError(
                "both states of this run are damaged",
                file=path,
                found=error.facts.get("found", error.problem),
                before=f"{older.name}: {second.facts.get('found', second.problem)}",
                fix=_BEGIN_ANEW,
            ) from error


def require_sizes(
    path: str | Path, found: tuple[int, ...], wanted: tuple[int, ...], fix: str = _OTHER_FILE
) -> None:
    """Raise ModelFileError with a table unless a file's layer sizes are the wanted ones."""
    if found != wanted:
        raise _misfit(Path(path), _shapes(found), _shapes(wanted), fix)


def _shapes(sizes: tuple[int, ...]) -> Shapes:
    shapes: Shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (inputs, outputs)
        shapes[f"layers.{layer}.bias"] = (outputs,)
    return shapes


def _network(model: Model) -> dict[str, NDArray[Any]]:
    vector = model.parameters.vector
    if vector.dtype != np.float32:
        raise ValueError(f"a model file holds float32, not {vector.dtype}")
    # The sum is not finite if a single number is not, and takes a tenth of asking each.
    if not isfinite(np.sum(vector, dtype=np.float64)):
        # Such a file could never be loaded; better to keep the one that stands there.
        raise DivergedError(
            "the weights are not finite", wanted="finite weights", fix="try a lower --learning-rate"
        )
    return _views(model.parameters)


def _views(parameters: Parameters) -> dict[str, NDArray[Any]]:
    """The network's arrays under their names in the file."""
    arrays: dict[str, NDArray[Any]] = {}
    for layer, (W, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        arrays[f"layers.{layer}.weight"] = W
        arrays[f"layers.{layer}.bias"] = b
    return arrays


def _misfit(path: Path, found: Shapes, wanted: Shapes, fix: str = _OTHER_FILE) -> ModelFileError:
    rows = [
        (name, found.get(name, "none"), wanted.get(name, "none"))
        for name in {**wanted, **found}
        if found.get(name) != wanted.get(name)
    ]
    table = [("layer", "file", "wanted"), *rows[:2]]
    widths = [max(len(str(row[column])) for row in table) for column in range(2)]
    lines = [f"{row[0]!s:<{widths[0]}}  {row[1]!s:<{widths[1]}}  {row[2]}" for row in table]
    if len(rows) > 2:
        lines[-1] += f"  (and {len(rows) - 2} more)"
    return ModelFileError(
        "these are weights of another architecture",
        file=path,
        arrays="\n".join(lines),
        fix=fix,
    )


class _Loaded(NamedTuple):
    model: Model
    slots: dict[str, NDArray[Any]]
    position: dict[str, Any] | None


def _load(path: Path) -> _Loaded:
    def check(metadata: Metadata, shapes: Shapes) -> None:
        description = checked(path, metadata)
        wanted = _shapes(description.architecture.sizes)
        if description.position is not None:
            shapes = {name: shape for name, shape in shapes.items() if name in wanted}
        if shapes != wanted:
            raise _misfit(path, shapes, wanted)

    arrays, metadata = tensors.read_tensors(path, check)
    description = checked(path, metadata)
    sizes = description.architecture.sizes
    parameters = Parameters(sizes, zeros(count(sizes)))
    for name, target in _views(parameters).items():
        array = arrays.pop(name)
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise foreign.damaged(path, f"{name} of type {array.dtype} or not finite")
        target[:] = array
    model = Model(
        parameters=parameters,
        activations=description.architecture.activations,
        offset=description.preprocessing.offset,
        scale=description.preprocessing.scale,
        class_names=description.class_names,
        image_shape=description.image_shape,
        dataset=description.dataset,
        config=description.config,
        history=description.history,
        versions=description.versions,
        origin=description.origin,
        initial_digest=description.initial_digest,
    )
    return _Loaded(model, arrays, description.position)


def _from_report(path: Path, parameters: Parameters) -> Model:
    from handstitch.data.dataset import GARMENTS

    sizes = parameters.sizes
    if (sizes[0], sizes[-1]) != (prod(_REPORT_SHAPE), len(GARMENTS)):
        raise foreign.refuse(
            path,
            f"weights for {sizes[0]} inputs and {sizes[-1]} classes",
            wanted=f"{prod(_REPORT_SHAPE)} inputs (28×28 pixels) and {len(GARMENTS)} classes",
            fix="give weights that were trained on Fashion-MNIST",
        )
    return Model(
        parameters=parameters,
        activations=("relu",) * (len(sizes) - 2),
        offset=0.0,
        scale=_REPORT_SCALE,
        class_names=GARMENTS,
        image_shape=_REPORT_SHAPE,
        dataset="fashion-mnist",
        config={},
        history=(),
        versions={},
        origin="report npz",
    )
