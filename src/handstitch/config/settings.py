"""The settings of one training run: their types, bounds, defaults and help texts.

The fields define the flags of the command line, the keys of a TOML file, the `HANDSTITCH_*`
variables and the configuration in a model file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from handstitch.config import bounds

if TYPE_CHECKING:
    from handstitch.core.activations import Activation

OptimizerName = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]


def setting(default: Any, help: str) -> Any:
    """A field with its help text for the command line and the reference."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The fields of Config."""

    # The defaults are the best settings that train in well under a minute on two cores, selected on
    # validation images only (docs/decisions.md has the figures).

    # Data
    dataset: bounds.NameOrPath = setting(
        "auto",
        "data set: fashion-mnist, mnist, sketch, or the path of your own; auto: Fashion-MNIST if "
        "available, otherwise sketch",
    )
    image_size: bounds.Sides = setting(
        (), "rows and columns to which pictures are resized; one number: a square"
    )
    grayscale: bool = setting(False, "turn colour pictures into grey levels")
    images_key: bounds.Key = setting("", "key of the images in an .npz")
    labels_key: bounds.Key = setting(
        "", "key of the labels in an .npz file, or a table's label column"
    )
    validation: bounds.Part = setting(
        0.1, "fraction held out for validation; 0: none, the last epoch is kept; train: or a path"
    )
    stratified: bool = setting(
        False, "stratified validation split: the same fraction of every class"
    )
    scaling: Literal["256", "255", "standard"] = setting(
        "standard", "pixel scaling: division by 256 or 255, or standardisation (z-score)"
    )

    # Augmentation
    shift: Literal["auto"] | bounds.Shift = setting(
        "auto",
        "training images are shifted by up to N pixels, each by all shifts in turn; 0: off; "
        "auto: 1 on images of 14 pixels or more, otherwise 0",
    )
    flip: bool = setting(False, "training images are mirrored left to right, in turn")
    erase: bounds.Fraction = setting(
        0.0, "probability that a rectangle of a training image is erased"
    )
    mixup: bounds.Mixup = setting(
        0.0, "mixtures of two training samples, shares from Beta(α, α); 0: off"
    )

    # Network
    hidden_sizes: tuple[Annotated[int, Meta(ge=1, le=1_000_000)], ...] = setting(
        (768, 256), "widths of the hidden layers; one width N means N and N/2"
    )
    receptive_field: Literal["auto"] | bounds.Sides = setting(
        "auto",
        "local receptive fields: each unit of the first hidden layer has weights in a rectangle of "
        "the image only, with sides SMALLEST..LARGEST drawn from the seed; none: the whole image; "
        "auto: 5..13 on images of 28 pixels, in proportion on others, none below 14",
    )
    activation: tuple[Activation, ...] = setting(
        ("relu",), "activation function: one for all hidden layers, or one per layer"
    )
    initialization: Literal["he", "xavier", "lecun"] = setting(
        "he", "weight initialisation: He, Glorot (xavier) or LeCun"
    )
    dropout: bounds.Probability = setting(0.0, "dropout probability (hidden units)")
    input_dropout: bounds.Probability = setting(0.0, "dropout probability (input pixels)")

    # Optimisation
    optimizer: OptimizerName = setting("adam", "update rule")
    # None becomes the default learning rate of the optimizer.
    learning_rate: bounds.Rate = setting(None, "learning rate η")
    momentum: bounds.Decay = setting(0.9, "momentum coefficient μ (momentum, nesterov)")
    beta1: bounds.Decay = setting(0.9, "decay of the first moment (adam, adamw)")
    beta2: bounds.Decay = setting(0.999, "decay of the second moment (rmsprop, adam, adamw)")
    epsilon: bounds.Epsilon = setting(1e-8, "numerical stability constant ε (rmsprop, adam, adamw)")
    weight_decay: bounds.Penalty = setting(0.0, "coefficient λ of the L2 penalty (λ/2)·‖θ‖²")
    decay_biases: bool = setting(False, "apply weight decay to the biases too")
    decoupled: bool = setting(False, "decoupled weight decay, as in AdamW (adamw: always)")
    reduction: Literal["mean", "sum"] = setting(
        "mean", "batch gradient: mean or sum over the images"
    )
    class_weight: bounds.ClassWeights = setting(
        (),
        "weights of the classes in the training loss: balanced (inversely to their counts), a CSV "
        "file with lines class,weight, or CLASS=WEIGHT for each; a mean gradient is divided by "
        "the sum of the weights",
    )
    label_smoothing: bounds.Probability = setting(
        0.0, "label smoothing ε: targets (1 − ε) · one-hot + ε / classes"
    )
    clip_norm: bounds.NotNegative = setting(0.0, "maximum gradient norm; 0: no clipping")

    # Schedule
    schedule: Literal[
        "constant", "step", "exponential", "linear", "cosine", "one-cycle", "plateau"
    ] = setting("cosine", "learning-rate schedule")
    warmup: bounds.NotNegative = setting(
        0.5, "linear warm-up, in epochs (one-cycle: the rise; 0: 0.3 of the run)"
    )
    decay_epochs: bounds.Period = setting(5.0, "epochs per decay (step, exponential)")
    decay_factor: Annotated[float, Meta(gt=0, le=1)] = setting(
        0.5, "learning-rate decay factor (step, exponential, plateau)"
    )
    final_rate_fraction: bounds.Fraction = setting(
        0.0, "final rate as a fraction of the learning rate (linear, cosine, one-cycle)"
    )
    plateau_patience: bounds.Count = setting(
        3, "epochs without a lower loss before a decay (plateau)"
    )

    # Training
    # A model file holds the history, and a reader its bounds: about 20,000 epochs.
    epochs: Annotated[int, Meta(ge=1, le=10_000)] = setting(30, "passes over the training images")
    # A default learning rate for summed gradients is divided by it.
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000_000)] = setting(256, "mini-batch size")
    monitor: Literal["accuracy", "loss"] = setting(
        "accuracy", "validation metric that selects the best epoch"
    )
    patience: bounds.Patience = setting(0, "early stopping: epochs without improvement; 0: off")
    # TOML's integers end at 2**63.
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = setting(0, "random seed")
    threads: Literal["auto"] | Annotated[int, Meta(ge=1, le=1024)] = setting(
        "auto", "CPU threads; auto: one per core, fixed when the run starts"
    )
    backend: Literal["auto", "numba", "numpy"] = setting(
        "auto", "implementation of training; auto: numba if available, otherwise numpy"
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32",
        "number format of the products in training; bfloat16: products of bfloat16 numbers summed "
        "in float32, weights stay float32",
    )
