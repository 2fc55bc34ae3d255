"""Handstitch: a neural-network image classifier written out by hand in NumPy."""

from __future__ import annotations

__version__ = "0.1.0"
