"""Database of the Optuna study: a SQLite file or a PostgreSQL server. No password is shown."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import Final

from optuna.storages import RDBStorage
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from handstitch.errors import Argument, MachineError, Phrase, UsageError, mask_passwords
from handstitch.search.executors import not_installed

_TIMEOUT: Final = 4
"""Timeout of a connection in seconds."""
_DRIVER: Final = "postgresql+psycopg"


def require(storage: str) -> URL:
    """The address of the PostgreSQL database `storage`, after a first connection.

    Raises UsageError for any other address or without the driver, MachineError if connecting fails.
    """
    url = URL.create("")
    with suppress(ArgumentError, ValueError):  # ValueError: of the port
        url = make_url(storage)
    if url.drivername not in {"postgresql", "postgres", _DRIVER}:
        raise UsageError(
            "unsupported database",
            found=Phrase("{}", Argument("storage", mask_passwords(storage))),
            wanted="postgresql://USER@HOST/DATABASE",
            fix="correct it, or leave it out: the study is then a file in the search's folder",
        )
    if find_spec("psycopg") is None:
        raise not_installed("psycopg", "postgresql", Phrase("leave {} out", Argument("storage")))
    url = url.set(drivername=_DRIVER)
    try:
        connect(url).engine.dispose()
    except Exception as error:  # noqa: BLE001 (of Optuna, SQLAlchemy or the driver)
        raise MachineError(
            "no connection to the study's database",
            found=f"{mask_passwords(storage)}: {reason(error)}",
            wanted="a running PostgreSQL server",
            fix=Phrase(
                "start it or correct {}; without it the study is a file", Argument("storage")
            ),
        ) from None
    return url


def connect(url: URL) -> RDBStorage:
    """Optuna's tables in this database, created if it has none."""
    # A server that ends must be noticed in time.
    timeouts = {"connect_timeout": _TIMEOUT, "tcp_user_timeout": 1000 * _TIMEOUT}
    options = timeouts if url.drivername == _DRIVER else {}
    address = url.render_as_string(hide_password=False)
    return RDBStorage(address, engine_kwargs={"connect_args": options})


def reason(error: BaseException) -> str:
    """The first cause of an error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return mask_passwords(lines[0]) if lines else type(error).__name__
