"""What a file is when it is not what its name promises: words for its first bytes."""

from __future__ import annotations

from typing import Final

HEAD: Final = 512
"""As many first bytes as are worth looking at."""

_BEGINNINGS: Final = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip file",
    b"version https://git-lfs": "a Git LFS pointer, which stands for a file not fetched",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet table",
}


def describe(head: bytes) -> str:
    """The kind of file that begins with `head`, as far as its first bytes tell.

    Of text, the beginning is quoted; of anything else, four bytes in hexadecimal.
    """
    if not head:
        return "an empty file"
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if not head.strip(b"\0"):
        return "a file of zeros"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    line = text.splitlines()[0][:40] if text else b""
    quoted = f'(starts "{line.decode("ascii", "replace").rstrip()}")'
    if text[:1] == b"<":
        page = b"<html" in text.lower() or text.lower().startswith(b"<!doctype html")
        return f"{'an HTML page' if page else 'an XML page'} {quoted}"
    if line and all(0x20 <= byte < 0x7F or byte == 0x09 for byte in line):
        return f"a text file {quoted}"
    return f"a file of an unknown kind (starts with bytes {head[:4].hex(' ')})"
