"""Text of messages: values, counts, nearest names, valid values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

ALSO_CALLED: Final = {
    "batch": "batch_size",
    "gamma": "decay_factor",
    "hidden": "hidden_sizes",
    "l2": "weight_decay",
    "layers": "hidden_sizes",
    "lr": "learning_rate",
    "preprocessing": "scaling",
    "rate": "learning_rate",
    "scheduler": "schedule",
    "units": "hidden_sizes",
    "workers": "threads",
}
"""Other names of settings and values, where spelling alone would not lead to ours."""

_LONGEST: Final = 60


def format_value(value: object) -> str:
    """A value as one word: of a command line, a message, a table or a label.

    true, false   as in TOML
    512,256       a list, whatever its items; [300] is `300,`, for `--hidden 300` means 300,150
    none          an empty list
    0.0015        a float as short as is exact
    fashion-mnist any other text, cut after 60 characters
    """
    if isinstance(value, (list, tuple)):
        text = ",".join(format_value(item) for item in value)
        return text + "," if len(value) == 1 and isinstance(value[0], int) else text or "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:.6g}"
        return short if float(short) == value else repr(value)
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def plural(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def pretty_json(value: object) -> bytes:
    r"""Indented JSON with a newline at its end; a byte that is not UTF-8 is the text \udcff."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = msgspec.json.encode(_utf8(msgspec.to_builtins(value)))
    return msgspec.json.format(text, indent=2) + b"\n"


def nearest_name(name: str, known: Collection[str]) -> str | None:
    """The known name most similar to `name`; None if none is similar."""
    import difflib

    plain = {_plain(word): word for word in reversed(list(known))}
    plain |= {also: plain[ours] for also, ours in ALSO_CALLED.items() if ours in plain}
    found = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def choices(kind: Any) -> list[str]:
    """The words allowed for a setting of this type, or for an item of it; none if it is free."""
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    if get_origin(kind) is Annotated:
        return choices(get_args(kind)[0])
    return [word for part in get_args(kind) for word in choices(part)]


def valid_values(kind: Any) -> str:
    """The valid values of a setting of this type, in words."""
    return _describe(msgspec.json.schema(kind), choices(kind))


def _utf8(value: Any) -> Any:
    if isinstance(value, dict):
        return {_utf8(name): _utf8(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8(item) for item in value]
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _plain(name: str) -> str:
    return name.lstrip("-").lower().replace("-", "_")


def _describe(schema: dict[str, Any], words: list[str]) -> str:
    if "anyOf" in schema:
        return " or ".join(_describe(option, words) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(words)
    if schema["type"] == "array" and "enum" in schema["items"]:
        return f"one or more of {', '.join(words)}"
    if schema["type"] == "array":
        return f"a list, each item {_describe(schema['items'], words)}"
    if schema["type"] == "boolean":
        return "true or false"
    if schema["type"] == "string":
        return str(schema["description"])
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    bounds = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "up to",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {schema[bound]:,}" for bound, word in bounds.items() if bound in schema]
    reason = [f"({schema['description']})"] if "description" in schema else []
    return " ".join([noun, *limits, *reason])
