"""A configuration in scikit-learn's MLPClassifier: the penalty of a sum, a mean gradient."""

from __future__ import annotations

from typing import Final

from handstitch.config import Config
from handstitch.training.translation.conventions import is_coupled, is_decoupled, unscheduled

_ACTIVATIONS: Final = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def translate(config: Config) -> tuple[list[str], str]:
    """(settings without a counterpart, program)."""
    # It has the gradient's mean g and λ/n: a sum G + λθ = n (g + λ/n θ) is a rate n times as high.
    n = config.batch_size
    is_sum = config.reduction == "sum"
    is_adam = config.optimizer in {"adam", "adamw", "rmsprop"}
    penalty = config.weight_decay if is_coupled(config) else 0.0
    options = {
        "hidden_layer_sizes": config.hidden_sizes,
        "activation": _ACTIVATIONS.get((*config.activation, "relu")[0], "relu"),
        "solver": "adam" if is_adam else "sgd",
        "alpha": penalty if is_sum else penalty * n,
        "batch_size": n,
        "learning_rate_init": config.learning_rate * (n if is_sum and not is_adam else 1),
    }
    if is_adam:
        options |= {
            "beta_1": 0.0 if config.optimizer == "rmsprop" else config.beta1,
            "beta_2": config.beta2,
            "epsilon": config.epsilon / (n if is_sum else 1),
        }
    else:
        options |= {
            "momentum": 0.0 if config.optimizer == "sgd" else config.momentum,
            "nesterovs_momentum": config.optimizer == "nesterov",
        }
    options |= {
        "max_iter": config.epochs,
        "tol": 0.0,
        "n_iter_no_change": config.epochs,  # the loss of training is no reason to stop
    }
    written = "".join(f"    {name}={value!r},\n" for name, value in options.items())
    return _missing(config), _PROGRAM.format(options=written)


def _missing(config: Config) -> list[str]:
    unknown = sorted(set(config.activation) - set(_ACTIVATIONS))
    is_constant = config.schedule in {"constant", "plateau"} and not config.warmup
    is_adam = config.optimizer in {"rmsprop", "adam", "adamw"}
    lines = {
        "initialization: MLPClassifier draws Glorot's uniform weights, biases too": True,
        f"activation: it has no {', '.join(unknown)}": unknown,
        "activation: it has one for all layers": len(set(config.activation)) > 1,
        "optimizer = rmsprop: adam without a first moment corrects the second's bias besides": (
            config.optimizer == "rmsprop"
        ),
        f"epsilon = {config.epsilon}: in step t it counts as ε / sqrt(1 - beta_2^t)": is_adam,
        "weight_decay: alpha is divided by the number of samples, fewer in the last batch": (
            is_coupled(config)
        ),
        "decay_biases: its penalty spares them": is_coupled(config) and config.decay_biases,
        f"weight_decay = {config.weight_decay}: decoupled": is_decoupled(config),
        f"schedule = {config.schedule}, warmup = {config.warmup}": not is_constant,
        "class_weight: give fit the weights of the samples, sample_weight=weights[y]": (
            config.class_weight
        ),
        f"precision = {config.precision}: it trains in float32": config.precision != "float32",
    }
    others = ("dropout", "input_dropout", "label_smoothing", "clip_norm")
    return [
        *unscheduled(config),
        *(line for line, holds in lines.items() if holds),
        *(f"{name} = {value}" for name in others if (value := getattr(config, name))),
    ]


_PROGRAM: Final = """
from sklearn.neural_network import MLPClassifier

classifier = MLPClassifier(
{options})
# classifier.fit(X, y)
"""
