"""Database of the Optuna study: a SQLite file or a PostgreSQL server. No password is shown.

An address is parsed by `parse` and shown by `shown`, and by nothing else. What cannot be parsed may
hold a password anywhere, and so may an option that is not listed here: neither is shown.
"""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.util import find_spec
from typing import Final

from optuna.storages import RDBStorage
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from handstitch.errors import Argument, MachineError, Phrase, UsageError
from handstitch.search.executors import not_installed

_TIMEOUT: Final = 4
"""Timeout of a connection in seconds."""
_DRIVER: Final = "postgresql+psycopg"
_SHOWN: Final = frozenset(
    {"host", "hostaddr", "port", "user", "dbname", "service", "passfile"}
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "uri"}
)
"""Options of an address whose values are no secret."""


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


def require(storage: str) -> URL:
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
