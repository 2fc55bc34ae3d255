"""Interrupt a run after its first epoch, and resume it to the bytes of an uninterrupted one."""

from pathlib import Path

import handstitch
from handstitch import runs

config = handstitch.Config(dataset="sketch", hidden_sizes=(64, 32), epochs=3)
with handstitch.begin(config, Path("runs/interrupted")) as run:
    next(run.train())
with runs.resume(Path("runs/interrupted")) as run:
    print("resumed with epochs", [record.epoch for record in run.train()])
with handstitch.begin(config, Path("runs/uninterrupted")) as other:
    list(other.train())
resumed, whole = (folder / "weights" / "best.safetensors" for folder in (run.folder, other.folder))
print("the same bytes:", resumed.read_bytes() == whole.read_bytes())
