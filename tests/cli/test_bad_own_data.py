"""Bad input of one's own: found, wanted, fix; nothing is changed, and no run begins."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.machine import memory
from tests.cli.conftest import Handstitch
from tests.data.picture_files import png

RNG = np.random.default_rng(4)
ROWS = "label,p0,p1\n" + "".join(f"{k % 2},{k},{k + 1}\n" for k in range(20))


def classes(folder: Path, names: str = "ab", above: str = "") -> Path:
    for name in names:
        (folder / above / name).mkdir(parents=True)
        for k in range(4):
            picture(folder / above / name / f"{k}.png")
    return folder


def picture(path: Path, shape: tuple[int, ...] = (8, 8)) -> None:
    Image.fromarray(RNG.integers(0, 255, shape, dtype=np.uint8)).save(path)


def with_picture(content: bytes, name: str = "9.png") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (classes(folder) / "b" / name).write_bytes(content)
        return folder

    return make


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def empty_class(folder: Path) -> Path:
    (classes(folder) / "emu").mkdir()
    return folder


def other_size(folder: Path) -> Path:
    picture(classes(folder) / "b" / "9.png", (9, 8))
    return folder


def unseen(folder: Path) -> Path:
    return classes(classes(folder, above="train"), "abz", "test")


def csv(content: str | bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path = path.with_suffix(".csv")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def npz(images: Any, n: int = 30, form: Any = np.savez) -> Any:
    def make(path: Path) -> Path:
        form(path.with_suffix(".npz"), images=images, labels=np.arange(n) % 2)
        return path.with_suffix(".npz")

    return make


FRAMES = [Image.new("L", (8, 8), 40 * k) for k in range(3)]
FEATURES = RNG.normal(size=(30, 5))
BAD: dict[str, tuple[Any, str]] = {
    "an empty class": (empty_class, "no pictures in emu"),
    "one class": (lambda folder: classes(folder, "a"), "the class a alone"),
    "two sizes": (other_size, "8 pixels wide, 9 high"),
    "16 bits": (with_picture(encoded(Image.new("I;16", (8, 8)))), "16 bits"),
    "an animation": (
        with_picture(encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "9.gif"),
        "an animation",
    ),
    "cut short": (with_picture(encoded(Image.new("RGB", (64, 64)))[:-30]), "damaged"),
    "20,000 × 20,000": (with_picture(png(20_000, 20_000, b"\0")), "pixels"),
    "another format": (with_picture(encoded(FRAMES[0], "TIFF")), "a TIFF picture"),
    "an unseen class": (unseen, "z, at position"),
    "a hostile class": (lambda folder: classes(folder, "a\x1b"), r"'\x1b', 1 characters"),
    "no label": (csv(ROWS + ",3,4\n"), "no label in row 22"),
    "no label column": (csv(ROWS.replace("label", "p2", 1)), "columns p2, p0, p1"),
    "ragged": (csv(ROWS + "1,3\n"), "2 columns in row 22"),
    "text": (csv(ROWS + "1,3,cat\n"), "'cat' in row 22, column p1"),
    "no header, ragged": (csv(ROWS.partition("\n")[2] + "1,3\n"), "2 columns in row 21"),
    "a label between two": (csv(ROWS + "0.5,3,4\n"), "label 0.5 in row 22"),
    "UTF-16": (csv(ROWS.encode("utf-16")), "text in UTF-16"),
    "an empty file": (csv(""), "an empty file"),
    "NaN": (npz(np.where(FEATURES > 2, np.nan, FEATURES)), "nan in row"),
    "beyond float32": (npz(FEATURES * 1e99), "inf in row 0"),
    "fewer labels": (npz(FEATURES, 29), "30 images, 29 labels"),
    "Python objects": (npz(np.array([{}] * 30)), "a pickle"),
}


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_message(handstitch: Handstitch, path: Path, found: str, code: int = 3) -> None:
    before = content(Path())
    refused = handstitch("train", "--dataset", str(path), "--epochs", "1")
    assert refused.code in {2, code}, refused.err
    lines = refused.err.partition("handstitch: error: ")[2].splitlines()
    assert lines
    assert "Traceback" not in refused.err
    labels = [line.split()[0] for line in lines[1:] if line[2] != " "]
    assert labels[-3:] == ["found", "wanted", "fix"]
    assert found in " ".join(refused.err.split()), refused.err
    assert "delete" not in refused.err
    assert content(Path()) == before
    assert not Path("runs").exists()


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_left_as_it_is(handstitch: Handstitch, case: str) -> None:
    make, found = BAD[case]
    path = make(Path("own"))
    if path.suffix == ".csv":
        pytest.importorskip("pyarrow")
    require_message(handstitch, path, found)


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_more_than_memory_is_answered_with_the_way_round(
    handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if form == "csv":
        pytest.importorskip("pyarrow")
        path, way = csv("label,p0\n" + "1,2\n" * 9999)(Path("own")), "images.npy and labels.npy"
    else:
        path = npz(np.zeros((30, 99, 99)), form=np.savez_compressed)(Path("own"))
        way = "numpy.save('images.npy', images)"
    monkeypatch.setattr(memory, "available", lambda: 9_999)
    require_message(handstitch, path, "GiB", 5)
    assert way in handstitch("train", "--dataset", str(path)).err
