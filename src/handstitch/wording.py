"""What to say of a name that is not known and of a value that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import msgspec

from handstitch.errors import ConfigError

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
"""What other programs call a setting, where spelling alone would not lead to ours."""

_SHOWN: Final = 60

Write = Callable[[str, object], str]
"""(setting, value) → how one would write it in the place at hand."""


class Problem(NamedTuple):
    """A setting whose value cannot be."""

    name: str
    value: object
    wanted: str
    """What it may be, in words."""
    near: object = None
    """A value that may have been meant; None where none is like it."""


def alike(name: str, known: Collection[str]) -> str | None:
    """The known name that `name` seems to mean; None if it is like none of them."""
    import difflib

    plain = {_plain(each): each for each in reversed(list(known))}
    plain |= {also: plain[ours] for also, ours in ALSO_CALLED.items() if ours in plain}
    found = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def nearest(name: str, known: Collection[str]) -> str:
    """The known name most like `name`, be it ever so different."""
    import difflib

    return alike(name, known) or str(
        difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
    )


def corrections(names: Iterable[str], known: Collection[str], prefix: str = "") -> str:
    """For each unknown name the one that seems meant: "epochs for epocs, seed for sed".

    `prefix` stands before all of them, and is no likeness.
    """
    meant = {prefix + name: prefix + (alike(name, known) or "") for name in names}
    if len(meant) == 1:
        (only,) = meant.values()
        return only if only != prefix else "nothing is called anything like it"
    return ", ".join(
        f"{mean} for {name}" if mean != prefix else f"nothing like {name}"
        for name, mean in meant.items()
    )


def wanted(kind: Any) -> str:
    """What a setting of this type may be, in words."""
    return _in_words(msgspec.json.schema(kind), choices(kind))


def choices(kind: Any) -> list[str]:
    """The words that a setting of this type, or an item of it, may be; none where it is free."""
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    if get_origin(kind) is Annotated:
        return choices(get_args(kind)[0])
    return [word for each in get_args(kind) for word in choices(each)]


def impossible(
    problems: list[Problem],
    write: Write,
    examples: Mapping[str, object],
    meanings: Mapping[str, str],
    file: Path | None = None,
) -> ConfigError:
    """One error for all values that cannot be.

    `examples` has a value that can be for each setting, `meanings` the line that explains it.
    """
    better = " ".join(
        write(each.name, examples[each.name] if each.near is None else each.near)
        for each in problems
    )
    if len(problems) == 1:
        (only,) = problems
        return ConfigError(
            f"{only.name} cannot be {shown(only.value) or 'empty'}",
            file=file,
            found=write(only.name, only.value),
            wanted=only.wanted,
            means=meanings[only.name],
            fix=("for example: " if only.near is None else "perhaps: ") + better,
        )
    return ConfigError(
        f"{len(problems)} settings cannot be what they are",
        file=file,
        found=", ".join(write(each.name, each.value) for each in problems),
        wanted="; ".join(f"{each.name}: {each.wanted}" for each in problems),
        fix="change them; what each one means: handstitch train --help",
    )


def shown(value: object) -> str:
    """A value as a person would type it, cut short where it is endless."""
    if isinstance(value, (list, tuple)):
        return " ".join(shown(item) for item in value[:20])
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def as_word(value: object) -> str:
    """A value as one word: six digits of a fraction, lists joined by commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(as_word, value))
    return f"{value:.6g}" if isinstance(value, float) else shown(value)


def _plain(name: str) -> str:
    return name.lstrip("-").lower().replace("-", "_")


def _in_words(schema: dict[str, Any], words: list[str]) -> str:
    if "anyOf" in schema:
        return " or ".join(_in_words(option, words) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(words)
    if schema["type"] == "array" and words:
        return f"one or more of {', '.join(words)}"
    if schema["type"] == "array":
        return f"a list, each {_in_words(schema['items'], words)}"
    if schema["type"] == "boolean":
        return "true or false"
    bounds = (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "up to"),
        ("exclusiveMaximum", "below"),
    )
    limits = [f"{word} {schema[bound]:,}" for bound, word in bounds if bound in schema]
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    return " ".join([noun, *limits])
