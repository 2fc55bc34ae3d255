"""Interrupt a run after its first epoch, and resume it to the bytes of an uninterrupted one."""

import handstitch as hs
from handstitch import runs

config = hs.Config(dataset="sketch", hidden_sizes=(64, 32), epochs=3)
with runs.create(config, out="runs/interrupted") as run:
    next(run.train())
with runs.reopen("runs/interrupted") as run:
    print("resumed with epochs", [record.epoch for record in run.train()])
other = hs.train(config, out="runs/uninterrupted")
resumed, whole = (folder / "weights" / "best.safetensors" for folder in (run.folder, other.folder))
print("the same bytes:", resumed.read_bytes() == whole.read_bytes())
