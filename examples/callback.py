"""A callback: print each epoch, and end the training at an accuracy that is good enough."""

import handstitch as hs
from handstitch.data import sketch


class ReachedError(Exception):
    """The accuracy is good enough."""


class GoodEnough(hs.Callback):
    """Ends the training once the validation accuracy is above a bound."""

    def __init__(self, accuracy):
        self.accuracy = accuracy

    def on_start(self, trainer):
        """Say what is trained."""
        print(f"training {'-'.join(map(str, trainer.sizes))} on {trainer.dataset.name}")

    def on_epoch(self, record):
        """Print the accuracy; raise where it is enough."""
        print(f"epoch {record.epoch}: validation accuracy {record.val_accuracy:.4f}")
        if record.val_accuracy > self.accuracy:
            raise ReachedError

    def on_end(self, history):
        """Say how long it took, however it ended."""
        print(f"ended after {len(history)} epochs")


dataset = hs.Dataset.from_arrays(*sketch.draw(3000, seed=0), sketch.CLASS_NAMES)
config = hs.Config(hidden_sizes=(64, 32), epochs=30, batch_size=32)
try:
    hs.train(config, data=dataset, out="runs/callback", callbacks=[GoodEnough(0.65)])
except ReachedError:
    print("good enough; the run is saved, and can be resumed")
