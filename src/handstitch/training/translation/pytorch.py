"""A configuration in PyTorch: the same penalty, momentum and ε; groups for weights and biases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from handstitch.config import Config
from handstitch.core.activations import LEAK
from handstitch.training.translation.conventions import (
    is_decoupled,
    learning_rate,
    unscheduled,
    weights_of_classes,
)

_ACTIVATIONS: Final = {
    "relu": "ReLU()",
    "leaky_relu": f"LeakyReLU({LEAK})",
    "elu": "ELU()",
    "sigmoid": "Sigmoid()",
    "tanh": "Tanh()",
}
_DEVIATIONS: Final = {
    "he": "(2 / layer.in_features) ** 0.5",
    "xavier": "(2 / (layer.in_features + layer.out_features)) ** 0.5",
    "lecun": "(1 / layer.in_features) ** 0.5",
}


def translate(config: Config) -> tuple[list[str], str]:
    """(settings without a counterpart, program)."""
    return list(_missing(config)), _PROGRAM.format(
        layers="\n    ".join(_layers(config)),
        deviation=_DEVIATIONS[config.initialization],
        optimizer=_optimizer(config),
        loss=_loss(config),
        forward=_AUTOCAST if config.precision == "bfloat16" else _FORWARD,
        schedule=learning_rate(config),
        decay=_decoupled(config),
        clip=_CLIP.format(config.clip_norm) if config.clip_norm else "",
        batch_size=config.batch_size,
        epochs=config.epochs,
    )


def _missing(config: Config) -> Iterator[str]:
    yield from unscheduled(config)
    if config.class_weight and config.label_smoothing:
        yield "class_weight: a sample's is that of its class; PyTorch spreads it by label_smoothing"
    if config.precision == "bfloat16":
        yield "precision = bfloat16: autocast rounds the sums of products, too"


def _layers(config: Config) -> Iterator[str]:
    inputs: str | int = "INPUTS"
    if config.input_dropout:
        yield f"nn.Dropout({config.input_dropout}),"
    for units, activation in zip(config.hidden_sizes, config.activations, strict=True):
        yield f"nn.Linear({inputs}, {units}),"
        yield f"nn.{_ACTIVATIONS[activation]},"
        if config.dropout:
            yield f"nn.Dropout({config.dropout}),"
        inputs = units
    yield f"nn.Linear({inputs}, CLASSES),"


def _optimizer(config: Config) -> str:
    penalty = config.weight_decay
    constants = {
        "sgd": "",
        "momentum": f", momentum={config.momentum}",
        "nesterov": f", momentum={config.momentum}, nesterov=True",
        "rmsprop": f", alpha={config.beta2}, eps={config.epsilon}",
        "adam": f", betas=({config.beta1}, {config.beta2}), eps={config.epsilon}",
    }
    rule = "adam" if config.optimizer == "adamw" else config.optimizer
    name = {"rmsprop": "RMSprop", "adam": "Adam"}.get(rule, "SGD")
    if is_decoupled(config):
        if name == "Adam":
            name = "AdamW"
        else:  # none of the others has it: it is in the step
            penalty = 0.0
    of_biases = penalty if config.decay_biases else 0.0
    return (
        f"torch.optim.{name}(\n"
        f'    [{{"params": weights, "weight_decay": {penalty}}},\n'
        f'     {{"params": biases, "weight_decay": {of_biases}}}],\n'
        f"    lr={config.learning_rate}{constants[rule]},\n"
        ")"
    )


def _decoupled(config: Config) -> str:
    """Decoupled decay where PyTorch's optimizer has coupled decay only."""
    if not is_decoupled(config) or config.optimizer[:4] == "adam":
        return ""
    which = "weights + biases" if config.decay_biases else "weights"
    return (
        "\n    with torch.no_grad():  # decoupled weight decay"
        f"\n        for parameter in {which}:"
        f"\n            parameter.mul_(1 - rate * {config.weight_decay})"
    )


def _loss(config: Config) -> str:
    options = [f'reduction="{config.reduction}"']
    before = ""
    if given := weights_of_classes(config):
        before = f"CLASS_WEIGHTS = torch.tensor(list({given}.values()))  # by class number\n"
        if given == "{}":  # balanced
            before = "CLASS_WEIGHTS = torch.ones(CLASSES)  # put n / (CLASSES * count) of each\n"
        options.append("weight=CLASS_WEIGHTS")
    if config.label_smoothing:
        options.append(f"label_smoothing={config.label_smoothing}")
    return f"{before}loss_function = nn.CrossEntropyLoss({', '.join(options)})"


_CLIP: Final = """
    torch.nn.utils.clip_grad_norm_(model.parameters(), {})  # divides by the norm + 1e-6"""

_FORWARD: Final = "loss = loss_function(model(X), y)"
_AUTOCAST: Final = f"""with torch.autocast("cpu", torch.bfloat16):
        {_FORWARD}"""

_PROGRAM: Final = '''
from math import cos, pi

import torch
from torch import nn

INPUTS, CLASSES = 784, 10  # of your data

model = nn.Sequential(
    {layers}
)
for layer in model:
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, std={deviation})
        nn.init.zeros_(layer.bias)

weights = [parameter for parameter in model.parameters() if parameter.ndim == 2]
biases = [parameter for parameter in model.parameters() if parameter.ndim == 1]
optimizer = {optimizer}
{loss}


{schedule}


def train_step(X, y, rate):
    """One step on inputs X (n, INPUTS) and class numbers y (n,); the loss before it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    {forward}
    loss.backward(){clip}{decay}
    optimizer.step()
    return loss.item()


# Batches of {batch_size} samples in a new random order, {epochs} times:
#     train_step(X, y, learning_rate(step, steps))
'''
