"""What all tests share: an order; a disk that is not waited for, for no test cuts the power; a
browser.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from handstitch.storage import disk
from tests.chromium import CHROMIUM, FLAGS

FIRST = (
    "tests/compiled/test_bits.py",
    *("tests/core/", "tests/figures/", "tests/gradients/", "tests/test_house.py"),
)
"""The file that compiles the numba backend, where that is not done yet; and tests without machine
code, for the other worker meanwhile, who would else compile the same."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` gives its workers one file after another, in this order."""

    def place(item: pytest.Item) -> int:
        return next(
            (n for n, begin in enumerate(FIRST) if item.nodeid.startswith(begin)), len(FIRST)
        )

    items.sort(key=place)


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
def chromium() -> Iterator[Any]:
    """Chromium, one for all tests of a worker: Playwright starts once in a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """Chromium; a test's pages are closed with it, for a laboratory left open goes on computing."""
    yield chromium
    for context in chromium.contexts:
        context.close()
