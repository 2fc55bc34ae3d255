"""What a reader must say of bad input."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handstitch.errors import HandstitchError


def refused(call: Callable[[], object], exit_code: int = 3) -> HandstitchError:
    """The error of `call`, which says what was found, what was wanted, and how to mend it."""
    with pytest.raises(HandstitchError) as caught:
        call()
    error = caught.value
    print(f"\n{error}")  # noqa: T201  # `pytest -s` reads them aloud
    assert error.exit_code == exit_code
    assert error.found
    assert error.wanted
    assert error.fix
    assert error.found != error.wanted
    assert "delete" not in str(error)
    assert len(str(error).splitlines()) <= 6
    return error
