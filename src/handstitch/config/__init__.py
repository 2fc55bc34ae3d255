"""Settings of a run: their types and bounds, presets, TOML files and precedence."""

from handstitch.config.schema import Config

__all__ = ["Config"]
