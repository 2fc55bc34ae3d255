"""The disk of a test: what is written is not waited for, since no test cuts the power."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import pytest
from sqlalchemy import Engine, event

from handstitch.storage import disk


@pytest.fixture(scope="session", autouse=True)
def impatient() -> None:
    """`fsync` returns at once, in this process; that it is called, and when, tests/faults prove."""

    def do_nothing(fd: Any) -> None:
        pass

    os.fsync = do_nothing
    disk.Files.fsync = staticmethod(do_nothing)

    @event.listens_for(Engine, "connect")
    def do_not_wait(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")
