"""Estimator: parameters by name, and copies, as scikit-learn's own estimators have them.

Its contract is met without importing it; its types come from `scikit_learn`, where that is
loaded.
"""

from __future__ import annotations

import inspect
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import Any, Final, Self

from msgspec import structs
from numpy.typing import NDArray

from handstitch.arrays import Matrix, Vector, aligned_zeros
from handstitch.config import Config
from handstitch.config.schema import check_names
from handstitch.core.parameters import Parameters, count
from handstitch.errors import UsageError
from handstitch.model import scikit_learn
from handstitch.model.info import Model
from handstitch.records import ReadingOptions

_OF_FILES: Final = {"dataset", *ReadingOptions.__struct_fields__}
DEFAULTS: Final[dict[str, Any]] = {
    field.name: field.default for field in fields(Config) if field.name not in _OF_FILES
} | {"warm_start": False}
"""Parameter → default: the settings of a run but for those that say what files are read and how,
and `warm_start`: whether `fit` starts from the weights of the last one."""


class Estimator:
    """The parameters of a Classifier, attributes of their own names, and what `fit` has found.

    Parameters are kept as they are given and checked in `fit`: a search sets them one after
    another, and some contradict each other on the way.
    """

    warm_start: bool
    path: Path | None = None
    """The file it was loaded from."""
    weights = "best"
    """The name of its weights: `best`, `last`, or the file's name."""
    classes_: NDArray[Any]
    """The label of each class, in the order of the outputs: words or numbers, as given to `fit`,
    and else the numbers from 0."""
    n_features_in_: int
    """Numbers of a sample."""
    feature_names_in_: NDArray[Any]
    """The columns of the table it was fitted on; missing where that was none."""
    n_iter_: int
    """Epochs that were trained; of a file, up to the best one."""
    loss_curve_: list[float]
    """The training loss of each epoch."""
    coefs_: list[Matrix]
    """W (inputs, outputs) of each layer."""
    intercepts_: list[Vector]
    """b (outputs,) of each layer."""
    _model: Model | None = None

    def __init__(self, **parameters: Any) -> None:
        self.set_params(**(DEFAULTS | parameters))

    # For help(), completion and scikit-learn.
    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # it may be set
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
        + [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in DEFAULTS.items()
        ]
    )

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """Parameter → value, as it was given."""
        return {name: vars(self)[name] for name in DEFAULTS}

    def set_params(self, **parameters: Any) -> Self:
        """Replace these parameters. Raises ConfigError for an unknown one."""
        check_names(parameters.keys() - {"warm_start"}, type(self).__name__)
        if odd := sorted(parameters.keys() & _OF_FILES):
            raise TypeError(f"{type(self).__name__} is given arrays and takes no {odd[0]}")
        vars(self).update(parameters)
        return self

    @property
    def config(self) -> Config:
        """The settings that `fit` trains with. Raises ConfigError for all invalid ones at once."""
        settings = self.get_params()
        del settings["warm_start"]
        return Config(dataset="arrays", **settings)

    def __repr__(self) -> str:
        """The call that makes it, with the parameters that are not the defaults."""
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(DEFAULTS[name])
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def _repr_html_(self) -> str | None:
        """The diagram of scikit-learn, where that is loaded; None: a notebook shows the text."""
        return scikit_learn.html(self) if scikit_learn.is_loaded() else None

    def __sklearn_tags__(self) -> Any:
        """What it can do, in scikit-learn's words."""
        return scikit_learn.tags()

    @property
    def model(self) -> Model:
        """The trained network, with its preprocessing and history. Raises UsageError before fit."""
        if self._model is None:
            error = UsageError(
                "this classifier is not trained",
                found="no weights",
                wanted="a call of fit(images, labels) first",
                fix="call fit, or load a trained one with handstitch.load(path)",
            )
            raise scikit_learn.not_fitted(error) if scikit_learn.is_loaded() else error
        return self._model

    def _adopt(
        self,
        model: Model,
        classes: NDArray[Any],
        losses: list[Any],
        names: NDArray[Any] | None = None,
    ) -> None:
        """Have this network, and what scikit-learn's estimators tell of theirs."""
        self._model, self.classes_ = model, classes
        self.n_features_in_ = prod(model.image_shape)
        self.n_iter_, self.loss_curve_ = len(losses), losses
        self.coefs_, self.intercepts_ = model.parameters.weights, model.parameters.biases
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names

    def _forget_file(self) -> None:
        for name in ("path", "weights", "_reading"):
            vars(self).pop(name, None)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs; θ once, of which the layers' arrays are views."""
        state = {
            name: value
            for name, value in vars(self).items()
            if name not in {"coefs_", "intercepts_"}
        }
        if self._model is not None:
            values = structs.asdict(self._model)
            theta: Parameters = values.pop("parameters")
            state["_model"] = values, theta.sizes, theta.vector
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if "_model" in state:
            values, sizes, vector = state["_model"]
            theta = Parameters(sizes, aligned_zeros(count(sizes)))
            theta.vector[:] = vector
            self._model = Model(parameters=theta, **values)
            self.coefs_, self.intercepts_ = theta.weights, theta.biases

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it has a network."""
        return self._model is not None
