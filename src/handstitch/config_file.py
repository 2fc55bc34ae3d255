"""Settings as a TOML file, read and written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from handstitch.config import Config, check_names, converted, field_types
from handstitch.errors import ConfigError, printable
from handstitch.wording import alike, shown

_LONGEST: Final = 65_536
_LISTS: Final = ("hidden_sizes", "activation")


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file. Raises ConfigError if they cannot be read or cannot be."""
    content = _content(path)
    try:
        text = content.decode()
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            "the config file is not TOML",
            file=path,
            found=_place(error, content),
            wanted='lines like: learning_rate = 0.1 or optimizer = "adam"',
            fix="correct that place; an example: handstitch config",
        ) from None
    headings = [name for name, value in values.items() if isinstance(value, dict)]
    if headings:
        raise ConfigError(
            "settings stand under no heading",
            file=path,
            found=", ".join(f"[{shown(name)}]" for name in headings),
            wanted='lines like: learning_rate = 0.1 or optimizer = "adam"',
            fix="remove the lines in square brackets",
        )
    check_names(values, path)
    return converted(values, as_toml, path)


def to_toml(config: Config, comments: Mapping[str, str] | None = None) -> str:
    """The configuration as a TOML file that can be fed back; `comments` stand behind the lines."""
    lines = []
    for name, value in config.to_dict().items():
        line = f"{name} = {_toml_value(value)}"
        note = (comments or {}).get(name)
        lines.append(f"{line:<32}  # {printable(note)}" if note else line)
    return "\n".join(lines) + "\n"


def as_toml(name: str, value: object) -> str:
    """How a setting is written in a file, cut short where it is endless."""
    if name in _LISTS and isinstance(value, str):
        value = [value]
    line = f"{name} = {_toml_value(value)}"
    return line if len(line) <= 100 else line[:99] + "…"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            "there is no such config file",
            file=path,
            wanted="a TOML file with settings",
            fix=_way_to(path),
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            "a config file is wanted, and this is a folder",
            file=path,
            wanted="a TOML file with settings",
            fix=_way_to(path),
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            "the config file cannot be read",
            file=path,
            found=getattr(error, "strerror", None) or str(error),
            fix="check its name and its rights",
        ) from None
    if len(content) > _LONGEST:
        raise ConfigError(
            "this is too long for a config file",
            file=path,
            found=f"more than {_LONGEST:,} bytes",
            wanted=f"a TOML file with {len(field_types())} settings at most",
            fix="name another; an example: handstitch config",
        )
    return content


def _way_to(path: Path) -> str:
    inside = path / "config.toml"
    if inside.is_file():
        return f"--config {inside}"
    here = {each.stem: each.name for each in path.absolute().parent.glob("*.toml")}
    meant = alike(path.stem, here)
    if meant:
        return f"perhaps: --config {path.with_name(here[meant])}"
    return "write one to begin with: handstitch config > my.toml"


def _place(error: Exception, content: bytes) -> str:
    """What is wrong where, with line and column."""
    if isinstance(error, UnicodeDecodeError):
        before = content[: error.start].split(b"\n")
        place = f"line {len(before)}, column {len(before[-1]) + 1}"
        return f"a byte 0x{content[error.start]:02x} that is not UTF-8 text (at {place})"
    if isinstance(error, RecursionError):
        return "brackets in brackets without end"
    end = content.decode().rstrip("\n").split("\n")
    last = f"at line {len(end)}, column {len(end[-1]) + 1}, where the file ends"
    return str(error).replace("at end of document", last)


def _toml_value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    if isinstance(value, str):
        return json.dumps(value)  # a JSON string is a TOML string
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)  # the repr of a float is exact
