"""PyTorch: from the files to a tested model, tensors indexed by hand."""

from __future__ import annotations

import copy

import torch
from torch import nn
from whole import Clock, arguments, data, rate


def main() -> None:
    """nn.Sequential, torch.optim, the best weights by validation kept and saved."""
    chosen = arguments()
    clock = Clock(chosen)
    torch.manual_seed(chosen.seed)
    parts = {
        name: (torch.from_numpy(x), torch.from_numpy(y.astype("int64")))
        for name, (x, y) in data(chosen).items()
    }
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(chosen.dropout),
        nn.Linear(512, 256), nn.ReLU(), nn.Dropout(chosen.dropout),
        nn.Linear(256, 10),
    )  # fmt: skip
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    kind = torch.optim.Adam if chosen.adam else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=chosen.rate)
    criterion = nn.CrossEntropyLoss()

    @torch.inference_mode()
    def accuracy(part: str) -> float:
        model.eval()
        x, y = parts[part]
        return float((model(x).argmax(1) == y).float().mean())

    x, y = parts["train"]
    steps = -(-len(x) // chosen.batch) * chosen.epochs
    step, best, kept = 0, -1.0, copy.deepcopy(model.state_dict())
    for _ in range(chosen.epochs):
        model.train()
        for picks in torch.randperm(len(x)).split(chosen.batch):
            for group in optimizer.param_groups:
                group["lr"] = rate(chosen, step, steps)
            optimizer.zero_grad(set_to_none=True)
            criterion(model(x[picks]), y[picks]).backward()
            optimizer.step()
            step += 1
        now = accuracy("validation")
        if now > best:
            best, kept = now, copy.deepcopy(model.state_dict())
        if chosen.adam:
            clock.note(accuracy("test"))
    torch.save(kept, chosen.save)
    model.load_state_dict(kept)
    clock.report("PyTorch", accuracy("test"))


if __name__ == "__main__":
    main()
