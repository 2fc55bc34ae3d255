"""The fuzz targets: any bytes in, and only our own errors out.

The first byte of an input says how the rest becomes a file. Bytes as they are get stuck at the
first checksum; so a target can also put a sound wrapper around them (gzip, zip, the digest of a
model file), and what is mutated then is what lies behind it. What a parser accepts is held
against a second reading that has nothing in common with it.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from handstitch import storage
from handstitch.config import Config, precedence
from handstitch.config.messages import pretty_json
from handstitch.config.schema import field_types, from_mapping
from handstitch.config.toml import read_file, to_toml
from handstitch.errors import DataError
from handstitch.model import (
    Model,
    course_npz,
    layouts,
    load_model,
    load_state,
    safetensors_file,
    save_model,
    save_state,
)
from handstitch.records import ClassScore, EpochRecord, Evaluation, RunSummary, Trial
from handstitch.runs import test_log
from handstitch.runs.folder import HISTORY
from handstitch.runs.history import history_csv, read_records
from handstitch.runs.test_log import TestEvaluation, TestLog
from handstitch.search import folder as search_folder
from handstitch.search.folder import SearchDescription
from handstitch.search.plan import SearchPlan
from handstitch.search.space import Axis, Range
from handstitch.search.winner import SearchOrigin
from tests.data import idx_files
from tests.fuzz.data_targets import DATA_TARGETS
from tests.fuzz.target import CUT, Target, parts_of
from tests.sample_models import assert_same, report_arrays, sample

# ── IDX ────────────────────────────────────────────────────────────────────────────────────────


def _parse_idx(data: bytes, path: Path) -> None:
    bits, rest = data[0] if data else 0, data[1:]
    content = (_as_it_is, gzip.compress, _deflated, _two_members)[bits & 3](rest)
    path.write_bytes(content)
    values = idx_files.read(path)
    with np.errstate(all="raise"):
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        shape = struct.unpack_from(f">{plain[3]}I", plain, 4)
    assert values.shape == shape
    assert values.tobytes() == plain[4 + 4 * len(shape) :]


def _as_it_is(rest: bytes) -> bytes:
    return rest


def _deflated(rest: bytes) -> bytes:
    """gzip around a deflate stream of any bytes, with the checksum that it comes to."""
    try:
        plain = zlib.decompressobj(-15).decompress(rest, 2**20)
    except zlib.error:
        plain = b""
    head = b"\x1f\x8b\x08\0" + bytes(6)
    return head + rest + struct.pack("<2L", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)


def _two_members(rest: bytes) -> bytes:
    one, other = parts_of(rest, 2)
    return gzip.compress(one) + gzip.compress(other)


def _idx_seeds(path: Path) -> Iterator[bytes]:
    images = struct.pack(">4B3I", 0, 0, 8, 3, 4, 3, 2) + bytes(range(24))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 10) + bytes(range(10))
    doubles = struct.pack(">4BI2d", 0, 0, 14, 1, 2, 0.5, 7)
    for plain in (images, labels, doubles):
        yield b"\0" + plain
        yield b"\0" + gzip.compress(plain)
        yield b"\1" + plain
        yield b"\2" + zlib.compress(plain, wbits=-15)
        yield b"\3" + plain[:9] + CUT + plain[9:]
    yield b"\0<!DOCTYPE html><html>"
    yield b"\0version https://git-lfs.github.com/spec/v1"


# ── Model files and states ─────────────────────────────────────────────────────────────────────


def _parse_model(data: bytes, path: Path) -> None:
    bits, rest = data[0] if data else 0, data[1:]
    content = _sealed(rest, bits) if bits & 1 else rest
    path = path.with_name("x.safetensors")
    path.write_bytes(content)
    if bits & 2:
        state = load_state(path)
        _check_model(state.model, path)
        save_state(path, state.model, state.slots, state.position)
        again = load_state(path)
        assert_same(again.model, state.model)
        assert again.position == state.position
        assert {name: array.tobytes() for name, array in again.slots.items()} == {
            name: array.tobytes() for name, array in state.slots.items()
        }
    else:
        _check_model(load_model(path), path)


def _check_model(model: Model, path: Path) -> None:
    """What may be taken for granted of a model that was loaded, and saved and loaded again."""
    assert np.isfinite(model.parameters.vector).all()
    assert np.isfinite(model.offset).all()
    assert np.isfinite(model.scale).all()
    assert math.prod(model.image_shape) == model.parameters.sizes[0]
    assert len(model.class_names) == model.parameters.sizes[-1]
    if any("seconds" in key for epoch in model.history for key in epoch):
        return  # nobody writes such a thing, and saving would call it a mistake of ours
    save_model(path, model)
    assert_same(load_model(path), model)


def _sealed(rest: bytes, bits: int) -> bytes:
    """A model file of a description, entries and numbers, with lengths and digest put right."""
    description, entries, numbers = parts_of(rest, 3)
    text = description.decode("utf-8", "replace")
    arrays: Any = {}
    try:
        arrays = json.loads(entries)
        end = max(int(each["data_offsets"][1]) for each in arrays.values())
        numbers = numbers[:end].ljust(min(end, 2**16), b"\0")
        text = _with_digest(json.loads(text), arrays, numbers)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        pass  # then the file says something impossible, which is welcome, too
    except (OverflowError, MemoryError):
        pass
    header: Any = {"__metadata__": {"handstitch": text}}
    if isinstance(arrays, dict):
        header |= arrays
    try:
        written = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # half a surrogate pair
        written = b"{" + entries + b"}"
    if bits & 4:
        written = written.replace(b'":{"handstitch"', b'": {"handstitch"')
    written += b" " * (-len(written) % 8)
    return struct.pack("<Q", len(written)) + written + numbers


def _with_digest(metadata: Any, arrays: Any, numbers: bytes) -> str:
    metadata.pop("digest", None)
    described = json.dumps(
        metadata, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    found = {}
    for name, each in sorted(arrays.items()):
        begin, end = each["data_offsets"]
        dtype = np.dtype(safetensors_file._TYPES[each["dtype"]])
        found[name] = np.frombuffer(numbers[begin:end], dtype).reshape(each["shape"])
    metadata["digest"] = safetensors_file._digest(described.encode(), found)
    return json.dumps(
        metadata, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _model_seeds(path: Path) -> Iterator[bytes]:
    model = sample((2, 2, 2), class_names=("é", 'b"\\'), image_shape=(1, 2))
    save_model(path, model)
    yield b"\0" + path.read_bytes()
    yield b"\1" + _opened(path.read_bytes())
    linear = sample((2, 2), image_shape=(2, 1), history=())
    save_model(path, linear)
    yield b"\1" + _opened(path.read_bytes())
    slots: dict[str, Any] = {"optimizer.m": np.ones(3, np.float32), "best": np.zeros((2, 2))}
    slots["none"] = np.ones(0)
    save_state(path, model, slots, {"epoch": 1, "loss": 0.1, "batch": 3})
    yield b"\2" + path.read_bytes()
    yield b"\3" + _opened(path.read_bytes())
    np.savez(path.with_suffix(".npz"), x=np.ones(1))
    yield b"\0" + path.with_suffix(".npz").read_bytes()
    yield b"\0\x89HDF\r\n\x1a\n"
    yield b"\0\x80\x04\x95"


def _opened(content: bytes) -> bytes:
    """A model file in the parts that `_sealed` puts together."""
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    text = header.pop("__metadata__")["handstitch"]
    entries = json.dumps(header, separators=(",", ":")).encode()
    return CUT.join((text.encode(), entries, content[8 + length :]))


# ── Weights in the report's layout ─────────────────────────────────────────────────────────────


def _parse_npz(data: bytes, path: Path) -> None:
    bits, rest = data[0] if data else 0, data[1:]
    content = _archived(rest, bits) if bits & 1 else rest
    path = path.with_name("x.npz")
    path.write_bytes(content)
    with path.open("rb") as file:
        if not course_npz.is_archive(file):
            load_model(path)
            return
        parameters, _ = course_npz.read(path, file, len(content))
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays, np.errstate(all="ignore"):
        layout, names = layouts.layout_of(arrays.files)
        for (weights, biases), W, b in zip(
            names, parameters.weights, parameters.biases, strict=True
        ):
            given = arrays[weights].T if layout.is_transposed else arrays[weights]
            assert W.tobytes() == given.astype(np.float32).tobytes()
            assert b.tobytes() == arrays[biases].astype(np.float32).tobytes()
    assert np.isfinite(parameters.vector).all()
    _check_model(load_model(path), path)


_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _archived(rest: bytes, bits: int) -> bytes:
    """A zip with a member for each part, name and content apart from one another by a line end."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", _METHODS[bits >> 1 & 3]) as archive:
        written = set()
        for part in parts_of(rest, 8):
            name, _, content = part.partition(b"\n")
            text = name.decode("ascii", "replace")[:100].replace("\0", "")
            if text and text not in written:  # zipfile warns of a name that it has already
                written.add(text)
                archive.writestr(f"{text}.npy", content)
    return file.getvalue()


def _npz_seeds(path: Path) -> Iterator[bytes]:
    for write in (np.savez, np.savez_compressed):
        for sizes, dtype in (((2, 2, 2), "<f8"), ((784, 1, 10), "<f4"), ((3, 2), ">f4")):
            file = io.BytesIO()
            write(file, **report_arrays(sizes, dtype))  # type: ignore[arg-type]  # arrays by name
            yield b"\0" + file.getvalue()
            with zipfile.ZipFile(file) as archive:
                parts = [
                    name.removesuffix(".npy").encode() + b"\n" + archive.read(name)
                    for name in archive.namelist()
                ]
            yield bytes([1 | 2 * (write is np.savez_compressed)]) + CUT.join(parts)


# ── Settings ───────────────────────────────────────────────────────────────────────────────────


def _parse_config(data: bytes, path: Path) -> None:
    bits, rest = data[0] if data else 0, data[1:]
    path = path.with_name("x.toml")
    values: dict[str, Any]
    if bits & 3 < 2:
        path.write_bytes(_named(rest) if bits & 1 else rest)
        values = read_file(path)
        config = precedence.resolve({}, path, environment={}).config
        assert not values or from_mapping(config.to_dict() | values, path.name) == config
    else:
        texts = dict(_pairs(rest.decode("utf-8", "replace")))
        if bits & 1:
            values = precedence.read_flags({name: text.split(" ") for name, text in texts.items()})
            config = precedence.resolve(values, environment={}).config
        else:
            variables = {f"HANDSTITCH_{name.upper()}": text for name, text in texts.items()}
            config = precedence.resolve({}, environment=variables).config
    path.write_text(to_toml(config, {"seed": "where it came from\x1b"}), "utf-8")
    assert Config(**read_file(path)) == config


def _named(rest: bytes) -> bytes:
    """Lines of TOML: the first byte of each says which setting it is about."""
    names = list(field_types())
    lines = [
        f"{names[line[0] % len(names)]} = ".encode() + line[1:]
        for line in rest.split(b"\n")
        if line
    ]
    return b"\n".join(lines)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    names = list(field_types())
    for line in text.split("\n"):
        if line:
            yield names[ord(line[0]) % len(names)], line[1:]


def _config_seeds(path: Path) -> Iterator[bytes]:
    config = Config.preset("plain", hidden_sizes=(30, 10), activation=("tanh", "elu"))
    yield b"\0" + to_toml(config).encode()
    yield b'\0seed = 1\nepocs = 3\n[optimizer]\nname = "adam"\n'
    values = {name: json.dumps(value).encode() for name, value in config.to_dict().items()}
    mark = {name: bytes([number]) for number, name in enumerate(values)}
    lines = [mark[name] + value for name, value in values.items() if mark[name] != b"\n"]
    yield b"\1" + b"\n".join(lines)
    for first in range(0, len(lines), 4):
        yield b"\1" + b"\n".join(lines[first : first + 4])
    words = [
        mark[name] + (",".join(map(str, value)) if isinstance(value, list) else str(value)).encode()
        for name, value in config.to_dict().items()
        if mark[name] != b"\n"
    ]
    for mode in (b"\2", b"\3"):
        yield mode + b"\n".join(words)
        for first in range(0, len(words), 4):
            yield mode + b"\n".join(words[first : first + 4])


# ── Records ────────────────────────────────────────────────────────────────────────────────────


def _parse_record(data: bytes, path: Path) -> None:
    """A file of a run or search, by its own reader; `bits` say which, and whether it is long."""
    bits, rest = data[0] if data else 0, data[1:]
    if bits & 8:
        head, body, tail = parts_of(rest, 3)
        rest = head + body * (2**20 // max(len(body), 1) if bits & 16 else 4) + tail
    if bits & 7 == 7:
        path.with_name(HISTORY).write_bytes(rest)
        records = read_records(path.parent)
        path.with_name(HISTORY).write_text(history_csv(records), "utf-8")
        assert read_records(path.parent) == records
        return
    kind, read = _RECORDS[(bits & 7) % len(_RECORDS)]
    path.write_bytes(rest)
    try:
        record = read(path)
    except (OSError, ValueError) as error:
        raise DataError("this record cannot be read", file=path, found=str(error)[:200]) from error
    # Of a field that is ignored, its text is not decoded.
    plain = json.loads(rest.decode("utf-8", "replace"), strict=False)
    _agree(msgspec.to_builtins(record), plain)
    assert msgspec.json.decode(pretty_json(record), type=kind) == record


def _agree(read: Any, plain: Any) -> None:
    """Fail unless what was read stands in the plain JSON, and its numbers are finite."""
    if isinstance(read, dict):
        for key in read.keys() & plain.keys():
            _agree(read[key], plain[key])
    elif isinstance(read, (list, tuple)):
        for one, other in zip(read, plain, strict=True):
            _agree(one, other)
    else:
        assert read == plain, (read, plain)
        assert not isinstance(read, float) or math.isfinite(read)


def _read_trial(path: Path) -> Trial:
    plan = SearchPlan(config=Config().to_dict(), parameters={"epochs": [1, 2]}, candidates=2)
    return search_folder._read(path, Trial, partial(search_folder._check_trial, "0001", plan))


_RECORDS: Final[tuple[tuple[Any, Callable[[Path], Any]], ...]] = (
    (RunSummary, partial(storage.read_record, kind=RunSummary)),
    (TestLog, test_log._parse),
    (SearchOrigin, partial(storage.read_record, kind=SearchOrigin)),
    (Trial, _read_trial),
    (
        SearchDescription,
        lambda path: search_folder._read(path, SearchDescription, search_folder._check_description),
    ),
)
"""The type of a record, and its reader, by the lowest bits; 7 is the table of epochs."""


def _record_seeds(path: Path) -> Iterator[bytes]:
    scores = [
        ClassScore(name=name, precision=0.5, recall=1, f1=2 / 3, support=1) for name in ("é", "b")
    ]
    evaluation = Evaluation(
        dataset="sketch", part="test", n=2, correct=1, accuracy=0.5, accuracy_interval=(0.1, 0.9),
        loss=0.7, temperature=1.25, calibration_error=0.1, uncalibrated_error=0.2,
        confusion_matrix=[[1, 0], [1, 0]], class_scores=scores,
        weights="best",
    )  # fmt: skip
    history = [
        EpochRecord(
            epoch=epoch, train_loss=1.5, train_accuracy=0.5, val_loss=1e-9, val_accuracy=0.25,
            l2_penalty=0, learning_rate=0.1, seconds=2.5, is_best=epoch == 1,
        )
        for epoch in (1, 2)
    ]  # fmt: skip
    summary = RunSummary(
        dataset="sketch", drawn=True, notice="", data_digest="ab", train_images=5, val_images=2,
        sizes=[4, 2], parameters=10, epochs=1, best_epoch=1, best_val_accuracy=0.5,
        best_val_loss=0.7, train_seconds=1, seconds=2.5, threads=1, build={"numpy": "2"},
        processor="x",
    )  # fmt: skip
    trial = Trial(
        number=1, candidate=1, repeat=0, seed=0, parameters={"epochs": 2}, state="complete",
        history=history, val_images=2, threads=1, seconds=2.5,
    )  # fmt: skip
    test = TestEvaluation(
        time="2026-01-01T00:00:00+00:00", weights_digest="0" * 64, weights="best",
        dataset="sketch", n=2, accuracy=0.5,
    )  # fmt: skip
    spaces: tuple[dict[str, Axis], ...] = (
        {"epochs": [1, 2], "activation": [["relu", "elu"]]},
        {"learning_rate": Range(low=1e-4, high=1, log=True)},
    )
    plans = (
        SearchPlan(config=Config().to_dict(), parameters=parameters, candidates=2)
        for parameters in spaces
    )
    records: list[tuple[int, Any]] = [
        (0, summary),
        (1, TestLog((test,), {"0" * 64: evaluation})),
        (2, SearchOrigin("../search", "search-0123")),
        (3, trial),
        *((4, SearchDescription(plan=plan, data_digest="ab", study="s-0123")) for plan in plans),
    ]
    for bits, record in records:
        yield bytes([bits]) + msgspec.json.encode(record)
        yield bytes([bits]) + pretty_json(record)
    yield b"\7" + history_csv(history).encode()
    yield b"\x0b" + CUT.join(msgspec.json.encode(trial).partition(b'"'))
    yield b"\x19" + CUT.join((b'{"evaluations":[', b"[],", b"[]]}"))
    yield b"\x1c" + CUT.join((b'{"plan":', b'{"config":', b""))


TARGETS: Final = {
    "idx": Target(_parse_idx, _idx_seeds, (b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b\x08", CUT)),
    "model": Target(
        _parse_model,
        _model_seeds,
        (
            *(b'"F32"', b'"BF16"', b'"shape":[', b'"data_offsets":[', b'"layers.1.weight"', CUT),
            *(b'"version":2', b'"sizes":[', b'"position":{', b"null", b"1e999", b"-1", b"{}"),
        ),
    ),
    "npz": Target(
        _parse_npz,
        _npz_seeds,
        (
            *(b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\x93NUMPY\1\0", CUT),
            *(b"'descr': '<f8'", b"'|O'", b"'fortran_order': True", b"(2, 2)", b"weights_2\n"),
        ),
    ),
    "record": Target(
        _parse_record,
        _record_seeds,
        (
            *(b"null", b"1e999", b"-1", b"9007199254740993", b"{}", b"[[]]", b'"\\ud800"', CUT),
            *(b"1e300", b'"history":[', b'"parameters":{', b'"state":"pruned"', b'"log":true'),
        ),
    ),
    "config": Target(
        _parse_config,
        _config_seeds,
        (
            *(b'"""', b"'''", b"[[", b"nan", b"inf", b"-inf", b"1e400", b"0x", b"true", b"\\u0000"),
            *(b"9223372036854775808", b"2024-01-01", b"1979-05-27T07:32:00Z", b'"auto"', b"{a=1}"),
        ),
    ),
    **DATA_TARGETS,
}
