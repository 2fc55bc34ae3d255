"""The README.md of a run folder: what was trained, on what, how well, and how to use it."""

from __future__ import annotations

from handstitch.config import Config
from handstitch.records import RunSummary


def write(summary: RunSummary, config: Config) -> str:
    """The card as Markdown."""
    layers = " - ".join(str(size) for size in summary.sizes)
    activations = ", ".join(dict.fromkeys(config.activations)) or "none"
    data = "sketch" if summary.drawn else summary.dataset
    epochs = "1 epoch" if summary.epochs == 1 else f"{summary.epochs:,} epochs"
    return f"""# A network for {data}
{_warning(summary)}
| what | value |
|---|---|
| network | {layers}, activation {activations}, {summary.parameters:,} parameters |
| trained on | {summary.train_images:,} images of {data}, {epochs} |
| chosen | epoch {summary.best_epoch} by {config.best_by} on {summary.val_images:,} held out |
| validation accuracy | {summary.best_val_accuracy:.4f} |
| validation loss | {summary.best_val_loss:.4f} |
| training took | {summary.seconds:.1f} s with {summary.threads} BLAS threads |
| build | {", ".join(f"{name} {value}" for name, value in summary.build.items())} |

The validation figures chose the weights, so they flatter them a little; the test set was not
opened in training. From the folder that holds this one:

    handstitch test FOLDER          accuracy on the test set
    handstitch train --config FOLDER/config.toml    the same run again

`weights/best.safetensors` holds the network (`layers.N.weight` is inputs by outputs) and, as
metadata, how pixels are prepared: x ← (x − offset) · scale.
"""


def _warning(summary: RunSummary) -> str:
    if not summary.drawn:
        return ""
    why = f" It was used because {summary.notice}." if summary.notice else ""
    return (
        "\n**These are not photographs.** The data are `sketch`, garments drawn by Handstitch"
        f" itself; no figure here says anything about Fashion-MNIST.{why}\n"
    )
