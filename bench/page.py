"""The page docs/benchmarks.md: the measurements of every kind of processor; the READMEs' table."""

from __future__ import annotations

from typing import Any

import notes
from aims import ACCURACY, Found, accuracy_apart, aims
from kernels import is_held
from programs import COURSE, FLOAT32, HANDSTITCH

PEERS = (*FLOAT32, COURSE)


def short(every: list[Found], words: dict[str, str]) -> str:
    """The table of the READMEs, the least ratio of any processor; `words` translates."""
    tables = [found["epoch"] for found in every if "epoch" in found]
    batches = list(dict.fromkeys(batch for table in tables for batch in table))
    rows = []
    for peer in PEERS:
        ratios = [
            min(
                table[batch][peer]["seconds"] / table[batch][HANDSTITCH]["seconds"]
                for table in tables
                if peer in table.get(batch, {})
            )
            for batch in batches
        ]
        rows.append(f"| {words.get(peer, peer)} | " + " | ".join(f"{r:.2f}" for r in ratios) + " |")
    head = [words["against"], *(words["batch"].format(batch) for batch in batches)]
    names = "; ".join(found["processor"]["name"] for found in every if "epoch" in found)
    said = words["one" if len(tables) == 1 else "several"].format(names, len(tables))
    return f"{_table(*head, rows=rows)}\n\n{said}"


def page(every: list[Found]) -> str:
    """Markdown: the aims on all processors, then a part for each."""
    names = [found["processor"]["name"] for found in every]
    parts = ["# Benchmarks", notes.INTRODUCTION]
    parts.append("![Seconds of an epoch by program and batch size](benchmarks.png)")
    parts += ["## Aims", notes.AIMS.format(ACCURACY), _aims(every)]
    for name, found in zip(names, every, strict=True):
        units = ", ".join(found["processor"]["units"]) or "units not recorded"
        parts += [f"## {name}", f"{units}. {found['machine']}", *_processor(found)]
    return "\n\n".join(parts) + "\n"


def _aims(every: list[Found]) -> str:
    """A row for each floor, a column for each processor."""
    cells: dict[Any, dict[int, str]] = {}
    for number, found in enumerate(every):
        for aim in aims(found):
            text = "–"
            if aim.measured is not None:
                text = f"{aim.measured:.2f}{aim.floor.mark}"
                text = f"**{text}, no**" if aim.verdict == "not met" else text
            cells.setdefault(aim.floor, {})[number] = text
    rows = []
    for floor, each in cells.items():
        sign = "≥" if floor.at_least else "≤"
        measured = " | ".join(each.get(number, "no such unit") for number in range(len(every)))
        wanted = f"{sign} {floor.wanted:.2f}{floor.mark}"
        rows.append(f"| {floor.job} | {floor.against} | {wanted} | {measured} |")
    names = [found["processor"]["name"] for found in every]
    return _table("job", "against", "aim", *names, rows=rows)


def _processor(found: Found) -> list[str]:
    """The tables of one processor."""
    parts = []
    for batch, each in found.get("epoch", {}).items():
        parts += [f"### One epoch, batch {batch}", _epochs(each)]
    if "epoch" in found:
        parts.append(notes.EPOCH)
    if "avx2" in found:
        parts += ["### Everybody held to AVX2", notes.AVX2, _held(found["avx2"])]
    for kind, each in found.get("pixels", {}).items():
        parts += [f"### Pixels: {kind}, batch 128", _epochs(each)]
    for widths, each in found.get("wide", {}).items():
        parts += [f"### One epoch, width {widths}, batch 128", notes.WIDE, _epochs(each)]
    if "reach" in found:
        parts += ["### Time to a test accuracy", notes.REACH, *_reach(found)]
    return [*parts, *_command(found), *_growth(found.get("growth")), *_rest(found)]


def _command(found: Found) -> list[str]:
    """Whole commands, and the forward pass."""
    parts = []
    if "command" in found:
        rows = [
            f"| {peer} | {each['seconds']:.2f} | {each['peak_mib']:.0f} MiB "
            f"| {each['accuracy']:.4f} |"
            for peer, each in found["command"].items()
        ]
        head = ("program", "s", "peak memory", "test accuracy")
        parts += ["### From the shell to a tested model", notes.COMMAND, _table(*head, rows=rows)]
    if "forward" in found:
        rows = [
            f"| {peer} | {1e3 * each['10000']:.1f} ms | {1e6 * each['1']:.0f} µs |"
            for peer, each in found["forward"].items()
        ]
        head = ("program", "10,000 images", "one image")
        parts += ["### Forward", notes.FORWARD, _table(*head, rows=rows)]
    return parts


def _rest(found: Found) -> list[str]:
    """Receptive fields, a busy machine, and starts."""
    parts = []
    if "windows" in found:
        rows = [f"| {name} | {1e3 * each:.2f} |" for name, each in found["windows"].items()]
        head = ("what", "processor time, ms")
        parts += ["### Local receptive fields", notes.WINDOWS, _table(*head, rows=rows)]
    if "load" in found:
        rows = [
            f"| {peer} | {each['quiet']:.3f} | {each['busy']:.3f} "
            f"| {each['busy'] / each['quiet']:.2f} |"
            for peer, each in found["load"].items()
        ]
        head = ("program", "alone, s", "beside two busy processes, s", "slowdown")
        parts += ["### On a busy machine: an epoch at batch 64", _table(*head, rows=rows)]
    if "start" in found:
        rows = [f"| {name} | {seconds:.2f} |" for name, seconds in found["start"].items()]
        parts += ["### Start-up, whole processes", _table("what", "s", rows=rows)]
    return parts


def _epochs(each: Found) -> str:
    ours = each[HANDSTITCH]["seconds"]
    rows = [
        f"| {peer} | {f['seconds']:.3f} | {f['seconds'] / ours:.2f} "
        f"| {f['fastest']:.3f} to {f['slowest']:.3f} | {f['first']:.2f} | {f['peak_mib']:.0f} MiB |"
        for peer, f in each.items()
    ]
    head = ("program", "s/epoch", "ratio", "fastest and slowest", "first epoch, s", "peak memory")
    return _table(*head, rows=rows)


def _held(found: Found) -> str:
    told = found["kernels"]
    batches = {batch: each for batch, each in found.items() if batch != "kernels"}
    rows = []
    for who in next(iter(batches.values())):
        said = told.get(who) or told[HANDSTITCH]  # on light images, too
        seconds = " | ".join(
            f"{each[who]['seconds']:.3f}" if who in each else "–" for each in batches.values()
        )
        rows.append(
            f"| {who} | {said['free']} | {said['held']} | {is_held(said['held'])} | {seconds} |"
        )
    head = ("program", "kernels", "kernels when held", "held?")
    return _table(*head, *(f"batch {batch}, s" for batch in batches), rows=rows)


def _reach(found: Found) -> list[str]:
    rows = [
        f"| `{preset}` | {who} | {_or_never(each['0.90'])} | {_or_never(each['0.91'])} "
        f"| {each['seconds']:.1f} | {each['percent']:.2f} % |"
        for preset, programs in found["reach"].items()
        for who, each in programs.items()
    ]
    head = ("preset", "program", "to 90 %, s", "to 91 %, s", "to the end, s", "test accuracy")
    apart = accuracy_apart(found)
    if apart is None:
        return [_table(*head, rows=rows)]
    within = "within" if apart <= ACCURACY else "**not within**"
    said = f"Accuracies of `default` are {apart:.2f} points apart: {within} {ACCURACY}."
    return [_table(*head, rows=rows), said]


def _growth(found: Found | None) -> list[str]:
    if not found:
        return []
    ours, torch = found["width"][HANDSTITCH], found["width"]["PyTorch"]
    rows = [f"| {width} | {ours[width]:.2f} | {torch[width]:.2f} |" for width in ours]
    head = ("first hidden layer", "Handstitch, s", "PyTorch, s")
    parts = ["### Growth with the width: an epoch at batch 128", _table(*head, rows=rows)]
    parts.append("One run each. Above 512 measured on 6,000 images and extrapolated.")
    ours, torch = found["images"][HANDSTITCH], found["images"]["PyTorch"]
    rows = [
        f"| {int(n):,} | {ours[n]['seconds']:.2f} | {ours[n]['peak_mib']:.0f} MiB "
        f"| {torch[n]['seconds']:.2f} | {torch[n]['peak_mib']:.0f} MiB |"
        for n in ours
    ]
    head = ("images", "Handstitch, s", "peak memory", "PyTorch, s", "peak memory")
    return [*parts, "### Growth with the number of images", _table(*head, rows=rows)]


def _or_never(seconds: float | None) -> str:
    return "not reached" if seconds is None else f"{seconds:.1f}"


def _table(*head: str, rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])
