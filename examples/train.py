"""Train a network, stop early by your own rule, and test the best weights."""

import handstitch as hs
from handstitch import runs

config = hs.Config(hidden_sizes=(64, 32), epochs=5)
with runs.create(config, "sketch") as run:
    for record in run.train():
        print(f"epoch {record.epoch}: validation accuracy {record.val_accuracy:.4f}")
        if record.val_accuracy > 0.95:
            break
evaluation = hs.load(run.folder).evaluate()
print(f"test accuracy {evaluation.accuracy:.4f} on {evaluation.n:,} images")
