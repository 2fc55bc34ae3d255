"""PyTorch, tensors indexed by hand: faster than a DataLoader. With --compile, torch.compile."""

from __future__ import annotations

import sys

import numpy as np
import torch
from job import RATE, arguments, initial, measure, pixels
from torch import nn


def main() -> None:
    """nn.Sequential and torch.optim.SGD, as the documentation has it."""
    compiles = "--compile" in sys.argv
    if compiles:
        sys.argv.remove("--compile")
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    images, labels = pixels(chosen.images)
    x = torch.from_numpy(images.astype(np.float32) / 256)
    y = torch.from_numpy(labels.astype(np.int64))
    layers: list[nn.Module] = []
    for W, b in initial(width=chosen.width):
        linear = nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, nn.ReLU()]
    model: nn.Module = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()
    forward = torch.compile(model) if compiles else model

    def epoch(order: np.ndarray) -> float:
        total = torch.zeros(())
        for picks in torch.from_numpy(order).split(chosen.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(forward(x[picks]), y[picks])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(picks)
        return float(total) / len(images)

    measure("torch.compile" if compiles else "PyTorch", epoch, chosen)


if __name__ == "__main__":
    main()
