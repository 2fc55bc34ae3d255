"""PyTorch: from the files to a tested model, tensors indexed by hand."""

from __future__ import annotations

import copy
from argparse import Namespace

import torch
from torch import nn
from whole import Clock, arguments, data, initial, rate


def make_model(chosen: Namespace) -> nn.Module:
    """Linear and ReLU in turn; weights outside the windows start as 0 and stay so."""
    layers: list[nn.Module] = []
    drawn, mask = initial(chosen)
    for W in drawn:
        linear = nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W).T)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    if mask is not None:
        inside = torch.from_numpy(mask).T.contiguous()
        model[0].weight.register_hook(lambda G: G * inside)
    return model


def make_optimizer(model: nn.Module, chosen: Namespace) -> torch.optim.Optimizer:
    """AdamW in one kernel, or SGD; no decay of biases."""
    weights = [each for each in model.parameters() if each.ndim == 2]
    biases = [each for each in model.parameters() if each.ndim == 1]
    groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    if not chosen.adam:
        return torch.optim.SGD(groups, lr=chosen.rate)
    return torch.optim.AdamW(groups, lr=chosen.rate, weight_decay=chosen.decay, fused=True)


def main() -> None:
    """nn.Sequential, torch.optim, the best weights by validation kept and saved."""
    chosen = arguments()
    clock = Clock(chosen)
    torch.manual_seed(chosen.seed)
    parts = {
        name: (torch.from_numpy(x), torch.from_numpy(y.astype("int64")))
        for name, (x, y) in data(chosen).items()
    }
    model = make_model(chosen)
    optimizer = make_optimizer(model, chosen)
    criterion = nn.CrossEntropyLoss(label_smoothing=chosen.smoothing)

    @torch.inference_mode()
    def accuracy(part: str) -> float:
        model.eval()
        x, y = parts[part]
        return float((model(x).argmax(1) == y).float().mean())

    x, y = parts["train"]
    # All shifts of every image, as a view: (n, 2s + 1, 2s + 1, 28, 28).
    shifted = x.unfold(1, 28, 1).unfold(2, 28, 1) if chosen.shift else None

    def images(picks: torch.Tensor) -> torch.Tensor:
        if shifted is None:
            return x[picks]
        down, right = torch.randint(2 * chosen.shift + 1, (2, len(picks)))
        return shifted[picks, down, right].flatten(1)

    steps = -(-len(x) // chosen.batch) * chosen.epochs
    step, best, kept = 0, -1.0, copy.deepcopy(model.state_dict())
    for _ in range(chosen.epochs):
        model.train()
        for picks in torch.randperm(len(x)).split(chosen.batch):
            for group in optimizer.param_groups:
                group["lr"] = rate(chosen, step, steps)
            optimizer.zero_grad(set_to_none=True)
            criterion(model(images(picks)), y[picks]).backward()
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
