"""The jobs of the benchmark: processes run in turn, and the figures kept of them."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from processes import OURS, PEERS, busy, run, script
from whole import TARGETS

HANDSTITCH = "Handstitch"
EPOCH_PEERS: dict[str, tuple[bool, str, tuple[str, ...]]] = {
    # name: (in our environment, script, flags)
    HANDSTITCH: (True, "handstitch_loop", ()),
    "Handstitch, light images": (True, "handstitch_loop", ("--light",)),
    "numpy backend": (True, "handstitch_loop", ("--numpy",)),
    "BLAS products alone": (True, "bare_products", ()),
    "JAX": (False, "jax_scan", ()),
    "PyTorch": (False, "torch_eager", ()),
    "torch.compile": (False, "torch_eager", ("--compile",)),
    "scikit-learn": (False, "sklearn_mlp", ()),
    "the course report's way": (True, "course_way", ()),
}
FORWARD_PEERS = {
    HANDSTITCH: (True, "handstitch_forward"),
    "PyTorch": (False, "torch_forward"),
    "onnxruntime": (False, "onnx_forward"),
}
WHOLE_PEERS = {
    HANDSTITCH: (True, "handstitch_whole"),
    "JAX": (False, "jax_whole"),
    "PyTorch": (False, "torch_whole"),
}
WINDOWS = "handstitch_windows"
STARTS = {
    "`handstitch --help`": [OURS, "-m", "handstitch", "--help"],
    "`import handstitch`": [OURS, "-c", "import handstitch"],
    "`import torch`": [PEERS, "-c", "import torch"],
    "`import jax`": [PEERS, "-c", "import jax"],
    "`import sklearn.neural_network`": [PEERS, "-c", "import sklearn.neural_network"],
    "`python -c pass`": [OURS, "-c", "pass"],
}
FIRST_IMAGES = 6_000


class Size(NamedTuple):
    """Extent of the measurements."""

    batches: tuple[int, ...] = (64, 128, 256, 1024)
    rounds: int = 3
    epochs: int = 2
    command_epochs: int = 10
    default_epochs: int = 22
    widths: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096)
    images: tuple[int, ...] = (6_000, 60_000, 600_000)


QUICK = Size((64,), 1, 1, 1, 1, (128, 512), (6_000,))


def epoch(size: Size) -> dict[str, Any]:
    """Seconds of an epoch by batch and peer, all peers in turn."""
    found: dict[str, Any] = {}
    for batch in size.batches:
        results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(size.rounds):
            for peer, (ours, name, flags) in EPOCH_PEERS.items():
                each = ("--batch", batch, "--epochs", size.epochs, *flags)
                results[peer].append(script(name, *each, ours=ours))
        found[str(batch)] = {peer: _epochs(several) for peer, several in results.items()}
        _say(f"epoch, batch {batch}", {p: each["seconds"] for p, each in found[str(batch)].items()})
    return found


def command(size: Size) -> dict[str, Any]:
    """From the shell to a tested model of the course preset: seconds and memory."""
    times: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for turn in range(size.rounds + 1):  # the first warms the caches
            for peer in WHOLE_PEERS:
                result = _command(peer, Path(place, f"{turn}-{peer}"), size.command_epochs)
                if turn:
                    times[peer].append(result)
    found = {
        peer: {key: median(each[key] for each in several) for key in several[0]}
        for peer, several in times.items()
    }
    _say("whole command", {peer: each["seconds"] for peer, each in found.items()})
    return found


def _command(peer: str, place: Path, epochs: int) -> dict[str, float]:
    if peer != HANDSTITCH:
        ours, name = WHOLE_PEERS[peer]
        result = script(name, "--epochs", epochs, "--save", place, ours=ours)
        seconds, mib = result["wall_seconds"], result["peak_mib"]
        return {"seconds": seconds, "peak_mib": mib, "accuracy": result["accuracy"]}
    program = [OURS, "-m", "handstitch"]
    flags = ["--preset", "course", "--epochs", str(epochs), "--out", str(place)]
    trained = run([*program, "train", *flags])
    tested = run([*program, "test", str(place), "--json"])
    seconds = trained["wall_seconds"] + tested["wall_seconds"]
    return {
        "seconds": seconds,
        "test_seconds": tested["wall_seconds"],
        "peak_mib": max(trained["peak_mib"], tested["peak_mib"]),
        "accuracy": tested["accuracy"],
    }


def reach(size: Size) -> dict[str, Any]:
    """Seconds from the shell until a test accuracy is first reached, with the default preset."""
    found: dict[str, Any] = {}
    results: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for seed in range(size.rounds):
            for peer, (ours, name) in WHOLE_PEERS.items():
                save = Path(place, f"{peer}-{seed}")
                flags = ("--preset", "default", "--epochs", size.default_epochs, "--seed", seed)
                now = ("--started", time.time(), "--save", save)
                results[peer].append(script(name, *flags, *now, ours=ours))
    for peer, several in results.items():
        found[peer] = {"accuracy": median(each["accuracy"] for each in several)}
        for target in TARGETS:
            had = [each["reached"].get(f"{target:.4f}") for each in several]
            # A seed that never gets there counts as slower than every other.
            ranked = sorted(had, key=lambda seconds: (seconds is None, seconds))
            found[peer][f"{target:.4f}"] = ranked[len(ranked) // 2]
    _say("time to 90 %", {peer: each["0.9000"] for peer, each in found.items()})
    return found


def forward(size: Size) -> dict[str, Any]:
    """Seconds for 10,000 images and for one."""
    found = _in_turn(FORWARD_PEERS, size.rounds)
    result = {
        peer: {
            count: median(each["seconds"][count] for each in several) for count in ("10000", "1")
        }
        for peer, several in found.items()
    }
    _say("forward, 10,000 images", {peer: each["10000"] for peer, each in result.items()})
    return result


def growth(size: Size) -> dict[str, Any]:
    """How an epoch grows with the width of the network and with the number of images."""
    found: dict[str, Any] = {"width": {}, "images": {}}
    for width in size.widths:
        images = FIRST_IMAGES if width > 512 else 54_000
        flags = ("--batch", 128, "--epochs", 1, "--width", width, "--images", images)
        for peer in (HANDSTITCH, "PyTorch"):
            seconds = _one(peer, flags)["epochs"][0] * 54_000 / images
            found["width"].setdefault(peer, {})[str(width)] = seconds
    for images in size.images:
        flags = ("--batch", 128, "--epochs", 1, "--images", images)
        for peer in (HANDSTITCH, "PyTorch"):
            result = _one(peer, flags)
            kept = {"seconds": result["epochs"][0], "peak_mib": result["peak_mib"]}
            found["images"].setdefault(peer, {})[str(images)] = kept
    _say("growth", {"widest": list(found["width"][HANDSTITCH].values())[-1]})
    return found


def windows(size: Size) -> dict[str, Any]:
    """Processor time of a step and of its first layer, with receptive fields and without."""
    found = script(WINDOWS, "--batch", 256, "--epochs", size.epochs, ours=True)
    _say("windows", found["seconds"])
    return dict(found["seconds"])


def load(size: Size) -> dict[str, Any]:
    """Seconds of an epoch at batch 64, alone and beside two busy processes."""
    found: dict[str, Any] = {}
    for peer in (HANDSTITCH, "numpy backend", "PyTorch"):
        quiet, beside = [], []
        for _ in range(size.rounds):
            quiet += _one(peer, ("--epochs", 1))["epochs"]
            with busy(2):
                beside += _one(peer, ("--epochs", 1))["epochs"]
        found[peer] = {"quiet": median(quiet), "busy": median(beside)}
    _say("two busy processes", {p: each["busy"] / each["quiet"] for p, each in found.items()})
    return found


def start(size: Size) -> dict[str, Any]:
    """Seconds of whole processes that do nearly nothing."""
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(2 * size.rounds + 1):
        for name, words in STARTS.items():
            times[name].append(run(words)["wall_seconds"])
    found = {name: median(each[1:] or each) for name, each in times.items()}
    _say("start", found)
    return found


JOBS: dict[str, Callable[[Size], dict[str, Any]]] = {
    "epoch": epoch,
    "command": command,
    "reach": reach,
    "forward": forward,
    "growth": growth,
    "windows": windows,
    "load": load,
    "start": start,
}


def _in_turn(peers: dict[str, tuple[bool, str]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _ in range(rounds):
        for peer, (ours, name) in peers.items():
            found[peer].append(script(name, ours=ours))
    return found


def _one(peer: str, flags: tuple[object, ...]) -> dict[str, Any]:
    ours, name, own = EPOCH_PEERS[peer]
    return script(name, *flags, *own, ours=ours)


def _epochs(results: list[dict[str, Any]]) -> dict[str, float]:
    epochs = [seconds for each in results for seconds in each["epochs"]]
    return {
        "seconds": median(epochs),
        "fastest": min(epochs),
        "slowest": max(epochs),
        "first": median(each["first_epoch"] for each in results),
        "peak_mib": median(each["peak_mib"] for each in results),
    }


def _say(what: str, figures: dict[str, Any]) -> None:
    words = ", ".join(
        f"{name} {value:.3g}" if value is not None else f"{name} never"
        for name, value in figures.items()
    )
    print(f"{what}: {words}", flush=True)
