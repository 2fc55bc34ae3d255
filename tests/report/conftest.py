"""The machine of the command line's tests: empty, without a network, with small drawn data."""

from __future__ import annotations

from tests.cli.conftest import handstitch, kept, machine, trained

__all__ = ["handstitch", "kept", "machine", "trained"]
