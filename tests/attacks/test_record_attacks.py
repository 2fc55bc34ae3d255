"""Records made to cost: whatever a file of the longest length holds, reading it is bounded."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from handstitch import storage
from handstitch.records import RunSummary, Trial
from handstitch.runs.test_log import TestLog
from handstitch.search.folder import SearchDescription
from handstitch.storage import reading
from tests.attacks.measuring import cost

SECONDS: Final = 2.0
OBJECT: Final = 64 * 2**20
"""The most bytes of what is read, besides the bytes of the file."""
_VALUES: Final = reading.RECORD // reading._BYTES_PER_VALUE


def items(*texts: str, most: int = _VALUES, form: str = "[{}]") -> bytes:
    """As many items as a record may have, with the number of each in its text."""
    text = texts[0] if len(texts) == 1 else ",".join(texts)
    return form.format(",".join(text.replace("#", f"{n:x}") for n in range(most - 9))).encode()


CONTENTS: Final = {
    "zeros": items("0"),
    "numbers": items("1.#".replace("#", "5")),
    "lists": items("[]", most=_VALUES // 2),
    "objects": items("{}", most=_VALUES // 2),
    "keys": b"{" + items('"#":0', most=_VALUES // 2)[1:-1] + b"}",
    "objects with keys": items('{"#":0}', most=_VALUES // 3),
    "strings": items('"#"'),
    "too many values": items("0", most=_VALUES + 20),
    "nested": b"[" * (_VALUES - 9),
    "digits": b"9" * (reading.RECORD - 90),
    "a string": b'"' + b"a" * (reading.RECORD - 90) + b'"',
    "a string with one wide character": b'"' + b"a" * (reading.RECORD - 90) + "😀".encode() + b'"',
    "escapes": b'"' + rb"\u00e9" * (reading.RECORD // 6 - 20) + b'"',
    "spaces": b" " * (reading.RECORD - 90),
    "zero bytes": bytes(reading.RECORD - 90),
}
"""What it is → the content of a record."""


@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (Any, b"%s"),
        (Trial, b'{"parameters":%s}'),
        (RunSummary, b'{"build":%s}'),
        (SearchDescription, b'{"plan":{"config":{"a":%s}}}'),
        (TestLog, b'{"latest":%s}'),
    ],
)
def test_the_longest_records_cost_little(tmp_path: Path, kind: Any, form: bytes, what: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(form.replace(b"%s", CONTENTS[what]))
    assert path.stat().st_size <= reading.RECORD

    def read() -> None:
        with suppress(ValueError):
            storage.read_record(path, kind)

    seconds, size = cost(read)
    assert seconds < SECONDS
    # The bytes of the file may count twice: malloc keeps what was freed of an earlier copy.
    assert size < 2 * reading.RECORD + OBJECT


def test_a_record_is_not_read_beyond_its_bounds(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    with path.open("wb") as file:
        file.truncate(reading.RECORD + 1)
    with pytest.raises(OSError, match=r"16,777,217 bytes, more than 16,777,216"):
        storage.read_record(path, Trial)
    for what, said in [("too many values", "a record with"), ("nested", "nested too deeply")]:
        path.write_bytes(CONTENTS[what])
        with pytest.raises(ValueError, match=said):
            storage.read_record(path, object)
