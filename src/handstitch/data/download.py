"""Download data sets from public mirrors: over https, verified by SHA-256, cached by pooch.

A file is downloaded under a temporary name and renamed once its checksum is right, so a cache
never holds half a file or a wrong one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from handstitch.data.catalog import TITLES, OfficialFile
from handstitch.errors import Argument, MachineError, Phrase, printable

_logger = logging.getLogger(__name__)

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
"""URLs of the mirrors of each data set, in the order in which they are tried."""

# A failing download takes at most 15 seconds: one wait for all mirrors in parallel, and then at
# most one timeout of each of two mirrors, which is not tried again.
TIMEOUT = 4.0
"""Seconds to wait for a mirror's answer."""

_SCHEME = "https://"


class UnreachableError(MachineError):
    """No mirror of the data set answers, or none has the right file."""


def fetch_files(files: Sequence[OfficialFile], folder: Path) -> None:
    """Download files of one data set into `folder`, which is made if necessary.

    Files that are already there must have been verified. Raises UnreachableError if the network
    fails, MachineError if the disk does. Files downloaded before that stay.
    """
    if not files:
        return
    dataset = files[0].dataset
    failed = _failing(MIRRORS[dataset], files[0])
    for file in files:
        for mirror in [mirror for mirror in MIRRORS[dataset] if mirror not in failed]:
            _logger.info(
                "fetching %s's %s, %.1f MB, from %s into %s",
                TITLES[dataset],
                file.noun,
                file.size / 1e6,
                urlsplit(mirror).netloc,
                printable(folder),
            )
            try:
                _retrieve(mirror + file.name, file, folder)
                break
            except UnreachableError as error:
                failed[mirror] = error.problem
        else:
            raise UnreachableError(
                f"{TITLES[dataset]} could not be downloaded",
                found="; ".join(
                    f"{urlsplit(mirror).netloc}: {why}" for mirror, why in failed.items()
                ),
                wanted=file.description,
                fix=Phrase(
                    "check the network, or put the files in a folder and name it with {}",
                    Argument("data_dir"),
                ),
            )


def _failing(mirrors: Sequence[str], file: OfficialFile) -> dict[str, str]:
    """The mirrors that do not confirm within TIMEOUT that they have the file, and why.

    A DNS lookup has no timeout of its own, so the requests run in threads that may be abandoned.
    """
    answers = dict.fromkeys(mirrors, _reason(TimeoutError()))

    def ask(mirror: str) -> None:
        try:
            found = _downloader(file)(mirror + file.name, None, None, check_only=True)
            answers[mirror] = "" if found else "does not have the file"
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            answers[mirror] = _reason(error)

    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    for thread in threads:
        thread.start()
    # The timeouts within a request add up (lookup, connection, answer); this is the one for all.
    deadline = time.monotonic() + TIMEOUT
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {mirror: why for mirror, why in answers.copy().items() if why}


def _retrieve(url: str, file: OfficialFile, folder: Path) -> None:
    import pooch  # type: ignore[import-untyped]  # it ships no types
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")  # it would say what `fetch_files` says
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{file.sha256}",
            fname=file.name,
            path=folder,
            downloader=_downloader(file),
        )
    except RequestException as error:
        raise UnreachableError(_reason(error)) from error
    except ValueError as error:  # what pooch raises for a wrong checksum
        raise UnreachableError("checksum mismatch") from error
    except OSError as error:
        raise MachineError(
            f"{file.name} could not be saved",
            file=printable(folder / file.name),
            found=error.strerror or str(error),
            wanted=f"a writable folder with {file.size:,} bytes free",
            fix=Phrase(
                "free some space, change its permissions, or choose another folder with {}",
                Argument("data_dir"),
            ),
        ) from error


def _downloader(file: OfficialFile) -> Any:
    """pooch's downloader, which requires https at every redirect and the right length."""
    import pooch
    from requests.exceptions import InvalidSchema

    def inspect(response: Any, **_: Any) -> None:
        for url in (response.url, response.headers.get("Location", _SCHEME)):
            if "://" in url and not url.startswith(_SCHEME):
                raise InvalidSchema("redirects to a non-https address")
        length = response.headers.get("Content-Length", str(file.size))
        if response.status_code == 200 and length != str(file.size):
            raise InvalidSchema(f"sent {length} bytes instead of {file.size}")

    return pooch.HTTPDownloader(
        chunk_size=1 << 18,
        timeout=TIMEOUT,
        hooks={"response": inspect},
        # The files are compressed already; a second compression would change their checksum.
        headers={"Accept-Encoding": "identity"},
    )


def _reason(error: Exception) -> str:
    """Why a request failed, in few words: the library's own messages fill a screen."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    kinds: dict[Any, str] = {
        exceptions.InvalidSchema: str(error),
        exceptions.SSLError: "its certificate is not trusted",
        exceptions.ProxyError: "the proxy refused the connection",
        (exceptions.Timeout, TimeoutError): f"no answer within {TIMEOUT:.0f} s",
        exceptions.ChunkedEncodingError: "connection interrupted",
        exceptions.ConnectionError: "no connection",
    }
    matches = (words for kind, words in kinds.items() if isinstance(error, kind))
    return next(matches, f"failed ({type(error).__name__})")
