"""Data sets brought from their public homes: over https, checked by SHA-256, kept by pooch.

A file comes down under a temporary name beside its place and takes its own name only once its
checksum is right, so a cache never holds half a file or a wrong one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from handstitch.data.catalog import TITLES, OfficialFile
from handstitch.data.locations import Notify, ignore
from handstitch.errors import MachineError, printable

MIRRORS: dict[str, tuple[str, ...]] = {
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
}
"""The homes of each data set, in the order in which they are tried."""

# Together they stay within 15 seconds: one wait for every home to answer, side by side, and then
# at most one silence for each of two homes, which is not asked again.
TIMEOUT = 4.0
"""Seconds that a home may be silent."""

_SCHEME = "https://"


class UnreachableError(MachineError):
    """No home of the data set answers, or none has the right file."""


def fetch_files(files: Sequence[OfficialFile], folder: Path, notify: Notify = ignore) -> None:
    """Bring files of one data set into `folder`, which is made if need be.

    A file that is in the folder under its own name already must be sound: see to that first.
    Raises UnreachableError if the network does not give them, MachineError if the disk does not
    take them. What arrived before that stays.
    """
    if not files:
        return
    dataset = files[0].dataset
    failed = _unanswering(MIRRORS[dataset], files[0])
    for file in files:
        for home in [home for home in MIRRORS[dataset] if home not in failed]:
            notify(
                f"fetching {TITLES[dataset]}'s {file.noun}, {file.size / 1e6:.1f} MB, "
                f"from {urlsplit(home).netloc} into {printable(folder)}"
            )
            try:
                _retrieve(home + file.name, file, folder)
                break
            except UnreachableError as error:
                failed[home] = error.problem
        else:
            raise UnreachableError(
                f"{TITLES[dataset]} cannot be fetched",
                found="; ".join(f"{urlsplit(home).netloc}: {why}" for home, why in failed.items()),
                wanted=file.description,
                fix="mend the network, or put the files in a folder and name it with --data-dir",
            )


def _unanswering(homes: Sequence[str], file: OfficialFile) -> dict[str, str]:
    """The homes that do not say within TIMEOUT that they have the file, and why.

    Looking up a name has no time limit of its own, so the question is asked in threads that may
    be left behind.
    """
    answers = dict.fromkeys(homes, _in_words(TimeoutError()))

    def ask(home: str) -> None:
        try:
            found = _downloader(file)(home + file.name, None, None, check_only=True)
            answers[home] = "" if found else "does not have the file"
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            answers[home] = _in_words(error)

    threads = [threading.Thread(target=ask, args=(home,), daemon=True) for home in homes]
    for thread in threads:
        thread.start()
    # The limits inside a request add up (lookup, connection, answer); here is the one over all.
    deadline = time.monotonic() + TIMEOUT
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {home: why for home, why in answers.copy().items() if why}


def _retrieve(url: str, file: OfficialFile, folder: Path) -> None:
    import pooch  # type: ignore[import-untyped]  # it ships no types
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")  # what there is to say, `notify` is told
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{file.sha256}",
            fname=file.name,
            path=folder,
            downloader=_downloader(file),
        )
    except RequestException as error:
        raise UnreachableError(_in_words(error)) from error
    except ValueError as error:  # pooch's word for a wrong checksum
        raise UnreachableError("sent something else (its checksum is wrong)") from error
    except OSError as error:
        raise MachineError(
            f"{file.name} cannot be kept",
            file=printable(folder / file.name),
            found=error.strerror or str(error),
            wanted=f"a folder that can be written to, with {file.size:,} bytes free",
            fix="make room or see to its rights, or choose another folder with --data-dir",
        ) from error


def _downloader(file: OfficialFile) -> Any:
    """pooch's own downloader, with https at every hop and the right length insisted upon."""
    import pooch
    from requests.exceptions import InvalidSchema

    def inspect(response: Any, **_: Any) -> None:
        for url in (response.url, response.headers.get("Location", _SCHEME)):
            if "://" in url and not url.startswith(_SCHEME):
                raise InvalidSchema("leads away from https")
        length = response.headers.get("Content-Length", str(file.size))
        if response.status_code == 200 and length != str(file.size):
            raise InvalidSchema(f"sent {length} bytes instead of {file.size}")

    return pooch.HTTPDownloader(
        chunk_size=1 << 18,
        timeout=TIMEOUT,
        hooks={"response": inspect},
        # The files are compressed as they are; a second packing would change their checksum.
        headers={"Accept-Encoding": "identity"},
    )


def _in_words(error: Exception) -> str:
    """Why a request failed, in few words: the library's own sentences fill a screen."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    kinds: dict[Any, str] = {
        exceptions.InvalidSchema: str(error),
        exceptions.SSLError: "its certificate is not trusted",
        exceptions.ProxyError: "the proxy does not let it through",
        (exceptions.Timeout, TimeoutError): f"no answer within {TIMEOUT:.0f} s",
        exceptions.ChunkedEncodingError: "broke off",
        exceptions.ConnectionError: "no connection",
    }
    matches = (words for kind, words in kinds.items() if isinstance(error, kind))
    return next(matches, f"failed ({type(error).__name__})")
