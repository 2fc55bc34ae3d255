"""Leave a run after its first epoch, and go on with it to the bytes of an undisturbed one."""

from pathlib import Path

import handstitch
from handstitch import runs

config = handstitch.Config(dataset="sketch", hidden_sizes=(64, 32), epochs=3)
with handstitch.begin(config, Path("runs/left")) as run:
    next(run.train())
with runs.resume(Path("runs/left")) as run:
    print("going on with epochs", [record.epoch for record in run.train()])
with handstitch.begin(config, Path("runs/undisturbed")) as other:
    list(other.train())
left, undisturbed = (each / "weights" / "best.safetensors" for each in (run.folder, other.folder))
print("the same bytes:", left.read_bytes() == undisturbed.read_bytes())
