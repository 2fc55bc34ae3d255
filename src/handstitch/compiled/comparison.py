"""Whether core/ is still the code that the numba backend was compared with.

numba compiles core's activations and update rules from their own text: an edit of those trains.
The rest of core, forward, backward, loss and optimizer, is written once more here, and tests hold
the two together. `make compare` runs those tests, and records the text that they passed with.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final

_CORE: Final = Path(__file__).parents[1] / "core"
RECORD: Final = Path(__file__).with_name("compared.json")
_COMPILED: Final = {"activations.py", "update_rules.py"}
"""Files of core that numba compiles as they stand."""


@cache
def core_digests() -> dict[str, str]:
    """SHA-256 of every file of core, by name, whatever its line ends; empty without sources."""
    return {
        file.name: hashlib.sha256(b"\n".join(file.read_bytes().splitlines())).hexdigest()
        for file in sorted(_CORE.glob("*.py"))
    }


def compared_digests() -> dict[str, str]:
    """Those of `core_digests` that the numba backend has to be compared with."""
    return {name: text for name, text in core_digests().items() if name not in _COMPILED}


def edited_files() -> list[str]:
    """Files of core that are not the text the numba backend was compared with."""
    compared = json.loads(RECORD.read_bytes())
    return [name for name, text in compared_digests().items() if compared.get(name) != text]
