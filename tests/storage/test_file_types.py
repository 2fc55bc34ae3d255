"""Files are known by their first bytes, whatever they are called."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest

from handstitch.storage.file_types import HEAD, identify


def make_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", b"y")
    return file.getvalue()


def make_npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML>", "a web page"),
        (b'<?xml version="1.0"?><Error/>', "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (make_zip(), "a zip archive"),
        (gzip.compress(b"x", mtime=0), "a gzip file"),
        (make_npy(), "a NumPy array"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2), "a PyTorch file"),
        (pickle.dumps({}, 2), "a pickle"),
        (pickle.dumps({}, 5), "a pickle"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ],
)
def test_what_is_known_is_named(content: bytes, kind: str) -> None:
    assert str(identify(content[:HEAD])).startswith(kind)


@pytest.mark.parametrize("content", [b"dear diary", b"\0\0\x08\x03", b"<\x1b[31m", b"\x80\x01"])
def test_what_is_not_known_is_not_guessed(content: bytes) -> None:
    assert identify(content) is None
