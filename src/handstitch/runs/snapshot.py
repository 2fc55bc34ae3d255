"""Snapshot of a run: its state to model files and resumable states, and back, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from handstitch.config import Config
from handstitch.core.parameters import Parameters
from handstitch.data.dataset import Dataset
from handstitch.errors import ModelFileError
from handstitch.model import Model, SavedState, require_sizes, save_state
from handstitch.records import EpochRecord, best_epoch
from handstitch.runs.history import timeless_records
from handstitch.training import State, TrainingData

_TIMED = ("train_seconds", "seconds")
_RESTORE = "config.toml and weights must be of one run; restore the one that was changed"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a run, with the metadata of its files."""

    state: State
    task: TrainingData
    config: Config
    dataset: Dataset
    build: dict[str, str]

    def write(self, path: Path) -> None:
        """Write everything the run needs to resume; the replaced file is kept as a backup."""
        state = self.state
        slots = state.arrays()
        del slots["weights"]
        if state.at_best or not state.history:
            del slots["best"]
        model = self._model(state.network.parameters, state.history)
        position = state.position() | {"data": self.dataset.digest}
        save_state(path, model, slots, position)

    def best_model(self) -> Model:
        """The network of the best epoch, with the history up to it."""
        best = best_epoch(self.state.history)
        return self._model(self.state.best, self.state.history[: best.epoch if best else 0])

    def restore(self, path: Path, saved: SavedState) -> None:
        """Restore a saved state. Raises ModelFileError if it is of another network.

        The history comes back without seconds, which no state holds.
        """
        theta = saved.model.parameters
        require_sizes(path, theta.sizes, self.task.sizes, _RESTORE)
        # The best weights are left out where they are the ones just trained.
        arrays = {"best": theta.vector, **saved.slots, "weights": theta.vector}
        history = timeless_records(path, saved.model.history)
        try:
            self.state.restore(arrays, saved.position, history)
        except (KeyError, ValueError) as error:
            raise ModelFileError(
                "this state does not match the run's settings",
                file=path,
                found=f"no usable {error}",
                wanted=f"the state of a run with {self.config.optimizer}",
                fix=_RESTORE,
            ) from error
        # Not generated again: another NumPy may give other weights for the same seed.
        self.state.initial_digest = saved.model.initial_digest

    def differences(self, saved: SavedState) -> list[str]:
        """Changes of data and build since the state was saved, which may change the bits."""
        lines = []
        if saved.position.get("data") != self.dataset.digest:
            lines.append(
                "the training data differ from those the run was started with "
                f"(SHA-256 {str(saved.position.get('data'))[:8]}… then, "
                f"{self.dataset.digest[:8]}… now)"
            )
        lines += [
            f"{name} was {then} when the run was saved and is {self.build.get(name)} now: "
            "the result may differ in the last bits"
            for name, then in saved.model.versions.items()
            if self.build.get(name) != then
        ]
        return lines

    def _model(self, parameters: Parameters, history: list[EpochRecord]) -> Model:
        return Model(
            parameters=parameters,
            activations=tuple(self.config.activations),
            offset=self.task.scaling.offset,
            scale=self.task.scaling.scale,
            class_names=self.dataset.class_names,
            image_shape=self.dataset.image_shape,
            dataset=self.dataset.name,
            config=self.config.to_dict(),
            history=tuple(_timeless(record) for record in history),
            versions=self.build,
            origin="handstitch",
            initial_digest=self.state.initial_digest,
        )


def _timeless(record: EpochRecord) -> dict[str, Any]:
    """A record without its seconds, as model files have it."""
    values = msgspec.structs.asdict(record)
    return {name: value for name, value in values.items() if name not in _TIMED}
