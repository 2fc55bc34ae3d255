"""Optuna study of a search, for optuna-dashboard: an observer that no trial depends on.

The trials' folders are the record; nothing is read from the study. If writing fails during a
search, the study is left alone for the rest of that call; the next call writes what is missing.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Final

import msgspec
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from handstitch.records import Trial, best_epoch
from handstitch.search import database
from handstitch.search.folder import STUDY, Search
from handstitch.search.tpe import distributions, encoded
from handstitch.storage import sqlite

_logger = logging.getLogger(__name__)

_STATES: Final = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Study:
    """The study of one search: in the database `url`, or in study.db in the search's folder."""

    def __init__(self, search: Search, url: URL | None) -> None:
        self._plan, self._name = search.plan, search.description.study
        file = sqlite.database(search.folder.absolute(), STUDY)
        self._file = None if url else file
        # As an address, for SQLAlchemy knows no path that is not UTF-8.
        self._url = url or URL.create("sqlite", database=file.as_uri(), query={"uri": "true"})
        self._shown = database.shown(url) if url else str(file)
        self._storage: RDBStorage | None = None
        self._has_failed = False

    def show(self, trial: Trial, *, running: bool = False) -> None:
        """Write a trial, finished or `running`; new trials must come in order of their numbers.

        A trial that is finished in the study stays as it is.
        """
        if self._has_failed:
            return
        state = TrialState.RUNNING if running else _STATES[trial.state]
        try:
            if self._storage is None:
                if self._file:
                    sqlite.require_plain(self._file)
                self._storage = database.connect(self._url)
                optuna.create_study(
                    study_name=self._name,
                    storage=self._storage,
                    direction="maximize",
                    load_if_exists=True,
                )
                self._id = self._storage.get_study_id_from_name(self._name)
                self._count = self._storage.get_n_trials(self._id)
            self._write(self._storage, trial.number, self._frozen(trial, state))
        except Exception as error:  # noqa: BLE001 (no fault of an observer may end a search)
            self._has_failed = True
            _logger.warning(
                "the study %s cannot be written: %s; "
                "the search continues without it, and the next call writes what is "
                "missing (remove a damaged study.db first)",
                self._shown,
                database.reason(error, self._url),
            )

    def close(self) -> None:
        """Close the connection."""
        if self._storage is not None:
            with suppress(SQLAlchemyError, optuna.exceptions.OptunaError):
                self._storage.remove_session()
                self._storage.engine.dispose()

    def _write(self, storage: RDBStorage, number: int, now: FrozenTrial) -> None:
        """Create or update the study's trial of this number: it becomes `now`."""
        if number >= self._count:
            storage.create_new_trial(self._id, now)
            self._count += 1
            return
        trial = storage.get_trial_id_from_study_id_trial_number(self._id, number)
        if storage.get_trial(trial).state.is_finished():
            return
        for epoch, accuracy in now.intermediate_values.items():
            storage.set_trial_intermediate_value(trial, epoch, accuracy)
        for name, value in now.user_attrs.items():
            storage.set_trial_user_attr(trial, name, value)
        if now.state.is_finished():
            storage.set_trial_state_values(trial, now.state, now.values)

    def _frozen(self, trial: Trial, state: TrialState) -> FrozenTrial:
        best = best_epoch(trial.history)
        has_value = state in {TrialState.COMPLETE, TrialState.PRUNED}
        facts = {name: getattr(trial, name) for name in ("seed", "candidate", "repeat", "threads")}
        facts["config"] = self._plan.config_of(trial.parameters, trial.repeat).to_dict()
        if state.is_finished():
            facts |= {"seconds": trial.seconds, "history": msgspec.to_builtins(trial.history)}
        if trial.problem:
            facts["problem"] = trial.problem
        return create_trial(
            state=state,
            value=best.val_accuracy if best and has_value else None,
            params=encoded(self._plan.parameters, trial.parameters),
            distributions=distributions(self._plan.parameters),
            user_attrs=facts,
            intermediate_values={each.epoch: each.val_accuracy for each in trial.history},
        )
