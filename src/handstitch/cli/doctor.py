"""handstitch doctor."""

from __future__ import annotations

from typing import Any

from handstitch.cli import console
from handstitch.cli.flags import DataDir, Json, resolve


def doctor(*, data_dir: DataDir = None, json: Json = False) -> None:
    """Say what this machine offers and what is found on it."""
    facts = _facts(data_dir)
    if json:
        console.emit(facts)
        return
    table = console.table("what", "found")
    table.columns[1].justify = "left"
    for name, value in facts.items():
        for number, line in enumerate(value if isinstance(value, list) else [value]):
            table.add_row(name if number == 0 else "", console.text(str(line)))
    console.show(table)


def _facts(data_dir: Any) -> dict[str, Any]:
    import platform
    import shutil

    from handstitch import machine, steps
    from handstitch.run_folder import RUNS

    config = resolve({}, None, None).config
    free = shutil.disk_usage(".").free
    return {
        "handstitch": machine.versions()["handstitch"],
        "python": platform.python_version(),
        "packages": [
            f"{name} {version}"
            for name, version in machine.versions().items()
            if name != "handstitch"
        ],
        "system": platform.platform(),
        "processor": machine.processor(),
        "cores": machine.cores(),
        "BLAS": [line for pool in machine.blas_pools() for line in _blas(pool)],
        "threads of a run": machine.resolve_threads(config.threads),
        "training step": steps.status(config),
        "free disk": f"{free / 2**30:.1f} GiB",
        "data": [_data(name, data_dir) for name in ("fashion-mnist", "mnist")],
        "runs": len(list(RUNS.glob("*/config.toml"))),
    }


def _blas(pool: dict[str, Any]) -> list[str]:
    """A BLAS library in words, and what is amiss with its kernels if it is the one that trains."""
    from handstitch import kernels

    owner, kernel = _owner(pool["filepath"]), str(pool["architecture"])
    shortfall = kernels.shortfall(kernel) if owner == "scipy" else None
    asked = " (chosen for this processor)" if owner == "scipy" and kernels.wanted() else ""
    line = (
        f"{pool['internal_api']} {pool['version']}, kernel {kernel}{asked if not shortfall else ''}"
        f", {pool['num_threads']} threads, of {owner}"
    )
    return [line, shortfall] if shortfall else [line]


def _owner(library: str) -> str:
    """Which package a BLAS library belongs to."""
    return next((name for name in ("scipy", "numpy") if f"{name}.libs" in library), library)


def _data(name: str, data_dir: Any) -> str:
    from handstitch.data import sources
    from handstitch.errors import HandstitchError

    try:
        found = sources.verify(name, "train", data_dir, fetch=False)
    except sources.AbsentError:
        return f"{name}: not on this machine (handstitch data fetch {name})"
    except HandstitchError as error:
        return f"{name}: {error.problem} ({error.facts.get('found', '')})"
    return f"{name}: complete and sound in {found.place.folder}"
