"""handstitch gradcheck."""

from __future__ import annotations

from typing import Any

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings

DRAWN = 1000
"""Parameters of the real network that are checked; each costs a forward pass."""
SMALL = (9, 8, 7, 6, 5, 4, 3)
"""Widths of the small network's layers, as many as it needs; the last is its classes."""
COUNTING = (
    "initialization",
    "dropout",
    "input_dropout",
    "weight_decay",
    "decay_biases",
    "reduction",
    "seed",
)
"""Settings beside the layers that change a gradient."""


@with_settings("hidden_sizes", "activation", *COUNTING)
def gradcheck(
    *,
    preset: Preset = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Hold back-propagation against an independent derivative.

    Every parameter of a small network and 1,000 drawn ones of the real one are compared with
    the complex step of a second forward pass, in float64.
    """
    from handstitch.gradcheck import TOLERANCE, Problem, check

    chosen = resolve(settings, config, preset).config
    common: dict[str, Any] = {name: getattr(chosen, name) for name in COUNTING}
    common["activations"] = chosen.activations
    hidden = len(chosen.hidden_sizes)
    small = (12, *(SMALL[min(each, len(SMALL) - 1)] for each in range(hidden)), 4)
    real = (784, *chosen.hidden_sizes, 10)
    verdicts = [
        check(Problem(sizes=small, **common)),
        check(Problem(sizes=real, samples=3, **common), DRAWN),
    ]
    passed = all(verdict.passed for verdict in verdicts)
    worst = max(verdict.worst for verdict in verdicts)
    if json:
        output.print_json({"passed": passed, "worst": worst, "networks": verdicts})
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
            f"at most {TOLERANCE:.0e} wanted"
        )
        print("Checked is core/, the readable step; the compiled one is held to it by make test.")
    return 0 if passed else 1
