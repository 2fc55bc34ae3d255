"""Optuna's study of a search: the parent alone writes it, and anybody may look at it.

The trials' folders say what is finished; the study is brought up to them when it is opened, so
that nothing is lost with it. Its trials have the numbers that they have here: they are created in
that order, whatever order they end in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import optuna
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from handstitch.config import Config
from handstitch.errors import MachineError, UsageError, masked
from handstitch.records import EpochRecord, Trial
from handstitch.search import space
from handstitch.search.folder import STUDY, Description
from handstitch.search.space import Axis, Range
from handstitch.search.spec import Spec

CONNECT: Final = 4
"""Seconds that a database may take to answer."""
_DRIVER: Final = "postgresql+psycopg"
_STATES: Final = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Study:
    """The study of one search: `with Study.opened(…) as study: study.begin(…); study.finish(…)`."""

    def __init__(self, description: Description, url: sqlalchemy.URL) -> None:
        self._spec = description.spec
        self._url = url
        self._distributions = distributions(description.spec.parameters)
        # A server that is gone must be noticed in time; a file answers at once.
        is_file = url.get_backend_name() == "sqlite"
        options = {} if is_file else {"connect_args": {"connect_timeout": CONNECT}}
        with self._told():
            self._storage = optuna.storages.RDBStorage(
                url.render_as_string(hide_password=False), engine_kwargs=options
            )
            self._study = optuna.create_study(
                study_name=description.study,
                storage=self._storage,
                direction="maximize",
                load_if_exists=True,
                pruner=_pruner(description.spec),
            )
            self._id = self._storage.get_study_id_from_name(description.study)
            self._count = self._storage.get_n_trials(self._id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError):
            self._storage.remove_session()
            self._storage.engine.dispose()

    def begin(self, number: int, facts: Callable[[int], tuple[dict[str, Any], Config]]) -> None:
        """Note that this trial runs. `facts` gives a trial's searched values and configuration."""
        with self._told():
            while self._count <= number:
                values, config = facts(self._count)
                setting, repeat = divmod(self._count, self._spec.seeds)
                template = create_trial(
                    state=TrialState.RUNNING,
                    params=encoded(self._spec.parameters, values),
                    distributions=self._distributions,
                    user_attrs={
                        "config": config.to_dict(),
                        "seed": config.seed,
                        "setting": setting,
                        "repeat": repeat,
                        "threads": config.threads,
                    },
                )
                self._storage.create_new_trial(self._id, template)
                self._count += 1

    def report(self, number: int, history: list[EpochRecord]) -> bool:
        """Note a running trial's epochs; whether its pruner calls it hopeless."""
        with self._told():
            trial = self._noted(number, history)
            return self._study.pruner.prune(self._study, self._storage.get_trial(trial))

    def finish(self, trial: Trial) -> None:
        """Note what came out of a trial that was begun; nothing, if that is noted already."""
        with self._told():
            identity = self._identity(trial.number)
            if self._storage.get_trial(identity).state.is_finished():
                return
            self._noted(trial.number, trial.history)
            facts = {"seconds": trial.seconds, "history": msgspec.to_builtins(trial.history)}
            if trial.problem:
                facts["problem"] = trial.problem
            for name, value in facts.items():
                self._storage.set_trial_user_attr(identity, name, value)
            value = score(trial)
            self._storage.set_trial_state_values(
                identity,
                _STATES[trial.state],
                None if value is None or trial.state == "failed" else [value],
            )

    def is_finished(self, number: int) -> bool:
        """Whether what came out of a trial is noted."""
        with self._told():
            return number < self._count and (
                self._storage.get_trial(self._identity(number)).state.is_finished()
            )

    def _noted(self, number: int, history: list[EpochRecord]) -> int:
        """Note those epochs that are not; the trial's identity in the storage."""
        identity = self._identity(number)
        known = self._storage.get_trial(identity).intermediate_values
        for record in history:
            if record.epoch not in known:
                self._storage.set_trial_intermediate_value(
                    identity, record.epoch, record.val_accuracy
                )
        return identity

    def _identity(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _told(self) -> AbstractContextManager[None]:
        return told(self._url)


def url_of(folder: Path, storage: str | None) -> sqlalchemy.URL:
    """Where a search's study is: the database named, or study.db in its folder.

    Raises UsageError for what is no address of PostgreSQL, or without its driver.
    """
    if not storage:
        return sqlalchemy.URL.create("sqlite", database=str(folder.absolute() / STUDY))
    with suppress(sqlalchemy.exc.ArgumentError, ValueError):  # ValueError: of the port
        url = sqlalchemy.make_url(storage)
        if url.drivername in {"postgresql", "postgres", _DRIVER}:
            _require_driver()
            return url.set(drivername=_DRIVER)
    raise UsageError(
        "this is no database for a study",
        found=f"--storage {masked(storage)}",
        wanted="postgresql://USER@HOST/DATABASE",
        fix="correct it; or leave it out, and the study is a file in the search's folder",
    )


def _require_driver() -> None:
    try:
        import psycopg  # noqa: F401 (whether it is there)
    except ImportError:
        raise UsageError(
            "psycopg is not installed",
            found="no module psycopg",
            wanted="Handstitch with its extra `postgresql`",
            fix="pip install 'handstitch[postgresql]', or leave --storage out",
        ) from None


def require_reachable(url: sqlalchemy.URL) -> None:
    """Raise MachineError unless the database answers."""
    with told(url):
        engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": CONNECT})
        engine.connect().close()
        engine.dispose()


@contextmanager
def told(url: sqlalchemy.URL) -> Iterator[None]:
    """Within, what a database refuses becomes a MachineError that shows no password."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        cause: BaseException = error
        while not isinstance(cause, sqlalchemy.exc.SQLAlchemyError) and cause.__cause__:
            cause = cause.__cause__
        cause = getattr(cause, "orig", None) or cause
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        is_file = url.get_backend_name() == "sqlite"
        raise MachineError(
            "the study cannot be kept" if is_file else "the study's database cannot be used",
            address=url.render_as_string(hide_password=True),
            found=masked(lines[0]) if lines else type(cause).__name__,
            wanted="a file that Optuna can read and write" if is_file else "a PostgreSQL server",
            fix="move it away: it is written anew from the trials"
            if is_file
            else "start it or correct --storage; the same command goes on with what is missing",
        ) from None


def score(trial: Trial) -> float | None:
    """A trial's validation accuracy in its best epoch; None if it finished none."""
    return next((each.val_accuracy for each in reversed(trial.history) if each.is_best), None)


def distributions(parameters: space.Parameters) -> dict[str, BaseDistribution]:
    """What is searched, as Optuna says it."""
    return {name: _distribution(name, axis) for name, axis in parameters.items()}


def encoded(parameters: space.Parameters, values: dict[str, Any]) -> dict[str, Any]:
    """A setting's values as Optuna keeps them: lists of values in words, widths by the first."""
    return {name: _code(name, parameters[name], value) for name, value in values.items()}


def decoded(parameters: space.Parameters, params: dict[str, Any]) -> dict[str, Any]:
    """The other way round."""
    values = {}
    for name, axis in parameters.items():
        if isinstance(axis, Range):
            values[name] = axis.setting(axis.kept(params[name]))
        else:
            values[name] = next(each for each in axis if _code(name, axis, each) == params[name])
    return values


def _code(name: str, axis: Axis, value: Any) -> Any:
    if isinstance(axis, Range):
        return value[0] if axis.widths else value
    return space.typed(name, value) if isinstance(value, list) else value


def _distribution(name: str, axis: Axis) -> BaseDistribution:
    if not isinstance(axis, Range):
        return CategoricalDistribution([_code(name, axis, each) for each in axis])
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _pruner(spec: Spec) -> optuna.pruners.BasePruner:
    if spec.pruning == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    if spec.pruning == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    return optuna.pruners.NopPruner()
