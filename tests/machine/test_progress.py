"""Progress lines: of long work, now and then; of short work none."""

from __future__ import annotations

import pytest

from handstitch.machine import progress


def announce(n: int, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take n items, of which each takes `step` seconds."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    seen = []
    for item in progress.announced(range(n), "layers"):
        seen.append(item)
        now[0] += step
    assert seen == list(range(n))


@pytest.mark.parametrize(
    ("step", "n", "done"),
    [
        (0.5, 20, []),  # 10 seconds
        (0.5, 21, [3]),  # 10.5, known after more than one second
        (0.5, 60, [3, 24, 45]),  # and whenever more than ten have passed
        (4.0, 10, [1, 4, 7]),
        (5.0, 2, []),
        (6.0, 2, [1]),
        (60.0, 1, []),  # there is nothing more to wait for
    ],
)
def test_long_work_is_announced_and_short_work_is_not(
    step: float,
    n: int,
    done: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO", "handstitch"):
        announce(n, step, monkeypatch)
    assert caplog.messages == [
        f"layers: {k} of {n}, about {step * (n - k):.0f} s more" for k in done
    ]
