"""Optuna study of a search, for optuna-dashboard: an observer that no trial depends on.

The trials' folders are the record; nothing is read from the study. If writing fails during a
search, the study is left alone for the rest of that call; the next call writes what is missing.

Its database is a SQLite file or on a PostgreSQL server. No password is shown: an address is parsed
by `parse` and shown by `shown`, and by nothing else. What cannot be parsed may hold a password
anywhere, and so may an option that is not listed here: neither is shown.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from importlib.util import find_spec
from typing import Final

import msgspec
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from handstitch.errors import Argument, MachineError, Phrase, UsageError
from handstitch.records import Trial, best_epoch
from handstitch.search.executors import not_installed
from handstitch.search.folder import STUDY, Search
from handstitch.search.tpe_and_pruning import distributions, encoded
from handstitch.storage import sqlite

_logger = logging.getLogger(__name__)

_STATES: Final = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_TIMEOUT: Final = 4
"""Timeout of a connection in seconds."""
_DRIVER: Final = "postgresql+psycopg"
_SHOWN: Final = frozenset(
    {"host", "hostaddr", "port", "user", "dbname", "service", "passfile"}
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "uri"}
)
"""Options of an address whose values are no secret."""
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Study:
    """The study of one search: in the database `url`, or in study.db in the search's folder."""

    def __init__(self, search: Search, url: URL | None) -> None:
        self._plan, self._name = search.plan, search.description.study
        file = sqlite.database(search.folder.absolute(), STUDY)
        self._file = None if url else file
        # As an address, for SQLAlchemy knows no path that is not UTF-8.
        self._url = url or URL.create("sqlite", database=file.as_uri(), query={"uri": "true"})
        self._shown = shown(url) if url else str(file)
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
                self._storage = connect(self._url)
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
                reason(error, self._url),
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
            intermediate_values={each.epoch: each.val_accuracy or 0.0 for each in trial.history},
        )


def parse(storage: str) -> URL:
    """The address of a PostgreSQL database. Raises UsageError for any other."""
    url = URL.create("")
    with suppress(ArgumentError, ValueError):  # ValueError: of the port
        url = make_url(storage)
    # A password with a bare @, / or ? would be read in part as something that is shown.
    bare = storage.count("@") > 1 or "@" in storage.partition("?")[2]
    if (
        url.drivername not in {"postgresql", "postgres", _DRIVER}
        or bare
        or re.search("[=@:/%]", url.database or "")
        or re.search("[=@%]", url.host or "")
        or re.search("[=?]", url.username or "")
    ):
        protocol = re.match(r"\w+://", storage)
        raise UsageError(
            "unsupported database",
            found=Phrase(
                "{} (not shown further: it may hold a password)",
                Argument("storage", f"{protocol[0] if protocol else ''}…"),
            ),
            wanted="postgresql://USER@HOST/DATABASE, with @ / ? = in a name or password "
            "percent-encoded: %40 %2F %3F %3D",
            fix="correct it, or leave it out: the study is then a file in the search's folder",
        )
    return url.set(drivername=_DRIVER)


def shown(url: URL) -> str:
    """The address in a message: *** for a password, and for options that may be one."""
    plain = [option for option in _options(url) if _is_plain(*option)]
    address = url.set(drivername=url.get_backend_name(), query={}).update_query_pairs(plain)
    text = address.render_as_string()
    return text if len(plain) == len(_options(url)) else f"{text}{'&' if plain else '?'}***"


def _options(url: URL) -> list[tuple[str, str]]:
    return [(name, value) for name, values in url.normalized_query.items() for value in values]


def _is_plain(name: str, value: str) -> bool:
    # With = or : it may be an address or options in turn.
    return name in _SHOWN and not re.search("[=:]", value)


def connected(storage: str) -> URL:
    """The address of the PostgreSQL database `storage`, after a first connection.

    Raises UsageError for any other address or without the driver, MachineError if connecting fails.
    """
    url = parse(storage)
    if find_spec("psycopg") is None:
        raise not_installed("psycopg", "postgresql", Phrase("leave {} out", Argument("storage")))
    try:
        connect(url).engine.dispose()
    except Exception as error:  # noqa: BLE001 (of Optuna, SQLAlchemy or the driver)
        found = reason(error, url)
    else:
        return url
    # Outside of `except`: the driver's error may quote a password and becomes no context of this.
    raise MachineError(
        "no connection to the study's database",
        found=f"{shown(url)}: {found}",
        wanted="a running PostgreSQL server",
        fix=Phrase("start it or correct {}; without it the study is a file", Argument("storage")),
    )


def connect(url: URL) -> RDBStorage:
    """Optuna's tables in this database, created if it has none."""
    # A server that ends must be noticed in time.
    timeouts = {"connect_timeout": _TIMEOUT, "tcp_user_timeout": 1000 * _TIMEOUT}
    options = timeouts if url.drivername == _DRIVER else {}
    address = url.render_as_string(hide_password=False)
    return RDBStorage(address, engine_kwargs={"connect_args": options})


def reason(error: BaseException, url: URL) -> str:
    """The first cause of an error, in one line; its type alone if the line quotes a secret."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    hidden = [option for option in _options(url) if not _is_plain(*option)]
    secrets = [url.password, *(part for option in hidden for part in option)]
    quoted = any(secret and secret in line for secret in secrets)
    return type(error).__name__ if quoted or not line else line
