"""Train a network, stop early by your own rule, and test the best weights."""

import handstitch

config = handstitch.Config(dataset="sketch", hidden_sizes=(64, 32), epochs=5)
with handstitch.begin(config) as run:
    for record in run.train():
        print(f"epoch {record.epoch}: validation accuracy {record.val_accuracy:.4f}")
        if record.val_accuracy > 0.95:
            break
evaluation = handstitch.load(run.folder).test()
print(f"test accuracy {evaluation.accuracy:.4f} on {evaluation.n:,} images")
