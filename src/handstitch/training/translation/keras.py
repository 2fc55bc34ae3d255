"""A configuration in Keras 3: half the penalty, −ηV for V, and ε that moves with the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from handstitch.config import Config
from handstitch.core.activations import LEAK
from handstitch.training.translation.conventions import (
    is_coupled,
    is_decoupled,
    learning_rate,
    unscheduled,
    weights_of_classes,
)

_INITIALIZATIONS: Final = {
    "he": '2.0, "fan_in"',
    "xavier": '1.0, "fan_avg"',
    "lecun": '1.0, "fan_in"',
}


def translate(config: Config) -> tuple[list[str], str]:
    """(settings without a counterpart, program)."""
    return list(_missing(config)), _PROGRAM.format(
        dense=_dense(config),
        layers="\n    ".join(_layers(config)),
        optimizer=_optimizer(config),
        loss=_loss(config),
        schedule=learning_rate(config),
        steps="".join(f"\n        {line}" for line in _step(config)),
        eagerly=", run_eagerly=True" if config.optimizer[:4] == "adam" else "",
        targets="keras.utils.to_categorical(y, CLASSES)" if config.label_smoothing else "y",
        class_weight=_class_weight(config),
        batch_size=config.batch_size,
        epochs=config.epochs,
    )


def _missing(config: Config) -> Iterator[str]:
    yield from unscheduled(config)
    if config.precision != "float32":
        yield f"precision = {config.precision}: it trains in float32"
    if config.optimizer == "rmsprop":
        yield f"epsilon = {config.epsilon}: Keras divides by sqrt(S + ε), not by sqrt(S) + ε"
    if config.clip_norm and is_coupled(config):
        yield f"clip_norm = {config.clip_norm}: Keras clips the gradient with the penalty in it"


def _dense(config: Config) -> str:
    options = [
        "kernel_initializer=initializers.VarianceScaling({}, {})".format(
            _INITIALIZATIONS[config.initialization], '"untruncated_normal"'
        )
    ]
    if is_coupled(config):
        half = f"regularizers.L2({config.weight_decay / 2})"  # Keras adds l2 · ‖θ‖²
        options += [f"kernel_regularizer={half}"]
        options += [f"bias_regularizer={half}"] if config.decay_biases else []
    return "".join(f"\n        {option}," for option in options)


def _layers(config: Config) -> Iterator[str]:
    if config.input_dropout:
        yield f"layers.Dropout({config.input_dropout}),"
    for units, activation in zip(config.hidden_sizes, config.activations, strict=True):
        yield f"dense({units}),"
        yield (
            f"layers.LeakyReLU(negative_slope={LEAK}),"
            if activation == "leaky_relu"
            else f'layers.Activation("{activation}"),'
        )
        if config.dropout:
            yield f"layers.Dropout({config.dropout}),"
    yield "dense(CLASSES),"


def _optimizer(config: Config) -> str:
    moments = f"beta_1={config.beta1}, beta_2={config.beta2}, epsilon={config.epsilon}"
    name, constants = {
        "sgd": ("SGD", []),
        "momentum": ("SGD", [f"momentum={config.momentum}"]),
        "nesterov": ("SGD", [f"momentum={config.momentum}, nesterov=True"]),
        "rmsprop": ("RMSprop", [f"rho={config.beta2}, epsilon={config.epsilon**2}"]),
        "adam": ("Adam", [moments]),
        "adamw": ("Adam", [moments]),
    }[config.optimizer]
    options = [f"learning_rate={config.learning_rate}", *constants]
    decouples = is_decoupled(config)
    if decouples:
        options.append(f"weight_decay={config.weight_decay}")
    if config.clip_norm:
        options.append(f"global_clipnorm={config.clip_norm}")
    text = f"optimizers.{name}(\n    {', '.join(options)}\n)"
    if decouples and not config.decay_biases:
        text += '\noptimizer.exclude_from_weight_decay(var_names=["bias"])'
    return text


def _loss(config: Config) -> str:
    reduction = "sum" if config.reduction == "sum" else "sum_over_batch_size"
    if config.class_weight and config.reduction == "mean":
        reduction = "mean_with_sample_weight"
    smoothing = f", label_smoothing={config.label_smoothing}" if config.label_smoothing else ""
    kind = "Categorical" if smoothing else "SparseCategorical"
    return (
        f'losses.{kind}Crossentropy(\n    from_logits=True{smoothing}, reduction="{reduction}"\n)'
    )


def _class_weight(config: Config) -> str:
    given = weights_of_classes(config)
    if given == "{}":
        given = "{k: len(y) / (CLASSES * max(1, (y == k).sum())) for k in range(CLASSES)}"
        return f"\n        class_weight={given},"
    return f"\n        class_weight=dict(enumerate({given}.values()))," if given else ""


def _step(config: Config) -> Iterator[str]:
    """What of Keras's optimizer depends on the step, beside the rate."""
    if config.optimizer in {"momentum", "nesterov"}:
        yield "before = float(optimizer.learning_rate)"
        yield "for velocity in optimizer.momentums if before else []:"
        yield "    velocity.assign(velocity * (rate / before))  # it is -rate * V"
    if config.optimizer[:4] == "adam":
        yield "# It is added before the bias correction of the second moment, here after it."
        yield f"optimizer.epsilon = {config.epsilon} * (1 - {config.beta2} ** (step + 1)) ** 0.5"


_PROGRAM: Final = '''
from math import cos, pi

import keras
from keras import initializers, layers, losses, optimizers, regularizers

INPUTS, CLASSES = 784, 10  # of your data


def dense(units):
    """A linear layer."""
    return layers.Dense(
        units,{dense}
    )


model = keras.Sequential([
    keras.Input((INPUTS,)),
    {layers}
])
optimizer = {optimizer}
loss = {loss}
model.compile(optimizer, loss, metrics=["accuracy"]{eagerly})


{schedule}


class Steps(keras.callbacks.Callback):
    """Before each step its learning rate, and what depends on the step."""

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        step = int(optimizer.iterations)
        rate = learning_rate(step, self.params["steps"]){steps}
        optimizer.learning_rate = rate


def train(X, y):
    """Train on inputs X (n, INPUTS) and class numbers y (n,)."""
    return model.fit(
        X, {targets}, batch_size={batch_size}, epochs={epochs}, callbacks=[Steps()],{class_weight}
    )
'''
