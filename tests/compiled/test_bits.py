"""The same bits from a process that compiles and from one that finds machine code on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WORK = """
import hashlib
from dataclasses import replace

from handstitch.compiled import network
from handstitch.config import Config
from handstitch.data import loading
from handstitch.model.inference import compiled
from handstitch.training import Trainer

CHOICES = [
    {"optimizer": "adam", "dropout": 0.2, "clip_norm": 0.1, "weight_decay": 0.01},
    {"optimizer": "nesterov", "activation": ("sigmoid", "elu"), "scaling": "standard"},
    {"optimizer": "rmsprop", "activation": ("tanh", "leaky_relu"), "hidden_sizes": (130, 70)},
    {"weight_decay": 0.01, "batch_size": 130},
]
whole = loading.load("sketch", "train")
pictures = replace(whole, images=whole.images[:420], labels=whole.labels[:420])
for choice in CHOICES:
    values = {"hidden_sizes": (40, 24), "batch_size": 50} | choice
    config = Config(
        dataset="sketch", backend="numba", epochs=2, threads=2, learning_rate=0.01, **values
    )
    trainer = Trainer(config, pictures)
    history = trainer.fit()
    classify = compiled(trainer.state.network, trainer.scaling)
    parts = [trainer.state.network.parameters.vector, classify(pictures.images)]
    parts += [classify(image) for image in pictures.images[:20]]
    bits = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    print(bits, [record.val_loss for record in history])
print(bool(network.forward_backward.stats.cache_hits))
"""


def test_compiling_changes_no_bit(tmp_path: Path):
    outputs = []
    for _ in range(2):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", WORK],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        outputs.append(done.stdout.splitlines())
    (*first, compiled), (*second, found) = outputs
    assert (compiled, found) == ("False", "True")
    assert first == second
    assert len(first) == 4
