"""Where Optuna's study is kept: PostgreSQL by its address, or a file. No password is shown."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import Final

from optuna.storages import RDBStorage
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from handstitch.errors import MachineError, UsageError, mask_passwords
from handstitch.search.executors import not_installed

_PATIENCE: Final = 4
"""Seconds that a database may take to answer."""
_DRIVER: Final = "postgresql+psycopg"


def answering(storage: str) -> URL:
    """The address `storage` of a PostgreSQL database, once that has answered.

    Raises UsageError for anything else and without its driver, MachineError if it cannot be used.
    """
    url = URL.create("")
    with suppress(ArgumentError, ValueError):  # ValueError: of the port
        url = make_url(storage)
    if url.drivername not in {"postgresql", "postgres", _DRIVER}:
        raise UsageError(
            "unsupported database",
            found=f"--storage {mask_passwords(storage)}",
            wanted="postgresql://USER@HOST/DATABASE",
            fix="correct it; or leave it out, and the study is a file in the search's folder",
        )
    if find_spec("psycopg") is None:
        raise not_installed("psycopg", "postgresql", "leave --storage out")
    url = url.set(drivername=_DRIVER)
    try:
        connect(url).engine.dispose()
    except Exception as error:  # noqa: BLE001 (Optuna, SQLAlchemy and the driver each have theirs)
        raise MachineError(
            "the study's database cannot be used",
            address=mask_passwords(storage),
            found=reason(error),
            wanted="a PostgreSQL server",
            fix="start it or correct --storage; without --storage the study is a file",
        ) from None
    return url


def connect(url: URL) -> RDBStorage:
    """Optuna's tables in this database; they are made if it is new."""
    # A server that is gone must be noticed in time.
    timeouts = {"connect_timeout": _PATIENCE, "tcp_user_timeout": 1000 * _PATIENCE}
    options = timeouts if url.drivername == _DRIVER else {}
    address = url.render_as_string(hide_password=False)
    return RDBStorage(address, engine_kwargs={"connect_args": options})


def reason(error: BaseException) -> str:
    """What went wrong first, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return mask_passwords(lines[0]) if lines else type(error).__name__
