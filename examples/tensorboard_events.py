"""Write the curves of two runs for TensorBoard, and read them back with its own reader."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import handstitch as hs

curves = Path("runs/curves")
for rate in (0.0005, 0.005):
    config = hs.Config(hidden_sizes=(64, 32), epochs=3, learning_rate=rate)
    board = hs.TensorBoard(curves / f"rate-{rate}")
    hs.train(config, data="sketch", out=f"runs/rate-{rate}", callbacks=[board])
    events = EventAccumulator(str(board.folder)).Reload()
    losses = [f"{event.value:.4f}" for event in events.Scalars("loss/validation")]
    print(f"rate {rate}: validation losses {', '.join(losses)}")
print(f"tensorboard --logdir {curves}")
