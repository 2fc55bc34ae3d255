"""Data files made to exhaust or deceive: refused at once, with bounded memory, in plain words.

Each attack is met in a process of its own, so that its memory can be told from that of the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from handstitch.data.idx import LARGEST
from handstitch.errors import DataError
from tests.data.idx_files import header, read, zipped

SECONDS = 0.2
MEMORY = 64 * 2**20  # what the published training images take, and a little

VICTIM = """
import json, sys, time
from pathlib import Path
from handstitch.data import catalog, files, idx, verification
from handstitch.errors import DataError

def memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024

def read(path):
    words = "invalid IDX file", "an IDX file", "download it again"
    with files.open_file(path, *words, idx.LARGEST_FILE) as stream:
        return idx.parse(stream)

def verify(path):
    verification.verify(path, catalog.FILES[0], "")

path, how = Path(sys.argv[1]), {"verify": verify, "read": read}[sys.argv[2]]
before, seconds, found = memory(), [], ""
for _ in range(3):  # the shortest: the machine may be busy with other things
    start = time.process_time()
    try:
        how(path)
    except DataError as error:
        found = str(error)
    seconds.append(time.process_time() - start)
print(json.dumps([found, min(seconds), memory() - before]))
"""


def bomb(head: bytes, size: int) -> bytes:
    """gzip that unpacks to `head` and then `size` zero bytes, without its end.

    One packed MiB of zeros is repeated, so that making it costs nothing.
    """
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (size // 2**20)


def long_name() -> bytes:
    """gzip whose header holds a file name of 24 MiB."""
    return b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * (24 * 2**20)


def empty_blocks() -> bytes:
    """gzip of four million blocks with nothing in them."""
    return b"\x1f\x8b\x08\x00" + bytes(6) + b"\0\0\0\xff\xff" * (4 * 2**20)


def empty_members() -> bytes:
    """gzip of a million members with nothing in them."""
    return zipped(b"") * 2**20


@dataclass
class Attack:
    content: Callable[[], bytes]
    says: str
    length: int = 0
    """If not 0, the file is made this long without taking room on the disk."""


ATTACKS = {
    "bomb of 10 GiB for images": Attack(
        lambda: bomb(header(60_000, 28, 28), 10 * 2**30), "more bytes after it"
    ),
    "bomb of 1 GiB for labels": Attack(lambda: bomb(header(60_000), 2**30), "more bytes after it"),
    "bomb of 1 GiB without a header": Attack(lambda: bomb(b"", 2**30), "an unknown type"),
    "bomb in a bomb": Attack(lambda: zipped(bomb(b"", 2**30)), "a gzip file"),
    "header of 2³¹ images": Attack(lambda: zipped(header(2**31, 28, 28)), "impossible header"),
    "header beyond the limit": Attack(lambda: header(LARGEST + 1), "impossible header"),
    "header at the limit": Attack(lambda: zipped(header(LARGEST)), "cut short"),
    "header of 255 dimensions": Attack(lambda: b"\0\0\x08\xff" + b"\xff" * 1020, "cut short"),
    "product that is 0 in 64 bits": Attack(lambda: header(2**31, 2**31, 4), "impossible header"),
    "endless name in the gzip header": Attack(long_name, "a gzip file cut short"),
    "blocks with nothing in them": Attack(empty_blocks, "a gzip file cut short"),
    "members with nothing in them": Attack(empty_members, "more than 10,000 members"),
    "1 TiB of zeros": Attack(lambda: b"", "too large", 2**40),
    "1 TiB behind a good header": Attack(lambda: header(60_000, 28, 28), "too large", 2**40),
    "256 MiB of zeros": Attack(lambda: b"", "too large", 2**28),
    "64 MiB behind a good header": Attack(
        lambda: header(60_000, 28, 28), "more bytes after it", 2**26
    ),
    "64 MiB behind a gzip header": Attack(
        lambda: bomb(header(60_000, 28, 28), 2**20), "damaged", 2**26
    ),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory off /proc")
@pytest.mark.parametrize("how", ["read", "verify"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_quickly_and_cheaply(tmp_path: Path, name: str, how: str) -> None:
    attack = ATTACKS[name]
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(attack.content())
    if attack.length:
        os.truncate(path, attack.length)
    command = [sys.executable, "-c", VICTIM, str(path), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, seconds, memory = json.loads(done.stdout)
    assert attack.says in found
    assert len(found.splitlines()) <= 6
    assert seconds < SECONDS
    assert memory < MEMORY


def test_the_measure_of_memory_sees_an_honest_file_of_90_mib(tmp_path: Path) -> None:
    """The instrument itself: it must be able to show more than the limit."""
    path = tmp_path / "images"
    path.write_bytes(header(120_000, 28, 28) + bytes(94_080_000))
    command = [sys.executable, "-c", VICTIM, str(path), "read"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, _, memory = json.loads(done.stdout)
    assert found == ""
    assert memory > MEMORY


@pytest.mark.parametrize(
    "name",
    ["\x1b[2Jgone", "two\nlines", "left\u202eright", "\u200b", "a" * 200, "\udcff", "%s{}$(id)"],
    ids=["escape", "newline", "direction", "invisible", "long", "not UTF-8", "formats"],
)
def test_hostile_names_and_beginnings_stay_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"<\x1b[31m\x07\xe2\x80\xae><script>alert(1)</script>")
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 5
    assert all(character.isprintable() or character == "\n" for character in message)
    message.encode("utf-8")


def test_a_nul_in_a_path_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read(Path(f"{tmp_path}/a\0b"))
