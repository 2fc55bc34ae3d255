"""The page docs/benchmarks.md, from the measurements."""

from __future__ import annotations

from typing import Any, NamedTuple

HANDSTITCH = "Handstitch"
Found = dict[str, Any]


class Aim(NamedTuple):
    """A target ratio, and the measured one."""

    job: str
    against: str
    measured: float
    wanted: float
    at_least: bool = True
    unit: str = " ×"

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def aims(found: Found) -> list[Aim]:
    """Every aim with measurements; a ratio is the peer's time divided by ours."""
    targets: list[Aim] = []
    for batch, wanted in (("64", 1.05), ("128", 1.10), ("256", 1.20)):
        if batch in found.get("epoch", {}):
            targets += _epoch_aims(batch, wanted, found["epoch"][batch])
    if "command" in found:
        each = found["command"]
        ours = each[HANDSTITCH]
        for peer, wanted in (("JAX", 1.3), ("PyTorch", 2.0)):
            targets.append(
                Aim("whole command", peer, each[peer]["seconds"] / ours["seconds"], wanted)
            )
        share = ours["peak_mib"] / each["PyTorch"]["peak_mib"]
        targets.append(Aim("peak memory of training", "PyTorch", share, 0.5, at_least=False))
        targets.append(Aim("`handstitch test`", "–", ours["test_seconds"], 1.0, False, " s"))
    if "forward" in found:
        each = found["forward"]
        for count, name in (("10000", "10,000 images"), ("1", "one image")):
            best = min(each["PyTorch"][count], each["onnxruntime"][count])
            measured = best / each[HANDSTITCH][count]
            targets.append(
                Aim(f"forward, {name}", "the faster of onnxruntime and PyTorch", measured, 0.95)
            )
    if "windows" in found:
        for part, wanted in (("first layer", 0.25), ("step", 0.65)):
            share = found["windows"][f"windows, {part}"] / found["windows"][f"dense, {part}"]
            targets.append(Aim(f"receptive fields, {part}", "dense", share, wanted, False))
    if "load" in found:
        each = found["load"][HANDSTITCH]
        slower = each["busy"] / each["quiet"]
        targets.append(Aim("beside two busy processes", "alone", slower, 4.0, False))
    return targets


def _epoch_aims(batch: str, wanted: float, each: Found) -> list[Aim]:
    seconds = {peer: figures["seconds"] for peer, figures in each.items()}
    ours, job = seconds[HANDSTITCH], f"epoch, batch {batch}"
    torch = min(seconds["PyTorch"], seconds["torch.compile"])
    made = [
        Aim(job, "JAX", seconds["JAX"] / ours, wanted),
        Aim(job, "PyTorch, the better of eager and compile", torch / ours, 2.3),
    ]
    if batch == "64":
        made.append(Aim(job, "scikit-learn", seconds["scikit-learn"] / ours, 3.8))
        course = "the course report's way"
        made.append(Aim(job, course, seconds[course] / ours, 12.0))
    if batch == "128":
        above = seconds["numpy backend"] / seconds["BLAS products alone"]
        made.append(Aim("numpy backend, batch 128", "BLAS products alone", above, 1.20, False))
    return made


def short(found: Found, words: dict[str, str]) -> str:
    """The table of the READMEs; `words` translates."""
    batches = found["epoch"]
    rows = []
    for peer in ("JAX", "PyTorch", "torch.compile", "scikit-learn", "the course report's way"):
        ratios = [each[peer]["seconds"] / each[HANDSTITCH]["seconds"] for each in batches.values()]
        rows.append(f"| {words.get(peer, peer)} | " + " | ".join(f"{r:.2f}" for r in ratios) + " |")
    head = [words["against"], *(words["batch"].format(batch) for batch in batches)]
    return _table(*head, rows=rows)


def page(found: Found) -> str:
    """Markdown."""
    parts = [
        "# Benchmarks",
        found["machine"],
        INTRODUCTION,
    ]
    parts.append("![Seconds of an epoch by peer and batch; growth with the width](benchmarks.png)")
    rows = [
        f"| {a.job} | {a.against} | {'≥' if a.at_least else '≤'} {a.wanted:.2f}{a.unit} "
        f"| {a.measured:.2f}{a.unit} | {'yes' if a.met else '**no**'} |"
        for a in aims(found)
    ]
    parts += ["## Aims", _table("job", "against", "aim", "measured", "met", rows=rows)]
    for batch, each in found.get("epoch", {}).items():
        parts += [f"## One epoch, batch {batch}", _epoch_table(each)]
    if "epoch" in found:
        parts.append(EPOCH_NOTE)
    if "command" in found:
        rows = [
            f"| {peer} | {each['seconds']:.2f} | {each['peak_mib']:.0f} MiB "
            f"| {each['accuracy']:.4f} |"
            for peer, each in found["command"].items()
        ]
        head = ("peer", "s", "peak memory", "test accuracy")
        parts += ["## From the shell to a tested model", COMMAND_NOTE, _table(*head, rows=rows)]
    if "reach" in found:
        rows = [
            f"| {peer} | {_or_never(each['0.8846'])} | {_or_never(each['0.9000'])} "
            f"| {each['accuracy']:.4f} |"
            for peer, each in found["reach"].items()
        ]
        head = ("peer", "to 88.46 %, s", "to 90 %, s", "test accuracy of the best by validation")
        parts += ["## Time to a test accuracy", REACH_NOTE, _table(*head, rows=rows)]
    if "forward" in found:
        rows = [
            f"| {peer} | {1e3 * each['10000']:.1f} ms | {1e6 * each['1']:.0f} µs |"
            for peer, each in found["forward"].items()
        ]
        head = ("peer", "10,000 images", "one image")
        parts += ["## Forward", FORWARD_NOTE, _table(*head, rows=rows)]
    parts += _growth(found.get("growth"))
    if "windows" in found:
        rows = [f"| {name} | {1e3 * each:.2f} |" for name, each in found["windows"].items()]
        head = ("what", "processor time, ms")
        parts += ["## Local receptive fields", WINDOWS_NOTE, _table(*head, rows=rows)]
    if "load" in found:
        rows = [
            f"| {peer} | {each['quiet']:.3f} | {each['busy']:.3f} "
            f"| {each['busy'] / each['quiet']:.2f} |"
            for peer, each in found["load"].items()
        ]
        head = ("peer", "alone, s", "beside two busy processes, s", "slowdown")
        parts += ["## On a busy machine: an epoch at batch 64", _table(*head, rows=rows)]
    if "start" in found:
        rows = [f"| {name} | {seconds:.2f} |" for name, seconds in found["start"].items()]
        parts += ["## Start-up, whole processes", _table("what", "s", rows=rows)]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
Made by `make bench`: each peer in a process of its own, in turn; medians. A ratio is the peer's
time divided by Handstitch's: above 1, Handstitch is faster."""
EPOCH_NOTE = """\
54,000 images through 784-512-256-10, ReLU, plain SGD, float32 (the course report's way: float64).
Handstitch gathers and scales uint8 images in every step; PyTorch, JAX and scikit-learn are given
float32 images scaled beforehand. The first epoch of a process, compilation included, is not
counted. Handstitch is the numba backend, which skips zeros; on light images, 255 − pixel, the input
has none. The numpy backend is core/ as it stands; BLAS products alone are its calls of the BLAS and
nothing else."""
FORWARD_NOTE = """\
The images of the test set through the course network as initialised. Handstitch is
`Classifier.compiled()`, from bytes to probabilities; the others take float32 images scaled
beforehand and give logits."""
COMMAND_NOTE = """\
The course preset, 10 epochs at batch 64: read and check the files, train on 54,000 images,
validate after each epoch, keep and save the best weights, test. Handstitch is `handstitch train`
and `handstitch test` as typed in a shell; the run folder with history and resumable state is
written on the way. The others are one script each. Caches are warm: Handstitch's and JAX's machine
code is on disk."""
WINDOWS_NOTE = """\
784-2048-512-10, AdamW, batch 256, one thread, a step of each network in turn: receptive fields with
sides of 5 to 13 pixels, and the same network without. The first layer is its product forward and
its weight gradient. The dense network skips pixels that are 0; with windows nothing is skipped."""
REACH_NOTE = """\
From the start of the process, all with the settings of the `default` preset; the test set is
evaluated after every epoch, for this clock only. Medians over the seeds."""


def _epoch_table(each: Found) -> str:
    ours = each[HANDSTITCH]["seconds"]
    rows = [
        f"| {peer} | {f['seconds']:.3f} | {f['seconds'] / ours:.2f} "
        f"| {f['fastest']:.3f} to {f['slowest']:.3f} | {f['first']:.2f} | {f['peak_mib']:.0f} MiB |"
        for peer, f in each.items()
    ]
    head = ("peer", "s/epoch", "ratio", "fastest and slowest", "first epoch, s", "peak memory")
    return _table(*head, rows=rows)


def _growth(found: Found | None) -> list[str]:
    if not found:
        return []
    ours, torch = found["width"][HANDSTITCH], found["width"]["PyTorch"]
    rows = [f"| {width} | {ours[width]:.2f} | {torch[width]:.2f} |" for width in ours]
    head = ("first hidden layer", "Handstitch, s", "PyTorch, s")
    parts = ["## Growth with the width: an epoch at batch 128", _table(*head, rows=rows)]
    parts.append("One run each. Above 512 measured on 6,000 images and extrapolated.")
    ours, torch = found["images"][HANDSTITCH], found["images"]["PyTorch"]
    rows = [
        f"| {int(n):,} | {ours[n]['seconds']:.2f} | {ours[n]['peak_mib']:.0f} MiB "
        f"| {torch[n]['seconds']:.2f} | {torch[n]['peak_mib']:.0f} MiB |"
        for n in ours
    ]
    head = ("images", "Handstitch, s", "peak memory", "PyTorch, s", "peak memory")
    return [*parts, "## Growth with the number of images", _table(*head, rows=rows)]


def _or_never(seconds: float | None) -> str:
    return "not reached" if seconds is None else f"{seconds:.1f}"


def _table(*head: str, rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])
