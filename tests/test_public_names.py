from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import handstitch


@pytest.mark.parametrize("name", handstitch.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(handstitch, name) is not None
    assert name in dir(handstitch)


def test_the_names_are_those_of_the_modules_that_define_them() -> None:
    assert set(handstitch._HOMES) | {"__version__"} == set(handstitch.__all__)
    for name, home in handstitch._HOMES.items():
        assert getattr(handstitch, name) is getattr(import_module(home), name)


def test_what_type_checkers_see_is_what_is_imported_later() -> None:
    from tests.test_house import PACKAGE

    source = (PACKAGE / "__init__.py").read_text()
    for name, home in handstitch._HOMES.items():
        line = next(each for each in source.splitlines() if each.startswith(f"    from {home} "))
        assert name in line.partition(" import ")[2].split(", ")


def test_another_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'handstitch' has no attribute 'nothing'"):
        _ = handstitch.nothing


def test_names_are_imported_when_they_are_used() -> None:
    code = (
        "import sys, handstitch; before = set(sys.modules); handstitch.Config; "
        "later = set(sys.modules) - before; "
        "assert 'handstitch.config.schema' in later and 'numpy' not in later, later"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
