"""What the library logs is printed by the command line, and left to Python without it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr

import pytest

from handstitch import cli
from handstitch.cli.notices import log_notices
from handstitch.search import executors

LOGGER = logging.getLogger("handstitch.data.loading")


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Replaces the whole of a command."""

    def replace(command: Callable[[], None]) -> None:
        def run(words: list[str]) -> int:
            command()
            return 0

        monkeypatch.setattr(cli, "_run", run)

    return replace


def test_a_command_prints_warnings_and_progress(handstitch, saying):
    def command() -> None:
        LOGGER.debug("for developers")
        LOGGER.info("fetching %s", "a file\n\x1b[2J")
        LOGGER.warning("100%% of %d", 3)
        logging.getLogger("requests").warning("of somebody else")

    saying(command)
    for _ in range(2):
        result = handstitch("data", "info")
        assert result.code == 0
        assert result.err == "handstitch: fetching a file\\n\\x1b[2J\nhandstitch: 100% of 3\n"
        assert result.out == ""


def test_a_record_is_printed_once_and_where_stderr_is_then(saying, caplog):
    elsewhere = io.StringIO()

    def command() -> None:
        with redirect_stderr(elsewhere):  # as rich does while a bar is shown
            LOGGER.info("above the bar")

    saying(command)
    assert cli.run(["data", "info"]) == 0
    assert elsewhere.getvalue() == "handstitch: above the bar\n"
    assert caplog.messages == []  # its handler is the calling program's


def test_a_command_leaves_the_logger_as_it_was(handstitch, saying, caplog):
    def command() -> None:
        raise KeyError("planted")

    saying(command)
    logger = logging.getLogger("handstitch")
    before = logger.level, logger.propagate, list(logger.handlers)
    assert handstitch("data", "info").code == 1
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    LOGGER.info("nobody asked")
    LOGGER.warning("to whom it may concern")
    assert caplog.messages == ["to whom it may concern"]


def test_a_notice_names_its_program(capsys):
    with log_notices("reproduction"):
        logging.getLogger("reproduction.experiments").info("grid [1/18]")
    assert capsys.readouterr().err == "reproduction: grid [1/18]\n"


def test_without_a_command_warnings_appear_and_progress_does_not():
    code = (
        "import logging; import handstitch; "
        "assert not logging.getLogger('handstitch').handlers; "
        "logger = logging.getLogger('handstitch.data.loading'); "
        "logger.info('fetching'); logger.warning('a folder is empty')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "a folder is empty\n")


def test_workers_leave_notices_to_their_parent():
    with executors.processes(1) as pool:
        enabled = pool.executor.submit(LOGGER.isEnabledFor, logging.WARNING)
        assert enabled.result(60) is False
