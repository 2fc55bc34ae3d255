"""PyTorch, tensors indexed by hand: faster than a DataLoader. With --compile, torch.compile.

With --bfloat16, autocast: products of bfloat16 numbers, float32 weights. With --weights as well,
weights, images and gradients are bfloat16, too. With --kernels it tells what ATen and torch.compile
make code for.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from job import RATE, arguments, initial, measure, scaled
from torch import nn

FLAGS = ("--compile", "--bfloat16", "--weights", "--kernels")


def main() -> None:
    """nn.Sequential and torch.optim.SGD, as the documentation has it."""
    given = {flag for flag in FLAGS if flag in sys.argv}
    sys.argv = [word for word in sys.argv if word not in given]
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    images, labels = scaled(chosen)
    x, y = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
    layers: list[nn.Module] = []
    for W, b in initial(width=chosen.width):
        linear = nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, nn.ReLU()]
    model: nn.Module = nn.Sequential(*layers[:-1])
    if "--weights" in given:
        model, x = model.bfloat16(), x.bfloat16()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()
    forward = torch.compile(model) if "--compile" in given else model
    casts = "--bfloat16" in given and "--weights" not in given

    def epoch(order: np.ndarray) -> float:
        total = torch.zeros(())
        for picks in torch.from_numpy(order).split(chosen.batch):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=casts):
                Z = forward(x[picks])
            loss = criterion(Z.float(), y[picks])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(picks)
        return float(total) / len(images)

    measure("torch.compile" if "--compile" in given else "PyTorch", epoch, chosen)
    if "--kernels" in given:
        print(f"ATen: {torch.backends.cpu.get_cpu_capability()}")
        if "--compile" in given:
            from torch._inductor.cpu_vec_isa import pick_vec_isa

            print(f"inductor: {pick_vec_isa()}")


if __name__ == "__main__":
    main()
