"""handstitch config --translate."""

from __future__ import annotations

import pytest

from handstitch.config import Config
from handstitch.training.translation import translate
from tests.cli.conftest import Handstitch
from tests.training.test_translation import LIBRARIES

SETTINGS = {"optimizer": "nesterov", "weight_decay": 0.01, "hidden_sizes": (30, 15)}
FLAGS = ("--optimizer", "nesterov", "--weight-decay", "0.01", "--hidden", "30")


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_program_of_the_settings_alone_is_printed(handstitch: Handstitch, library: str) -> None:
    printed = handstitch("config", *FLAGS, "--translate", library)
    assert printed.code == 0, printed.err
    wanted = translate(Config(**SETTINGS), library)  # type: ignore[arg-type]
    assert printed.out == wanted
    assert "30" in wanted
    found = handstitch("config", *FLAGS, "--translate", library, "--json").json
    assert found["program"] == wanted
    assert found["config"]["optimizer"] == "nesterov"


def test_another_library_is_refused_with_those_that_there_are(handstitch: Handstitch) -> None:
    refused = handstitch("config", "--translate", "jax")
    assert refused.code == 2
    assert all(library in refused.err for library in LIBRARIES)
