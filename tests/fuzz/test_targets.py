"""A few hundred mutated inputs for each fuzz target; `make fuzz` runs a hundred thousand."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from tests.fuzz.target import attempt
from tests.fuzz.targets import TARGETS

INPUTS = 300


def mutated(data: bytes, other: bytes, words: tuple[bytes, ...], chance: random.Random) -> bytes:
    """One to four changes, each of a kind that a broken or forged file may have."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        end = at + chance.choice([0, 1, 2, 4, 8])
        data = chance.choice(
            [
                data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
                data[:at] + data[end:],
                data[:end] + data[at:],
                data[:at] + chance.choice(words) + data[end:],
                data[:at] + chance.choice([b"\0", b"\xff", b"9", b"["]) * 8 + data[end:],
                data[:at] + other[chance.randint(0, len(other)) :],
                data[:at],
            ]
        )
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_only_our_own_errors_come_out(tmp_path: Path, name: str) -> None:
    target, path, chance = TARGETS[name], tmp_path / "input", random.Random(name)
    seeds = list(target.seeds(path))
    accepted = [attempt(target, seed, path) for seed in seeds]
    assert sum(accepted) >= 4  # else the mutations start from nothing
    assert not attempt(target, b"", path) or name == "config"
    results = []
    for number in range(INPUTS):
        data = mutated(seeds[number % len(seeds)], chance.choice(seeds), target.words, chance)
        results.append(attempt(target, data, path))
    assert 0 < sum(results) < INPUTS  # both ways are met


@pytest.mark.parametrize("name", TARGETS)
def test_findings_of_the_past(tmp_path: Path, name: str) -> None:
    for data in PAST[name]:
        attempt(TARGETS[name], data, tmp_path / "input")


def damaged_members(method: int) -> bytes:
    """npz files whose members do not unpack: bzip2 says so by an OSError, LZMA by its own error."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("weights_0.npy", random.Random(0).randbytes(500))
    content = file.getvalue()
    at = content.index(b"weights_0.npy") + 40
    return b"\0" + content[:at] + b"\xff" * 40 + content[at + 40 :]


PAST: dict[str, list[bytes]] = {
    **{name: [] for name in TARGETS},
    "npz": [damaged_members(method) for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)],
}
"""What once came out as something else than our own error."""
