"""The machine of the command line's tests: empty, without a network, with small drawn data."""

from __future__ import annotations

from tests.cli.conftest import handstitch, machine

__all__ = ["handstitch", "machine"]
