"""Broken, foreign and hostile model files: refused, quickly, in little memory, with a way out."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from handstitch.errors import ModelFileError
from handstitch.model import load_model, load_state, save_model, save_state
from tests.attacks.measuring import BYTES, SECONDS, cost
from tests.sample_models import assert_same, report_arrays, sample

# ── every bit ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with something of every kind in it, 1 kB long."""
    path = tmp_path_factory.mktemp("small") / "model.safetensors"
    model = sample(
        (2, 2, 2),
        class_names=("é\N{TEDDY BEAR}", 'b"\\'),
        image_shape=(1, 2),
        config={"escape": "\x1b", "empty": []},  # \u001b could as well be spelled \u001B
    )
    save_model(path, model)
    assert_same(load_model(path), model)
    return path


def overwrite(path: Path, content: bytes | bytearray) -> None:
    path.touch()
    with path.open("r+b") as file:  # emptied first, it would go to the disk each time
        file.write(content)
        file.truncate()


def loads(path: Path, content: bytes | bytearray) -> bool:
    overwrite(path, content)
    try:
        load_model(path)
    except ModelFileError:
        return False
    return True


def test_every_flipped_bit_is_noticed(small, tmp_path):
    content = bytearray(small.read_bytes())
    loaded = []
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        if loads(tmp_path / "flipped", content):
            loaded.append(bit)
        content[bit // 8] ^= 1 << bit % 8
    assert not loaded
    assert loads(tmp_path / "flipped", content)  # else nothing was shown


def test_every_truncation_is_noticed(small, tmp_path):
    content = small.read_bytes()
    assert not [n for n in range(len(content)) if loads(tmp_path / "short", content[:n])]


def test_every_lost_beginning_is_noticed(small, tmp_path):
    content = small.read_bytes()
    assert not [n for n in range(1, len(content)) if loads(tmp_path / "short", content[n:])]


def test_every_extension_is_noticed(small, tmp_path):
    content = small.read_bytes()
    for more in (b"\0", b" ", b"\0" * 8, b" " * 8, content[-1:], content):
        assert not loads(tmp_path / "long", content + more)
        assert not loads(tmp_path / "long", more + content)


def test_every_lost_or_doubled_byte_is_noticed(small, tmp_path):
    content = small.read_bytes()
    for n in range(len(content)):
        assert not loads(tmp_path / "lost", content[:n] + content[n + 1 :])
        assert not loads(tmp_path / "doubled", content[: n + 1] + content[n:])


def test_a_state_is_guarded_as_well(tmp_path):
    path = tmp_path / "last.safetensors"
    save_state(path, sample((2, 2), image_shape=(1, 2)), {"optimizer.v": np.ones(3)}, {"loss": 0.1})
    content = bytearray(path.read_bytes())
    start = content.index(b"position")
    for bit in (
        *range(8 * start, 8 * start + 400),
        *range(8 * len(content) - 400, 8 * len(content)),
    ):
        content[bit // 8] ^= 1 << bit % 8
        overwrite(path, content)
        with pytest.raises(ModelFileError):
            load_state(path)
        content[bit // 8] ^= 1 << bit % 8


# ── forged safetensors headers ─────────────────────────────────────────────────────────────────


def framed(header: bytes, data: bytes = b"") -> bytes:
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def entry(shape: Any, begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def ours(description: str, entries: dict[str, Any] | None = None, data: bytes = b"") -> bytes:
    """A file whose header is spelled as ours, with any description."""
    header = {"__metadata__": {"handstitch": description}} | (entries or {})
    return framed(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(), data)


NETWORK = {"layers.0.bias": entry([1], 0, 4), "layers.0.weight": entry([1, 1], 4, 8)}
DATA = b"\0" * 8
MEBI = 2**20

HEADERS: dict[str, Callable[[], bytes]] = {
    "length 2⁶⁴ − 1": lambda: b"\xff" * 8 + b"{" * 100,
    "length 2⁶³": lambda: struct.pack("<Q", 2**63) + b'{"a":1}',
    "length 0": lambda: struct.pack("<Q", 0) + b'{"a":1}',
    "length 1": lambda: struct.pack("<Q", 1) + b'{"a":1}',
    "longer than the file": lambda: struct.pack("<Q", 100) + b'{"a":1}',
    "a huge header": lambda: framed(b'{"a":"' + b"x" * 20 * MEBI + b'"}'),
    "only spaces": lambda: framed(b"{" + b" " * 8 * MEBI + b"}"),
    "deep arrays": lambda: framed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "deep objects": lambda: framed(b'{"a":' * 30_000 + b"1" + b"}" * 30_000),
    "deep description": lambda: ours("[" * MEBI + "]" * MEBI),
    "deep in a description": lambda: ours('{"a":' * 100_000 + "1" + "}" * 100_000),
    "endless description": lambda: ours("[" * 4 * MEBI),
    "many values": lambda: ours('{"a":[' + "0," * 2 * MEBI + "0]}"),
    "many lists": lambda: ours('{"a":[' + "[]," * 130_000 + "0]}"),
    "very many lists": lambda: ours('{"a":[' + "[]," * 2_700_000 + "0]}"),
    "many texts": lambda: ours('{"a":[' + '"abcdef",' * 390_000 + "0]}"),
    "many escapes": lambda: ours("\\" * 4 * MEBI),
    "many tensors": lambda: framed(
        json.dumps({f"t{n}": entry([], 0, 0) for n in range(50_000)}).encode()
    ),
    "many tensors of ours": lambda: ours("{}", {f"t{n}": entry([0], 0, 0) for n in range(50_000)}),
    "many names": lambda: framed(json.dumps({f"t{n}": 0 for n in range(700_000)}).encode()),
    "many dimensions": lambda: ours("{}", {"a": entry([1] * 5_000, 0, 4)}, b"\0" * 4),
    "2³¹ × 2³¹ × 2³¹": lambda: ours("{}", {"a": entry([2**31] * 3, 0, 8)}, DATA),
    "overflowing to 8 bytes": lambda: ours("{}", {"a": entry([2**62, 4, 2], 0, 8)}, DATA),
    "2⁶³ and 0": lambda: ours("{}", {"a": entry([2**63, 0], 0, 0)}),
    "10³⁰⁰ wide": lambda: ours("{}", {"a": entry([10**300], 0, 8)}, DATA),
    "digits for ever": lambda: ours('{"version":' + "9" * MEBI + "}"),
    "negative": lambda: ours("{}", {"a": entry([-1, -1], 0, 4)}, b"\0" * 4),
    "offsets backwards": lambda: ours("{}", {"a": entry([1], 4, 0)}, b"\0" * 4),
    "offsets behind the end": lambda: ours("{}", {"a": entry([1], 2**40, 2**40 + 4)}, DATA),
    "a gap": lambda: ours("{}", {"a": entry([1], 4, 8)}, DATA),
    "overlapping": lambda: ours("{}", {"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, b"\0" * 4),
    "no type known": lambda: ours("{}", {"a": entry([1], 0, 4, "Q99")}, b"\0" * 4),
    "bfloat16": lambda: ours("{}", {"a": entry([2], 0, 4, "BF16")}, b"\0" * 4),
    "not an entry": lambda: ours("{}", {"a": 7}),
    "a key too many": lambda: ours("{}", {"a": entry([1], 0, 4) | {"x": 1}}, b"\0" * 4),
    "a fraction": lambda: ours("{}", {"a": entry([1.5], 0, 6)}, b"\0" * 6),
    "the same name twice": lambda: framed(
        b'{"__metadata__":{"handstitch":"{}"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b"\0" * 4,
    ),
    "metadata twice": lambda: framed(
        b'{"__metadata__":{"handstitch":"{}"},"__metadata__":{"handstitch":"{}"}}'
    ),
    "the key twice": lambda: framed(b'{"__metadata__":{"handstitch":"{}","handstitch":"{}"}}'),
    "a key beside ours": lambda: framed(b'{"__metadata__":{"handstitch":"{}","more":"x"}}'),
    "not UTF-8": lambda: framed(b'{"__metadata__":{"handstitch":"\xff\xfe"}}'),
    "half a character": lambda: framed(b'{"__metadata__":{"handstitch":"\\ud800"}}'),
    "no JSON": lambda: framed(b"{" + b"\0" * 100),
    "empty object": lambda: framed(b"{}"),
    "description empty": lambda: ours(""),
    "description null": lambda: ours("null"),
    "description a list": lambda: ours("[]"),
    "description without format": lambda: ours('{"version":2}'),
    "no version": lambda: ours('{"format":"handstitch model"}'),
    "version true": lambda: ours('{"format":"handstitch model","version":true}'),
    "version 2.0": lambda: ours('{"format":"handstitch model","version":2.0}'),
    "version 0": lambda: ours('{"format":"handstitch model","version":0}'),
    "no digest": lambda: ours('{"format":"handstitch model","version":2}', NETWORK, DATA),
    "keys twice inside": lambda: ours(
        '{"format":"handstitch model","version":2,"version":2}', NETWORK, DATA
    ),
    "not a number inside": lambda: ours('{"a":NaN,"format":"handstitch model","version":2}'),
    "infinite inside": lambda: ours('{"a":1e999,"format":"handstitch model","version":2}'),
}


@pytest.mark.parametrize("case", HEADERS)
def test_forged_headers_are_refused_cheaply(tmp_path, case):
    path = tmp_path / "model.safetensors"
    path.write_bytes(HEADERS[case]())
    assert_refused_cheaply(path)


def assert_refused_cheaply(path: Path) -> str:
    messages = []

    def attempt() -> None:
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        messages.append(str(caught.value))

    attempt()  # what is imported and cached the first time is not the file's doing
    seconds, growth = cost(attempt)
    assert messages[0].count("\n") <= 5
    assert all(len(line) <= 400 for line in messages[0].splitlines())
    assert growth < BYTES, f"{growth / MEBI:.0f} MiB"
    assert seconds < SECONDS
    return messages[0]


@pytest.fixture
def parts(small) -> tuple[str, dict[str, Any], bytes]:
    """A sound file's description, entries and data, to be put together otherwise."""
    content = small.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    entries = json.loads(content[8 : 8 + length])
    return entries.pop("__metadata__")["handstitch"], entries, content[8 + length :]


def test_the_parts_make_the_file(tmp_path, small, parts):
    assert ours(*parts) == small.read_bytes()


def test_another_spelling_is_refused(tmp_path, small, parts):
    """Every number and word is right, and so is the digest; only it is not as we write it."""
    description, entries, data = parts
    sound = small.read_bytes()
    length = struct.unpack("<Q", sound[:8])[0]
    header = sound[8 : 8 + length].rstrip()
    first = b',"layers.0.bias":' + json.dumps(entries["layers.0.bias"]).replace(" ", "").encode()
    assert first in header
    twice = description.replace('"version":2', '"version":2,"version":2')
    spaced = description.replace(",", ", ")
    unsorted = json.dumps(dict(reversed(json.loads(description).items())), ensure_ascii=False)
    for content in (
        framed(header.replace(first, first + first), data),
        framed(header.replace(first, b" " + first), data),
        framed(header.replace(first, first.replace(b"F32", b"\\u004632")), data),
        framed(header + b" " * 8, data),
        framed(header + b"\n", data),
        ours(twice, entries, data),
        ours(spaced, entries, data),
        ours(unsorted, entries, data),
        ours(description + " ", entries, data),
        ours(description.replace("\\u001b", "\\u001B"), entries, data),
        ours(description.replace("é", "\\u00e9"), entries, data),
    ):
        assert content != sound
        assert not loads(tmp_path / "other", content)


VAST = 2**34


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ([2**63, 0], "F32"),
        ([2**62, 0], "F32"),
        ([2**40, 0], "F32"),
        ([0] * 65, "U8"),
        ([-1, 0], "F32"),
        ([0, 1.5], "F32"),
        ([0], "BF16"),
        ([0], "F4"),
    ],
    ids=str,
)
def test_arrays_that_cannot_be_are_refused(tmp_path, parts, shape, dtype):
    """In a state any array may stand beside the network."""
    description, entries, data = parts
    description = description.replace('"preprocessing"', '"position":{},"preprocessing"')
    path = tmp_path / "model.safetensors"
    path.write_bytes(ours(description, {"slot": entry(shape, 0, 0, dtype)} | entries, data))
    assert "damaged" in assert_refused_cheaply(path)


@pytest.mark.parametrize("slots", ["overlap", "gap", "swapped"])
def test_arrays_must_lie_one_after_another(tmp_path, parts, slots):
    description, entries, data = parts
    one, two = sorted(entries, key=lambda name: entries[name]["data_offsets"])[:2]
    first, second = entries[one], entries[two]
    begin, end = second["data_offsets"]
    if slots == "overlap":
        second["data_offsets"] = [begin - 4, end - 4]
    if slots == "gap":
        second["data_offsets"] = [begin + 4, end + 4]
    if slots == "swapped":
        first["data_offsets"], second["data_offsets"] = [begin, end], first["data_offsets"]
    path = tmp_path / "model.safetensors"
    path.write_bytes(ours(description, entries, data))
    assert "damaged" in assert_refused_cheaply(path)


def test_a_header_without_length_is_not_read_to_the_end(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(8) + b"{")
    with path.open("r+b") as file:
        file.truncate(2**27)
    assert_refused_cheaply(path)


@pytest.mark.parametrize("lie", ["other arrays", "a longer file", "offsets"])
def test_a_vast_file_is_refused_before_it_is_read(tmp_path, parts, lie):
    description, entries, _ = parts
    first = min(entries, key=lambda name: entries[name]["data_offsets"])
    last = max(entries, key=lambda name: entries[name]["data_offsets"])
    begin, end = entries[last]["data_offsets"]
    if lie == "other arrays":
        entries[last] = entry([VAST // 4], begin, begin + VAST)
    if lie == "offsets":
        entries[last]["data_offsets"] = [begin, begin + VAST]
    path = tmp_path / "model.safetensors"
    path.write_bytes(ours(description, entries))
    with path.open("r+b") as file:  # a hole: the disk has nothing of it
        file.truncate(path.stat().st_size + begin + VAST)
    message = assert_refused_cheaply(path)
    assert ("another architecture" if lie == "other arrays" else "damaged") in message
    assert first != last
    assert end < VAST


# ── foreign files ──────────────────────────────────────────────────────────────────────────────


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def one_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
FOREIGN: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "empty": (lambda: b"", ["an empty file"]),
    "web page": (lambda: b"\n<!DOCTYPE html><html>", ["web page", "download the file"]),
    "xml": (lambda: b"<?xml version='1.0'?>", ["web page"]),
    "lfs": (lambda: LFS, ["Git LFS pointer", "git lfs pull"]),
    "pt": (lambda: zipped(model__data_dot_pkl=b"\x80\x02}", model__data__0=b"0" * 64), ["PyTorch"]),
    "old pt": (lambda: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"rest", ["PyTorch"]),
    "keras": (
        lambda: zipped(
            metadata_dot_json=b"{}", config_dot_json=b"{}", model_dot_weights_dot_h5=b""
        ),
        ["Keras", ".keras"],
    ),
    "h5": (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 100, ["HDF5", "Keras"]),
    **{
        f"pickle {protocol}": (
            lambda protocol=protocol: pickle.dumps({"W": [1.0]}, protocol),  # type: ignore[misc]
            ["a pickle", "run any program"],
        )
        for protocol in (2, 3, 4, 5)
    },
    "npy": (one_array, ["a NumPy array"]),
    "npz": (lambda: saved(a=np.ones(3)), ["too many: a"]),
    "pickled npz": (
        lambda: saved(weights_0=np.array([None]), bias_0=np.ones(1)),
        ["weights_0.npy: Object arrays"],
    ),
    "zip": (lambda: zipped(readme_dot_txt=b"x"), ["a zip file with readme.txt"]),
    "cut zip": (lambda: saved(weights_0=np.ones(3))[:200], ["damaged"]),
    "gzip": (lambda: b"\x1f\x8b\x08" + b"\0" * 20, ["gzip", "gunzip"]),
    "text": (lambda: b"hello, world", ["unknown type"]),
    "zeros": (lambda: b"\0" * 1000, ["unknown type"]),
    "safetensors": (
        lambda: safetensors.numpy.save({"fc.weight": np.ones((2, 2)), "fc.bias": np.ones(2)}),
        ["another program", "fc.bias, fc.weight", "layers.0.weight (inputs, outputs)"],
    ),
    "marked safetensors": (
        lambda: safetensors.numpy.save({"x": np.ones(2)}, {"format": "pt"}),
        ["another program", "with x", "handstitch"],
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_files_are_named(tmp_path, case):
    content, words = FOREIGN[case]
    path = tmp_path / "model.bin"
    path.write_bytes(content())
    message = assert_refused_cheaply(path)
    assert all(word in message for word in words), message
    assert "fix" in message or "unknown type" in message
    if case in {"pt", "old pt", "keras", "h5", "npy", "npz"} or case.startswith("pickle "):
        assert "np.savez" in message


def test_hostile_names_stay_text(tmp_path):
    name = "\x1b]0;owned\x07\u202e"
    path = tmp_path / f"model{name}.safetensors"
    path.write_bytes(safetensors.numpy.save({name: np.ones(1)}))
    message = assert_refused_cheaply(path)
    assert not set("\x1b\x07\u202e") & set(message)
    path.write_bytes(zipped(**{name: b""}))
    assert not set("\x1b\x07\u202e") & set(assert_refused_cheaply(path))


# ── hostile npz files ──────────────────────────────────────────────────────────────────────────


def header(shape: object, dtype: str = "<f8", order: object = False) -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return file.getvalue()


def bomb(rows: int, columns: int) -> bytes:
    zeros = bytes(8 * rows * columns)
    return archive(
        weights_0=header((rows, columns)) + zeros, bias_0=header((1, columns)) + bytes(8 * columns)
    )


def doubled() -> bytes:
    """Each name stands in the directory twice."""
    content = archive(weights_0=ONE, bias_0=ONE, weights_2=ONE, bias_2=ONE)
    return content.replace(b"s_2.npy", b"s_0.npy")


def lying_size(declared: int) -> bytes:
    """The zip's own directory tells another length than the member has."""
    content = bytearray(archive(weights_0=header((784, 10)) + bytes(62_720), bias_0=b"x"))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<L", declared)
    return bytes(content)


def many_members() -> bytes:
    central = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, 13, *[0] * 6) + b"weights_0.npy"
        for _ in range(60_000)
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, len(central), 30, 0)
    return b"PK\3\4" + b"\0" * 26 + central + end


def second_directory() -> bytes:
    """Records of zip64 hide in a comment, and lead Python's reader to a vast directory."""
    content = archive(weights_0=ONE, bias_0=ONE)
    padding = 40 * MEBI
    at = content.index(b"PK\1\2") + padding
    directory = bytearray(content[at - padding : -22])
    last = directory.rindex(b"PK\1\2")
    directory[last + 32 : last + 34] = struct.pack("<H", 56 + 20)
    length = padding + len(directory)
    directory += struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, length, at - padding
    ) + struct.pack("<4sLQL", b"PK\6\7", 0, at + len(directory), 1)
    end = bytearray(content[-22:])
    end[12:20] = struct.pack("<2L", len(directory), at)
    return content[: at - padding] + bytes(padding) + bytes(directory) + bytes(end)


def long_directory() -> bytes:
    """The plain record tells of a vast directory that ends where the small one does."""
    content = archive(weights_0=ONE, bias_0=ONE)
    padding = 40 * MEBI
    end = bytearray(content[-22:])
    end[12:16] = struct.pack("<L", padding + 118)
    return content[:4] + bytes(padding) + content[4:-22] + bytes(end)


ONE = header((1, 1)) + bytes(8)
HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb of 80 MB": lambda: bomb(1_000, 10_000),
    "bomb of 16 MB": lambda: bomb(2_000, 1_000),
    "bomb under the limit": lambda: bomb(100, 10_000),
    "vast shape": lambda: archive(weights_0=header((10**9 - 1, 10**9 - 1)), bias_0=ONE),
    "vast shape, no numbers": lambda: archive(weights_0=header((784, 10)), bias_0=ONE),
    "ten digits": lambda: archive(weights_0=header((10**9, 1)), bias_0=ONE),
    "endless digits": lambda: archive(weights_0=header("(" + "9" * 3_000 + ",)"), bias_0=ONE),
    "many dimensions": lambda: archive(weights_0=header((1,) * 500), bias_0=ONE),
    "negative": lambda: archive(weights_0=header((-1, -1)) + bytes(8), bias_0=ONE),
    "no shape": lambda: archive(weights_0=header(()) + bytes(8), bias_0=ONE),
    "a call as shape": lambda: archive(weights_0=header("__import__('os')"), bias_0=ONE),
    "deep shape": lambda: archive(weights_0=header("(" * 1_500 + ")" * 1_500), bias_0=ONE),
    "a header of 65 kB": lambda: archive(
        weights_0=b"\x93NUMPY\1\0\xff\xff" + b" " * 65_535, bias_0=ONE
    ),
    "a header of 4 GB": lambda: archive(
        weights_0=b"\x93NUMPY\2\0\xff\xff\xff\xff" + b" " * 5_000, bias_0=ONE
    ),
    "version 9": lambda: archive(weights_0=b"\x93NUMPY\x09\0" + ONE[8:], bias_0=ONE),
    "cut header": lambda: archive(weights_0=ONE[:20], bias_0=ONE),
    "empty member": lambda: archive(weights_0=b"", bias_0=b""),
    "pickle inside": lambda: archive(weights_0=pickle.dumps([1]), bias_0=ONE),
    "objects": lambda: archive(weights_0=header((1, 1), "|O") + pickle.dumps([1]), bias_0=ONE),
    "more than declared": lambda: archive(weights_0=ONE + b"x", bias_0=ONE),
    "less than declared": lambda: archive(weights_0=ONE[:-1], bias_0=ONE),
    "directory says more": lambda: lying_size(2**32 - 2),
    "directory says less": lambda: lying_size(100),
    "names twice": doubled,
    "many members": many_members,
    "second directory": second_directory,
    "long directory": long_directory,
    "many layers": lambda: archive(
        **{f"{k}_{n}": ONE for n in range(500) for k in ("weights", "bias")}
    ),
    "a folder": lambda: zipped(weights_0_dot_npy=ONE, bias_0_dot_npy__=b""),
    "a way up": lambda: zipped(weights_0_dot_npy=ONE, _dot___dot____bias_0_dot_npy=ONE),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused_cheaply(tmp_path, case):
    path = tmp_path / "weights.npz"
    path.write_bytes(HOSTILE[case]())
    assert_refused_cheaply(path)


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(archive(weights_0=ONE, bias_0=ONE))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    (tmp_path / "weights.npz").write_bytes(content)
    assert "encrypted" in assert_refused_cheaply(tmp_path / "weights.npz")


def test_an_unknown_compression_is_refused(tmp_path):
    content = bytearray(archive(weights_0=ONE, bias_0=ONE))
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(mark) + place] = 99
    (tmp_path / "weights.npz").write_bytes(content)
    assert_refused_cheaply(tmp_path / "weights.npz")


# ── mutations ──────────────────────────────────────────────────────────────────────────────────


def mutated(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, new in changes:
        at = place % (len(content) + 1)
        content = content[:at] + new + content[at + length :]
    return content


CHANGES = st.lists(
    st.tuples(st.integers(0, 2**20), st.integers(0, 9), st.binary(max_size=9)),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CHANGES)
@example([(0, 8, b"\0" * 8)])
def test_only_our_own_error_comes_of_a_mutated_archive(tmp_path, changes):
    content = mutated(saved(**report_arrays((784, 2, 10))), changes)
    (tmp_path / "weights.npz").write_bytes(content)
    with suppress(ModelFileError):
        assert np.isfinite(load_model(tmp_path / "weights.npz").parameters.vector).all()


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CHANGES)
def test_no_mutated_model_loads(small, tmp_path, changes):
    original = small.read_bytes()
    content = mutated(original, changes)
    assert loads(tmp_path / "mutated", content) == (content == original)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\3\4", b"\x08\0\0\0\0\0\0\0{", b"\x80\4"])
)
def test_noise_is_refused(tmp_path, noise, beginning):
    assert not loads(tmp_path / "noise", beginning + noise)
