"""handstitch doctor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Json, resolve


def doctor(*, data_dir: DataDir = None, json: Json = False) -> None:
    """Describe this machine and what is installed: processor, BLAS, backend, data, runs."""
    import platform
    import shutil

    from handstitch import machine
    from handstitch.runs.folder import RUNS
    from handstitch.training import backend

    config = resolve({}, None, None).config
    half, config = replace(config, precision="bfloat16"), replace(config, precision="float32")
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
        "bfloat16": backend.bfloat16_lack(half) or backend.build_info(half)["bfloat16"],
        "free disk": f"{shutil.disk_usage('.').free / 2**30:.1f} GiB",
        "data": [_data(name, data_dir) for name in ("fashion-mnist", "mnist")],
        "runs": len(list(RUNS.glob("*/config.toml"))),
    }
    if json:
        output.print_json(facts)
        return
    output.print_table(
        ("what", "found"),
        (
            (name if number == 0 else "", str(line))
            for name, value in facts.items()
            for number, line in enumerate(value if isinstance(value, list) else [value])
        ),
        words=2,
    )


def _blas(pool: dict[str, Any]) -> list[str]:
    """One line on a BLAS library, and a warning about the kernels of the one that trains."""
    from handstitch.machine import libraries

    library, kernel = pool["filepath"], str(pool["architecture"])
    owner = next((name for name in ("scipy", "numpy") if f"{name}.libs" in library), library)
    warning = libraries.kernel_warning(kernel) if owner == "scipy" else None
    is_preferred = owner == "scipy" and libraries.preferred_kernel() and not warning
    line = (
        f"{pool['internal_api']} {pool['version']}, kernel {kernel}"
        f"{' (chosen for this processor)' if is_preferred else ''}"
        f", {pool['num_threads']} threads, of {owner}"
    )
    return [line, warning] if warning else [line]


def _data(name: str, data_dir: Any) -> str:
    from handstitch.data import loading
    from handstitch.errors import HandstitchError

    try:
        source = loading.verify(name, "train", data_dir, fetch=False)
    except loading.AbsentError:
        return f"{name}: not on this machine (handstitch data fetch {name})"
    except HandstitchError as error:
        return f"{name}: {error.problem} ({error.found or ''})"
    return f"{name}: complete and sound in {source.location.folder}"
