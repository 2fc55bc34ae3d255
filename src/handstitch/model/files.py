"""Read and write model files and resumable states; read those of others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite, prod
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.arrays import aligned_zeros
from handstitch.core.parameters import Parameters, count
from handstitch.errors import Argument, Call, DivergedError, ModelFileError, Phrase, listed
from handstitch.model import course_npz, outliers, safetensors_file, torch_file, unsupported
from handstitch.model.info import FileMetadata, Model, parse, to_metadata
from handstitch.model.outliers import OutlierDetector
from handstitch.model.safetensors_file import Metadata, Shapes
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training.state import FIELDS

_logger = logging.getLogger(__name__)

_DETECTOR: Final = tuple(f"outliers.{name}" for name in OutlierDetector._fields)
_COURSE_SHAPE: Final = (28, 28)
_COURSE_SCALE: Final = 1 / 256
_OTHER_FILE: Final = "give the file that belongs to this network, or train one"


class SavedState(NamedTuple):
    """Everything that resuming a run needs."""

    model: Model
    slots: dict[str, NDArray[Any]]
    """Further arrays: `optimizer.*` and the like."""
    position: dict[str, Any]


def save_model(path: str | Path, model: Model, *, durable: bool = True) -> None:
    """Write a model file, whole or not at all; the same model always gives the same bytes.

    `durable` as in `storage.write`. Raises DivergedError if the weights are not finite,
    ModelFileError if the metadata is invalid, MachineError if the file cannot be written.
    """
    storage.write(path, _encode(Path(path), model), durable=durable)


def model_bytes(model: Model) -> bytes:
    """The bytes that `save_model` would write. Raises as it does."""
    return b"".join(_encode(Path("best.safetensors"), model))


def save_state(
    path: str | Path, model: Model, slots: Mapping[str, NDArray[Any]], position: dict[str, Any]
) -> None:
    """Write a state; the one that stood at `path` is kept beside it (`storage.backup_of`).

    `slots` are arrays under any names but `layers.*`; `position` is JSON with string keys and
    finite numbers, and comes back bit for bit. Raises as `save_model`.
    """
    metadata = to_metadata(Path(path), model) | {"position": position}
    arrays = dict(slots) | arrays_of(model)
    storage.write(path, safetensors_file.encode(Path(path), arrays, metadata), backup=True)


def load_model(path: str | Path) -> Model:
    """The model in a model file, a state, or other programs' weights.

    Raises ModelFileError, or MachineError if the file may not be read.
    """
    path = Path(path)
    try:
        with unsupported.open_file(path) as file:
            if course_npz.is_archive(file):
                return _imported(path, *course_npz.read(path, file, file.seek(0, 2)))
            if (found := torch_file.read(path, file)) is not None:
                return _imported(path, *found)
    except OSError as error:
        raise unsupported.unreadable(path, error) from error
    return _load(path)[0]


def load_state(path: str | Path) -> SavedState:
    """The state that `save_state` wrote. Raises as `load_model`."""
    model, slots, position = _load(Path(path))
    if position is None:
        raise ModelFileError(
            "training cannot resume from this file",
            file=path,
            found="a network, without the state of its optimizer",
            wanted="a state (last.safetensors)",
            fix=Phrase("name the run's folder: {}", Call("resume", "RUN")),
        )
    return SavedState(model, slots, position)


def load_newest_state(path: str | Path) -> tuple[SavedState, ModelFileError | None]:
    """The state at `path`, with None; or if that is damaged or missing, its backup and the error.

    Raises ModelFileError if neither is sound, and at once if one is of another format version.
    """
    problems: list[ModelFileError] = []
    for file in (Path(path), storage.backup_of(path)):
        try:
            state = load_state(storage.inside(file.parent, file.name))
            return state, problems[0] if problems else None
        except unsupported.OtherFormatError:
            raise
        except ModelFileError as error:
            problems.append(error)
    if not storage.existing_copies(path):
        raise problems[0]
    found, backup = (error.found or error.problem for error in problems)
    raise ModelFileError(
        "the state of this run and its backup are damaged or missing",
        file=path,
        found=f"{found}\nbackup: {backup}",
        fix=Phrase("start a new run; the best weights may still be sound: {}", Call("load", "RUN")),
    )


def require_sizes(
    path: str | Path, found: tuple[int, ...], wanted: tuple[int, ...], fix: str = _OTHER_FILE
) -> None:
    """Raise ModelFileError unless a file's layer sizes are the wanted ones."""
    _require_shapes(Path(path), _shapes(found), _shapes(wanted), fix)


def _shapes(sizes: tuple[int, ...]) -> Shapes:
    shapes: Shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (inputs, outputs)
        shapes[f"layers.{layer}.bias"] = (outputs,)
    return shapes


def _encode(path: Path, model: Model) -> list[bytes | memoryview]:
    return safetensors_file.encode(path, arrays_of(model), to_metadata(path, model))


def arrays_of(model: Model) -> dict[str, NDArray[Any]]:
    """The arrays of the network and of its detector, by their names in the file."""
    vector = model.parameters.vector
    if vector.dtype != np.float32:
        raise ValueError(f"a model file holds float32, not {vector.dtype}")
    # The sum is not finite if a single number is not, and takes a tenth of np.isfinite.
    if not isfinite(np.sum(vector, dtype=np.float64)):
        # Such a file could never be loaded; the existing one is kept.
        raise DivergedError(
            "the weights are not finite",
            wanted="finite weights",
            fix=Phrase("try a lower {}", Argument("learning_rate")),
        )
    fields, detector = model.receptive_fields, model.outliers or ()
    arrays = _views(model.parameters) | ({FIELDS: fields.rectangles} if fields else {})
    return arrays | dict(zip(_DETECTOR, detector, strict=False))


def _views(parameters: Parameters) -> dict[str, NDArray[Any]]:
    """The network's arrays by their names in the file."""
    arrays: dict[str, NDArray[Any]] = {}
    for layer, (W, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        arrays[f"layers.{layer}.weight"] = W
        arrays[f"layers.{layer}.bias"] = b
    return arrays


def _require_shapes(path: Path, found: Shapes, wanted: Shapes, fix: str = _OTHER_FILE) -> None:
    odd = [name for name in wanted | found if found.get(name) != wanted.get(name)]
    if odd:
        raise ModelFileError(
            "the weights are of another architecture",
            file=path,
            found=listed([f"{name} {found.get(name, 'none')}" for name in odd], 2),
            wanted=listed([f"{name} {wanted.get(name, 'none')}" for name in odd], 2),
            fix=fix,
        )


def _load(path: Path) -> tuple[Model, dict[str, NDArray[Any]], dict[str, Any] | None]:
    """The model, the further arrays, and a state's position."""

    def check(metadata: Metadata, shapes: Shapes) -> None:
        found = parse(path, metadata)
        wanted = _shapes(found.sizes)
        if FIELDS in shapes and len(found.sizes) > 2:
            wanted[FIELDS] = (found.sizes[1], 4)
        if found.position is not None:
            shapes = {name: shape for name, shape in shapes.items() if name in wanted}
        if not shapes.keys().isdisjoint(_DETECTOR):
            wanted |= zip(_DETECTOR, outliers.shapes(found.sizes), strict=True)
        _require_shapes(path, shapes, wanted)

    arrays, metadata = safetensors_file.read_tensors(path, check)
    found = parse(path, metadata)
    return from_arrays(path, found, arrays), arrays, found.position


def from_arrays(path: Path, found: FileMetadata, arrays: dict[str, NDArray[Any]]) -> Model:
    """The inverse of `arrays_of`: the model with this metadata. Its arrays leave `arrays`.

    Raises ModelFileError unless they are sound; their shapes must have been checked.
    """
    parameters = Parameters(found.sizes, aligned_zeros(count(found.sizes)))
    for name, target in _views(parameters).items():
        target[:] = _sound(path, name, arrays.pop(name))
    fields = _receptive_fields(path, parameters, arrays.pop(FIELDS, None), found.image_shape)
    detector = None
    if found.position is None and arrays:
        detector = OutlierDetector(*(_sound(path, name, arrays.pop(name)) for name in _DETECTOR))
    return found.model(parameters, fields, detector)


def _receptive_fields(
    path: Path,
    parameters: Parameters,
    rectangles: NDArray[Any] | None,
    image_shape: tuple[int, ...],
) -> ReceptiveFields | None:
    """The receptive fields in a file, if the weights outside them are 0."""
    if rectangles is None:
        return None
    if rectangles.dtype != np.uint16:
        raise unsupported.damaged(path, f"{FIELDS} of type {rectangles.dtype}")
    try:
        fields = ReceptiveFields(rectangles, image_shape)
    except ValueError as error:
        raise unsupported.damaged(path, f"{FIELDS}: {error}") from error
    if parameters.weights[0][fields.mask == 0].any():
        raise unsupported.damaged(path, f"a weight outside the {FIELDS} that is not 0")
    return fields


def _sound(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The array. Raises ModelFileError unless it holds finite float32."""
    if array.dtype != np.float32 or not np.isfinite(array).all():
        raise unsupported.damaged(path, f"{name} of type {array.dtype} or not finite")
    return array


def _imported(path: Path, parameters: Parameters, facts: dict[str, Any]) -> Model:
    """The model of other programs' weights; a notice says what their file does not say and is taken
    from the course report.
    """
    from handstitch.data.dataset import GARMENTS

    sizes = parameters.sizes
    is_course = (sizes[0], sizes[-1]) == (prod(_COURSE_SHAPE), len(GARMENTS))
    if not is_course and not facts.keys() >= {"image_shape", "class_names"}:
        raise unsupported.refuse(
            path,
            f"weights for {sizes[0]} inputs and {sizes[-1]} classes",
            wanted=f"{prod(_COURSE_SHAPE)} inputs (28×28 pixels) and {len(GARMENTS)} classes, or "
            "what they are",
            fix="save with the weights image_shape, class_names, scale, offset and activations",
        )
    shape = facts.get("image_shape")
    assumed: dict[str, Any] = {
        "activations": ("relu",) * (len(sizes) - 2),
        "offset": 0.0,
        "scale": 1.0 if isinstance(shape, list) and len(shape) == 1 else _COURSE_SCALE,
        "class_names": GARMENTS,
        "image_shape": _COURSE_SHAPE,
    }
    unsaid = [name for name in assumed if name not in facts]
    if unsaid:
        values = {"class_names": "those of Fashion-MNIST", "activations": "relu"}
        said = [f"{name} {values.get(name, assumed[name])}" for name in unsaid]
        _logger.info("%s does not say, and is taken to have: %s", path.name, ", ".join(said))
    if facts.keys().isdisjoint({"image_shape", "class_names"}):
        assumed |= {"dataset": "fashion-mnist", "background": "dark"}
    return parse(
        path,
        {"dataset": "arrays", "config": {}, "history": (), "versions": {}, "sizes": sizes}
        | {"origin": "import" if facts else "course npz"}
        | assumed
        | facts,
    ).model(parameters, None, None)
