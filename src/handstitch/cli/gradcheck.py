"""handstitch gradcheck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings
from handstitch.cli.progress import progress

SAMPLES = 1000
"""Parameters checked in the full-size network; each costs a forward pass."""
SMALL = (9, 8, 7, 6, 5, 4, 3)
"""Hidden widths of the small network; further layers repeat the last."""


@with_settings(  # the layers, and what else changes a gradient
    "hidden_sizes",
    "receptive_field",
    "activation",
    "initialization",
    "dropout",
    "input_dropout",
    "weight_decay",
    "decay_biases",
    "reduction",
    "class_weight",
    "label_smoothing",
    "seed",
)
def gradcheck(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Check back-propagation against complex-step derivatives.

    All parameters of a small network and 1,000 random ones of the full-size network are compared
    with derivatives from a separate forward pass, in float64.
    """
    from handstitch.gradcheck import TOLERANCE, check

    chosen = resolve(settings, config, preset).config
    small = [SMALL[min(layer, len(SMALL) - 1)] for layer in range(len(chosen.hidden_sizes))]
    fields = (1, 3) if chosen.receptive_field else ()
    with progress("Complex step"):
        verdicts = [
            check(replace(chosen, hidden_sizes=tuple(small), receptive_field=fields)),
            check(chosen, inputs=784, classes=10, samples=3, most=SAMPLES),
        ]
    passed = all(verdict.passed for verdict in verdicts)
    worst = max(verdict.worst for verdict in verdicts)
    if json:
        output.print_json({"passed": passed, "worst": worst, "networks": verdicts})
    else:
        output.print_table(
            ("network", "parameters", "compared", "worst relative error"),
            (
                (
                    "-".join(map(str, verdict.sizes)),
                    f"{verdict.parameters:,}",
                    f"{verdict.checked:,}",
                    f"{verdict.worst:.1e}",
                )
                for verdict in verdicts
            ),
        )
        print(
            f"Back-propagation {'agrees with' if passed else 'DIFFERS from'} the complex step: "
            f"worst relative error {worst:.1e}, tolerance {TOLERANCE:.0e}\n"
            "This checks core/, with which the numpy backend trains. The numba backend compiles\n"
            "core's activations and update rules, and is compared with the rest: make compare"
        )
    return 0 if passed else 1
