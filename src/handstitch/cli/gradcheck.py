"""handstitch gradcheck."""

from __future__ import annotations

from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_some_settings

SAMPLED = 1000
"""Parameters of the real network to check; each costs a forward pass."""
SMALL = (9, 8, 7, 6, 5, 4, 3)
"""Hidden widths of the small network, as many as it needs."""
GRADIENT_SETTINGS = (
    "initialization",
    "dropout",
    "input_dropout",
    "weight_decay",
    "decay_biases",
    "reduction",
    "seed",
)
"""Settings that change the gradient, besides the layers."""


@with_some_settings("hidden_sizes", "activation", *GRADIENT_SETTINGS)
def gradcheck(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Check back-propagation against an independent derivative.

    Every parameter of a small network and 1,000 random ones of the real network are compared with
    the complex step of a second forward pass, in float64.
    """
    from handstitch.gradcheck import TOLERANCE, Problem, check

    resolved = resolve(settings, config, preset).config
    common: dict[str, Any] = {name: getattr(resolved, name) for name in GRADIENT_SETTINGS}
    common["activations"] = resolved.activations
    hidden = len(resolved.hidden_sizes)
    small = (12, *(SMALL[min(layer, len(SMALL) - 1)] for layer in range(hidden)), 4)
    real = (784, *resolved.hidden_sizes, 10)
    verdicts = [
        check(Problem(sizes=small, **common)),
        check(Problem(sizes=real, samples=3, **common), SAMPLED),
    ]
    passed = all(verdict.passed for verdict in verdicts)
    worst = max(verdict.worst for verdict in verdicts)
    if json:
        output.emit({"passed": passed, "worst": worst, "networks": verdicts})
    else:
        table = output.table("network", "parameters", "compared", "worst relative error")
        for verdict in verdicts:
            table.add_row(
                "-".join(map(str, verdict.sizes)),
                f"{verdict.parameters:,}",
                f"{verdict.checked:,}",
                f"{verdict.worst:.1e}",
            )
        output.show(table)
        word = "agrees with" if passed else "DIFFERS from"
        print(
            f"Back-propagation {word} the complex step: worst relative error {worst:.1e}, "
            f"tolerance {TOLERANCE:.0e}"
        )
        print(
            "This checks core/, the numpy backend. make test checks the numba backend against it."
        )
    return 0 if passed else 1
