"""Whether a file is the published one, and if not, what it is."""

from __future__ import annotations

from pathlib import Path

from handstitch.data import idx, official
from handstitch.data.official import TITLES, OfficialFile
from handstitch.errors import DataError, MachineError, printable


def verify(path: Path, file: OfficialFile, fix: str) -> str:
    """Check that the file at `path` is `file`, in the published form, plain, or packed anew.

    Returns the SHA-256 that proved it: of the file as it lies there, or of the content of one
    packed anew. Raises DataError, which names the file it is instead if that is a known one;
    MachineError if it cannot be read.
    """
    accepted = {file.sha256, file.content_sha256}
    found = None
    # A stranger of any size is not worth a checksum; the strict reader says what it is.
    if path.is_file() and official.has_known_size(path.stat().st_size):
        found = _checksum(path, file)
        if found in accepted:
            return found
        _refuse_known(path, file, found, fix)
    expected = file.expected(fix)
    found = idx.scan(path, expected).sha256
    if found in accepted:
        return found
    _refuse_known(path, file, found, fix)
    raise DataError(
        f"these are not {TITLES[file.dataset]}'s {file.noun}",
        file=printable(path),
        found=f"IDX {file.kind} of the right shape, with sha256 {found[:8]}… inside",
        wanted=f"{expected.wanted} ({file.content_sha256[:8]}… inside)",
        fix=fix,
    )


def _refuse_known(path: Path, file: OfficialFile, sha256: str, fix: str) -> None:
    """Raise DataError if the checksum is that of a known file."""
    known = official.with_checksum(sha256)
    if known is None:
        return
    if known.dataset == file.dataset:
        problem = f"these are not {file.noun} but {known.noun}"
        fix = f"give it its own name, {known.name}, and the right file this one; or {fix}"
    else:
        problem = f"this is {TITLES[known.dataset]}, not {TITLES[file.dataset]}"
        # Not to be deleted: it is good data of another kind.
        fix = f"use it as what it is: --dataset {known.dataset}; or name another --data-dir"
    raise DataError(
        problem,
        file=printable(path),
        found=f"{TITLES[known.dataset]}'s {known.noun}, sha256 {sha256[:8]}…",
        wanted=f"{TITLES[file.dataset]}'s {file.noun}: {file.expected(fix).wanted}",
        fix=fix,
    )


def _checksum(path: Path, file: OfficialFile) -> str:
    import hashlib

    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise MachineError(
            f"the {file.noun} cannot be read",
            file=printable(path),
            found=error.strerror or str(error),
            wanted="a file that this user may read, on a sound disk",
            fix="see to its rights and its disk, then try again",
        ) from error
