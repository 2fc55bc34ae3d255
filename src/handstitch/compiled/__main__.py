"""Compile ahead of the first run: `python -m handstitch.compiled`."""

from __future__ import annotations

import logging
import sys

from handstitch.compiled.availability import unavailable_reason
from handstitch.errors import MachineError


def main() -> int:
    """Train a batch and classify two images: numba caches the machine code on disk."""
    if reason := unavailable_reason():
        logging.getLogger(__name__).error("the numba backend is not available: %s", reason)
        return MachineError.exit_code
    from handstitch.compiled import first_batch

    classify = first_batch.train(clip_norm=1.0)  # clipping is a function of its own
    classify(first_batch.IMAGES[0])
    classify(first_batch.IMAGES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
