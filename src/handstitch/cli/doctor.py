"""handstitch doctor."""

from __future__ import annotations

from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Json, resolve


def doctor(*, data_dir: DataDir = None, json: Json = False) -> None:
    """Say what this machine offers and what is found on it."""
    import platform
    import shutil

    from handstitch import machine
    from handstitch.runs.folder import RUNS
    from handstitch.training import backend

    config = resolve({}, None, None).config
    versions = machine.versions()
    facts = {
        "handstitch": versions.pop("handstitch"),
        "python": platform.python_version(),
        "packages": [f"{name} {version}" for name, version in versions.items()],
        "system": platform.platform(),
        "processor": machine.processor(),
        "cores": machine.cores(),
        "BLAS": [line for pool in machine.blas_pools() for line in _blas(pool)],
        "threads of a run": machine.resolve_threads(config.threads),
        "backend": backend.describe(config),
        "free disk": f"{shutil.disk_usage('.').free / 2**30:.1f} GiB",
        "data": [_data(name, data_dir) for name in ("fashion-mnist", "mnist")],
        "runs": len(list(RUNS.glob("*/config.toml"))),
    }
    if json:
        output.emit(facts)
        return
    table = output.table("what", "found")
    table.columns[1].justify = "left"
    for name, value in facts.items():
        for number, line in enumerate(value if isinstance(value, list) else [value]):
            table.add_row(name if number == 0 else "", output.text(str(line)))
    output.show(table)


def _blas(pool: dict[str, Any]) -> list[str]:
    """A BLAS library in words, and what is amiss with its kernels if it is the one that trains."""
    from handstitch.machine import libraries

    library, kernel = pool["filepath"], str(pool["architecture"])
    owner = next((name for name in ("scipy", "numpy") if f"{name}.libs" in library), library)
    shortfall = libraries.shortfall(kernel) if owner == "scipy" else None
    is_chosen = owner == "scipy" and libraries.wanted() and not shortfall
    line = (
        f"{pool['internal_api']} {pool['version']}, kernel {kernel}"
        f"{' (chosen for this processor)' if is_chosen else ''}"
        f", {pool['num_threads']} threads, of {owner}"
    )
    return [line, shortfall] if shortfall else [line]


def _data(name: str, data_dir: Any) -> str:
    from handstitch.data import loading
    from handstitch.errors import HandstitchError

    try:
        found = loading.verify(name, "train", data_dir, fetch=False)
    except loading.AbsentError:
        return f"{name}: not on this machine (handstitch data fetch {name})"
    except HandstitchError as error:
        return f"{name}: {error.problem} ({error.facts.get('found', '')})"
    return f"{name}: complete and sound in {found.place.folder}"
