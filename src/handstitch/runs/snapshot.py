"""Snapshot of a run: its state to model files and resumable states, and back, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from handstitch import storage
from handstitch.errors import ModelFileError
from handstitch.model import SavedState, load_newest_state, require_sizes, save_state
from handstitch.model.trained import present_model
from handstitch.runs.folder import START
from handstitch.runs.history import timeless_records
from handstitch.training import Trainer
from handstitch.training.state import FIELDS

_RESTORE: Final = "config.toml and weights must be of one run; restore the one that was changed"


def save(path: Path, trainer: Trainer) -> None:
    """Write everything that training needs to resume; the replaced file is kept as a backup."""
    state = trainer.state
    slots = state.arrays()
    del slots["weights"]
    if state.at_best or not state.history:
        del slots["best"]
    position = state.position() | {"data": trainer.dataset.digest}
    save_state(path, present_model(trainer), slots, position)


def data_digest(path: Path) -> str:
    """Digest of the data that a state was trained on; empty where nothing was saved yet."""
    if not storage.existing_copies(path):
        return ""
    return str(load_newest_state(path)[0].position.get("data", ""))


def restore(path: Path, saved: SavedState, trainer: Trainer) -> None:
    """Restore a saved state. Raises ModelFileError if it is of another network.

    The history comes back without seconds, which no state holds.
    """
    started = trainer.start.digest if trainer.start else ""
    if saved.model.start_digest != started:
        raise ModelFileError(
            "the model that this run started from is another one",
            file=path.with_name(START.name),
            found=f"SHA-256 {started[:8]}… of its weights" if started else "no such file",
            wanted=f"SHA-256 {saved.model.start_digest[:8]}…"
            if saved.model.start_digest
            else "none: the weights were drawn",
            fix="restore that file, or remove it if it was added",
        )
    theta = saved.model.parameters
    require_sizes(path, theta.sizes, trainer.sizes, _RESTORE)
    # The best weights are left out where they are the ones just trained.
    arrays = {"best": theta.vector, **saved.slots, "weights": theta.vector}
    if saved.model.receptive_fields:
        arrays[FIELDS] = saved.model.receptive_fields.rectangles
    history = timeless_records(path, saved.model.history)
    try:
        trainer.state.restore(arrays, saved.position, history, trainer.batches)
    except (KeyError, ValueError) as error:
        raise ModelFileError(
            "this state does not match the run's settings",
            file=path,
            found=f"no usable {error}",
            wanted=f"the state of a run with {trainer.config.optimizer}",
            fix=_RESTORE,
        ) from error
    # Not generated again: another NumPy may give other weights for the same seed.
    trainer.state.initial_digest = saved.model.initial_digest


def differences(saved: SavedState, trainer: Trainer) -> list[str]:
    """Changes of data and build since the state was saved, which may change the bits."""
    lines = []
    if saved.position.get("data") != trainer.dataset.digest:
        lines.append(
            "the training data differ from those the run was started with "
            f"(SHA-256 {str(saved.position.get('data'))[:8]}… then, "
            f"{trainer.dataset.digest[:8]}… now)"
        )
    build = dict(saved.model.versions)
    if build.pop("core", None) != trainer.build["core"]:
        lines.append("core/ was edited since the run was saved: it goes on with the code of now")
    lines += [
        f"{name} was {then} when the run was saved and is {trainer.build.get(name)} now: "
        "the result may differ in the last bits"
        for name, then in build.items()
        if trainer.build.get(name) != then
    ]
    return lines
