"""What all tests share: a disk that is not waited for, since no test cuts the power; a browser."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from handstitch.storage import disk
from tests.chromium import CHROMIUM, FLAGS


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all tests of a worker: Playwright starts once in a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()
