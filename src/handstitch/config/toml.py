"""Config files: reading and writing settings as TOML."""

from __future__ import annotations

import codecs
import errno
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from handstitch import storage
from handstitch.config.messages import format_value, nearest_name
from handstitch.config.schema import Config, check_names, convert_values, from_mapping
from handstitch.errors import Argument, Call, ConfigError, Phrase, printable

_LONGEST: Final = 65_536
_LINES: Final = 'lines like: learning_rate = 0.1 or optimizer = "adam"'


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file. Raises ConfigError if it is unreadable or a setting invalid."""
    try:
        content = _content(path)
        # Editors of Windows write a byte order mark, its shell UTF-16.
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        values = tomllib.loads(content.decode("utf-16" if is_utf16 else "utf-8-sig"))
        json.dumps(values, default=str)  # a number of thousands of digits is refused here
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            "the config file is not valid TOML",
            file=path,
            found=str(error),
            wanted=_LINES,
            fix=Phrase("correct that line; for an example: {}", Call("Config")),
        ) from None
    tables = [name for name, value in values.items() if isinstance(value, dict)]
    if tables:
        raise ConfigError(
            "tables are not supported: write settings at top level",
            file=path,
            found=", ".join(f"[{format_value(name)}]" for name in tables),
            wanted=_LINES,
            fix="remove the lines in square brackets",
        )
    check_names(values, path)
    return convert_values(values, format_toml, path)


def read_config(path: Path) -> Config:
    """The configuration in the config.toml of a run. Raises as `read_file` does."""
    return from_mapping(read_file(path), str(path))


def to_toml(config: Config, comments: Mapping[str, str] | None = None) -> str:
    """The configuration as a TOML file, with a comment on the lines of settings in `comments`."""
    lines = []
    for name, value in config.to_dict().items():
        line = format_toml(name, value)
        comment = (comments or {}).get(name)
        lines.append(f"{line:<32}  # {printable(comment)}" if comment else line)
    return "\n".join(lines) + "\n"


def format_toml(name: str, value: object) -> str:
    """A setting as a line of a file."""
    items = [value] if name == "activation" and isinstance(value, str) else value
    # JSON's strings, lists, booleans and exact floats are TOML's, too, but for two things:
    # TOML knows no escaped surrogates, and wants DEL escaped.
    text = json.dumps(items, default=str, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{name} = {text}"


def _content(path: Path) -> bytes:
    try:
        return storage.read_file(path, _LONGEST)
    except (OSError, ValueError) as error:
        is_long = getattr(error, "errno", None) == errno.EFBIG
        raise ConfigError(
            "the config file is too large" if is_long else "the config file cannot be read",
            file=path,
            found=getattr(error, "strerror", None) or str(error),
            wanted="a TOML file with settings",
            fix=_remedy(path, isinstance(error, IsADirectoryError)),
        ) from None


def _remedy(path: Path, is_folder: bool) -> str:
    """A remedy: the config file of this folder, or a file with a similar name."""
    if is_folder and (path / "config.toml").is_file():
        return Phrase("{}", Argument("config", path / "config.toml"))
    beside = {file.stem: file.name for file in path.absolute().parent.glob("*.toml")}
    nearest = nearest_name(path.stem, beside)
    if nearest and nearest != path.stem:
        return Phrase("perhaps: {}", Argument("config", path.with_name(beside[nearest])))
    return Phrase("check its name and permissions; for an example: {}", Call("Config"))
