"""What can be chosen in a run, and where the choices come from."""

from handstitch.config.schema import Config

__all__ = ["Config"]
