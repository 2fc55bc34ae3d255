"""The jobs of the benchmark: processes run in turn, and the figures kept of them."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import kernels
import recipe
from processes import OURS, PEERS, Failed, busy, run, script
from processors import HELD, describe
from programs import (
    AVX2,
    COURSE,
    EPOCH,
    FORWARD,
    GROWTH,
    HANDSTITCH,
    LIGHT,
    LOAD,
    PIXELS,
    STARTS,
    WHOLE,
    WIDE,
    WINDOWS,
    Program,
    of_an_epoch,
)
from session import Session
from whole import TARGETS

FIRST_IMAGES = 6_000
WIDE_IMAGES = 13_500
"""Images in an epoch of a wide network, whose seconds are extrapolated to 54,000."""
PRESETS = ("fast", "default")
ONCE = ("BLAS products alone", COURSE)
"""Programs that run in the first round only."""


class Size(NamedTuple):
    """Extent of the measurements."""

    batches: tuple[int, ...] = (64, 128, 256, 1024)
    rounds: int = 2
    epochs: int = 2
    images: int = 54_000
    command_epochs: int = 10
    recipe_epochs: int | None = None
    widths: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096)
    growth: tuple[int, ...] = (6_000, 60_000, 600_000)


QUICK = Size((64,), 1, 1, 2_560, 1, 1, (128,), (2_560,))


def epoch(size: Size, session: Session) -> dict[str, Any]:
    """Seconds of an epoch by batch and program, all in turn: float32 and bfloat16."""
    found: dict[str, Any] = {}
    for batch in size.batches:
        programs = of_an_epoch(batch, describe()["units"])
        found |= _epochs("epoch", {str(batch): ("--batch", batch)}, programs, size, session)
    return found


def avx2(size: Size, session: Session) -> dict[str, Any]:
    """The same with everybody held to AVX2, and what each says of its kernels, free and held."""
    flags = {str(batch): ("--batch", batch) for batch in size.batches}
    told = {
        who: {
            name: session.once("kernels", name, who, work=partial(kernels.of, program, settings))
            for name, settings in (("free", {}), ("held", HELD))
        }
        for who, program in AVX2.items()
        if who != LIGHT
    }
    found = _epochs("avx2", flags, AVX2, size, session, settings=HELD)
    return {"kernels": told, **found}


def pixels(size: Size, session: Session) -> dict[str, Any]:
    """Dark, light and standardised pixels at batch 128, for everybody."""
    flags = {name: ("--batch", 128, "--pixels", name) for name in ("dark", "light", "standard")}
    return _epochs("pixels", flags, PIXELS, size, session)


def wide(size: Size, session: Session) -> dict[str, Any]:
    """Seconds of an epoch of the network 784-2048-1024-10 at batch 128."""
    flags = {"2048-1024": ("--batch", 128, "--width", 2048)}
    images = min(size.images, WIDE_IMAGES)
    return _epochs("wide", flags, WIDE, size._replace(images=images), session)


def _epochs(
    job: str,
    cases: Mapping[str, tuple[object, ...]],
    programs: Mapping[str, Program],
    size: Size,
    session: Session,
    *,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Case by case, `rounds` times every program in turn."""
    found: dict[str, Any] = {}
    for case, flags in cases.items():
        each = (*flags, "--epochs", size.epochs, "--images", size.images)
        results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for turn in range(size.rounds):
            for who, program in programs.items():
                if turn and who in ONCE:
                    continue
                _into(results, session, (job, case, turn, who), program, each, settings=settings)
        found[case] = {who: _figures(several) for who, several in results.items()}
        _say(f"{job}, {case}", {who: one["seconds"] for who, one in found[case].items()})
    return found


def _into(
    results: dict[str, list[dict[str, Any]]],
    session: Session,
    key: tuple[Any, ...],
    program: Program,
    flags: Iterable[object],
    *,
    settings: Mapping[str, str] | None = None,
) -> None:
    """One run of the program. A peer that fails, as without a compiler, is left out."""
    ours, name, own = program
    try:
        work = partial(script, name, *flags, *own, ours=ours, settings=settings)
        made = session.once(*key, work=work)
    except Failed as failed:
        if ours:
            raise
        print(failed, flush=True)
    else:
        results[key[-1]].append(made)


def _figures(results: list[dict[str, Any]]) -> dict[str, float]:
    epochs = [seconds * 54_000 / each["images"] for each in results for seconds in each["epochs"]]
    return {
        "seconds": median(epochs),
        "fastest": min(epochs),
        "slowest": max(epochs),
        "first": median(each["first_epoch"] for each in results),
        "peak_mib": median(each["peak_mib"] for each in results),
    }


def command(size: Size, session: Session) -> dict[str, Any]:
    """From the shell to a tested model of the course preset: seconds and memory."""
    times: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for turn in range(size.rounds + 1):  # the first warms the caches
            for who in WHOLE:
                save = Path(place, f"{turn}-{who}")
                work = partial(_command, who, save, size.command_epochs)
                made = session.once("command", turn, who, work=work)
                if turn:
                    times[who].append(made)
    found = {
        who: {key: median(each[key] for each in several) for key in several[0]}
        for who, several in times.items()
    }
    _say("whole command", {who: each["seconds"] for who, each in found.items()})
    return found


def _command(who: str, place: Path, epochs: int) -> dict[str, float]:
    if who != HANDSTITCH:
        result = script(
            WHOLE[who].script, "--recipe", recipe.text("course", 0, epochs), "--save", place,
            ours=False,
        )  # fmt: skip
        seconds, mib = result["wall_seconds"], result["peak_mib"]
        return {"seconds": seconds, "peak_mib": mib, "accuracy": result["accuracy"]}
    program = [OURS, "-m", "handstitch"]
    flags = ["--preset", "course", "--epochs", str(epochs), "--out", str(place)]
    trained = run([*program, "train", *flags])
    tested = run([*program, "test", str(place), "--json"])
    return {
        "seconds": trained["wall_seconds"] + tested["wall_seconds"],
        "test_seconds": tested["wall_seconds"],
        "peak_mib": max(trained["peak_mib"], tested["peak_mib"]),
        "accuracy": tested["accuracy"],
    }


def reach(size: Size, session: Session) -> dict[str, Any]:
    """Whole processes by preset: seconds to a test accuracy and to the end, and the accuracy."""
    found: dict[str, Any] = {}
    for preset in PRESETS:
        results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as place:
            # What JAX compiles depends on the preset; ours is compiled once for all.
            warm = ("--recipe", recipe.text(preset, 0, 1), "--save", Path(place, "caches"))
            key = ("reach", preset, "caches", "JAX")
            _into(defaultdict(list), session, key, WHOLE["JAX"], warm)
            for seed in range(max(1, size.rounds - 1)):
                made = recipe.text(preset, seed, size.recipe_epochs)
                for who, program in WHOLE.items():
                    flags = ("--recipe", made, "--save", Path(place, f"{seed}-{who}"))
                    now = ("--started", time.time())
                    _into(results, session, ("reach", preset, seed, who), program, (*flags, *now))
        found[preset] = {who: _reached(several) for who, several in results.items()}
        _say(f"preset {preset}", {who: each["seconds"] for who, each in found[preset].items()})
    return found


def _reached(results: list[dict[str, Any]]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "seconds": median(each["wall_seconds"] for each in results),
        "percent": 100 * median(each["accuracy"] for each in results),
    }
    for target in (f"{target:.2f}" for target in TARGETS):
        # A seed that never gets there counts as slower than every other.
        ranked = sorted(
            (each["reached"].get(target) for each in results),
            key=lambda seconds: (seconds is None, seconds),
        )
        kept[target] = ranked[len(ranked) // 2]
    return kept


def forward(size: Size, session: Session) -> dict[str, Any]:
    """Seconds for 10,000 images and for one."""
    results: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in range(size.rounds):
        for who, program in FORWARD.items():
            _into(results, session, ("forward", turn, who), program, ())
    found = {
        who: {count: median(each["seconds"][count] for each in several) for count in ("10000", "1")}
        for who, several in results.items()
    }
    _say("forward, 10,000 images", {who: each["10000"] for who, each in found.items()})
    return found


def growth(size: Size, session: Session) -> dict[str, Any]:
    """How an epoch grows with the width of the network and with the number of images."""
    found: dict[str, Any] = {"width": {}, "images": {}}
    for width in size.widths:
        images = FIRST_IMAGES if width > 512 else size.images
        flags = ("--batch", 128, "--epochs", 1, "--width", width, "--images", images)
        for who in GROWTH:
            seconds = _one(session, ("growth", "width", width, who), flags)["epochs"][0]
            found["width"].setdefault(who, {})[str(width)] = seconds * 54_000 / images
    for images in size.growth:
        flags = ("--batch", 128, "--epochs", 1, "--images", images)
        for who in GROWTH:
            result = _one(session, ("growth", "images", images, who), flags)
            kept = {"seconds": result["epochs"][0], "peak_mib": result["peak_mib"]}
            found["images"].setdefault(who, {})[str(images)] = kept
    _say("growth", {"widest": list(found["width"][HANDSTITCH].values())[-1]})
    return found


def windows(size: Size, session: Session) -> dict[str, Any]:
    """Processor time of a step and of its first layer, with receptive fields and without."""
    flags = ("--batch", 256, "--epochs", size.epochs, "--images", size.images)
    found = session.once("windows", work=partial(script, WINDOWS, *flags, ours=True))
    _say("windows", found["seconds"])
    return dict(found["seconds"])


def load(size: Size, session: Session) -> dict[str, Any]:
    """Seconds of an epoch at batch 64, alone and beside two busy processes."""
    found: dict[str, Any] = {}
    flags = ("--epochs", 1, "--images", size.images)
    for who in LOAD:
        quiet, beside = [], []
        for turn in range(size.rounds):
            quiet += _one(session, ("load", "quiet", turn, who), flags)["epochs"]
            with busy(2):
                beside += _one(session, ("load", "busy", turn, who), flags)["epochs"]
        found[who] = {"quiet": median(quiet), "busy": median(beside)}
    _say("two busy processes", {w: each["busy"] / each["quiet"] for w, each in found.items()})
    return found


def start(size: Size, session: Session) -> dict[str, Any]:
    """Seconds of whole processes that do nearly nothing."""
    programs = {"ours": OURS, "peers": PEERS}
    times: dict[str, list[float]] = defaultdict(list)
    for turn in range(2 * size.rounds + 1):
        for name, (python, *words) in STARTS.items():
            work = partial(run, [programs[python], *words])
            made = session.once("start", turn, name, work=work)
            times[name].append(made["wall_seconds"])
    found = {name: median(each[1:] or each) for name, each in times.items()}
    _say("start", found)
    return found


JOBS: dict[str, Callable[[Size, Session], dict[str, Any]]] = {
    "epoch": epoch,
    "avx2": avx2,
    "wide": wide,
    "reach": reach,
    "command": command,
    "load": load,
    "pixels": pixels,
    "forward": forward,
    "growth": growth,
    "windows": windows,
    "start": start,
}
DEFAULT = ("epoch", "avx2", "wide", "reach", "command", "load")
"""Jobs with a floor of their own on every kind of processor; the others when asked for."""


def _one(session: Session, key: tuple[Any, ...], flags: tuple[object, ...]) -> Any:
    ours, name, own = EPOCH[key[-1]]
    return session.once(*key, work=partial(script, name, *flags, *own, ours=ours))


def _say(what: str, figures: dict[str, Any]) -> None:
    words = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
    print(f"{what}: {words}", flush=True)
