"""Identify a file by its magic bytes."""

from __future__ import annotations

import codecs
from typing import Final

HEAD: Final = 512
"""Bytes that `identify` needs from the start of a file."""
UTF16: Final = "text in UTF-16"

_MAGIC: Final = {
    b"version https://git-lfs": "a Git LFS pointer, not the file",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (.h5), as Keras writes them",
    b"GGUF": "a GGUF file",
    b"PAR1": "a Parquet table",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), UTF16),
    b"%PDF": "a PDF document",
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9": "a PyTorch file (.pt) of the legacy format",
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a pickle, which can run any program when opened",
    ),
}
"""The first match counts: longer magic bytes stand before shorter ones."""

_HEIF: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif")
_PAGES: Final = (b"<!doctype", b"<html", b"<?xml")


def identify(first_bytes: bytes) -> str | None:
    """The type of a file that starts with these bytes; None if unknown, as for plain text."""
    if not first_bytes:
        return "an empty file"
    if first_bytes.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return "a web page (HTML or XML), saved in place of the file"
    if first_bytes[4:8] == b"ftyp":  # the brand follows; telephones write heic
        brand = first_bytes[8:12].lower()
        if brand in _HEIF:
            return "an AVIF picture" if brand == b"avif" else "a HEIC picture"
    matches = (kind for magic, kind in _MAGIC.items() if first_bytes.startswith(magic))
    return next(matches, None)


def is_picture(first_bytes: bytes) -> bool:
    """Whether a file that starts with these bytes is a picture, read by us or not."""
    return (identify(first_bytes) or "").endswith(" picture")
