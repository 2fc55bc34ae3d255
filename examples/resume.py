"""Stop a run after its first epoch, and resume it to the bytes of an undisturbed one."""

from pathlib import Path

import handstitch
from handstitch import runs

config = handstitch.Config(dataset="sketch", hidden_sizes=(64, 32), epochs=3)
with handstitch.begin(config, Path("runs/stopped")) as run:
    next(run.train())
with runs.resume(Path("runs/stopped")) as run:
    print("resumed with epochs", [record.epoch for record in run.train()])
with handstitch.begin(config, Path("runs/undisturbed")) as other:
    list(other.train())
resumed = run.folder / "weights" / "best.safetensors"
undisturbed = other.folder / "weights" / "best.safetensors"
print("the same bytes:", resumed.read_bytes() == undisturbed.read_bytes())
