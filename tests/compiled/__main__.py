"""Compare the numba backend with core, and record the text of core that it agrees with.

make compare: runs the tests of this folder, and records nothing if one fails.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import pytest

from handstitch.compiled import comparison


def main() -> int:
    """Run the comparison; returns pytest's exit code."""
    edited = comparison.edited_files()
    # Within, core counts as compared: else the numba backend would not be available.
    with mock.patch.object(comparison, "edited_files", list):
        status = int(pytest.main(["--quiet", "-p", "no:xdist", str(Path(__file__).parent)]))
    if status == 0:
        text = json.dumps(comparison.compared_digests(), indent=2) + "\n"
        comparison.RECORD.write_text(text, encoding="utf-8")
        sys.stdout.write(f"The backends agree. Recorded: {', '.join(edited) or 'nothing new'}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
