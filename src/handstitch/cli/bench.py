"""handstitch bench."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter, validators

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings

PRESET = "course"
BATCH_SIZES = (64, 128, 256)
Seconds = Annotated[
    float,
    Parameter(
        metavar="X",
        help="for each measurement, up to 600",
        validator=validators.Number(gt=0, lte=600),
    ),
]


COUNTING = (
    "scaling",
    "hidden_sizes",
    "activation",
    "dropout",
    "input_dropout",
    "optimizer",
    "weight_decay",
    "decoupled",
    "clip_norm",
    "batch_size",
    "threads",
    "backend",
)
"""Settings that change how long a step takes."""


@with_settings(*COUNTING, preset=PRESET)
def bench(
    *,
    seconds: Seconds = 1,
    preset: Annotated[Preset, Parameter(show_default=PRESET)] = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Measure how fast this machine trains and classifies, and how near it comes to its best.

    The course report's network, or that of the settings given, is trained on noise, half of it 0,
    at several batch sizes, or at the one given. A share of the peak is the arithmetic of a step by
    what the BLAS does on large square matrices; products with a 0 are counted, too, so the
    compiled step, which passes over them, may come to more than 100 %. Nothing else should be
    running.
    """
    chosen = resolve(settings, config, preset or (None if config else PRESET)).config
    sizes = (chosen.batch_size,) if settings.get("batch_size") else BATCH_SIZES

    from handstitch import benchmark
    from handstitch.machine import libraries

    found = benchmark.measure(chosen, sizes, seconds)
    if json:
        output.print_json(found)
        return
    table = output.table("batch", "µs/step", "images/s", "GFLOP/s", "share of peak")
    for each in found.training:
        table.add_row(
            str(each.batch_size),
            f"{1e6 * each.step_seconds:,.0f}",
            f"{each.images_per_second:,.0f}",
            f"{each.flops_per_second / 1e9:.0f}",
            f"{each.share_of_peak:.0%}",
        )
    threads = f"{found.threads} thread" + ("" if found.threads == 1 else "s")
    print(f"Network {'-'.join(map(str, found.sizes))}, kernel {found.kernel}, {threads}")
    print(f"Backend: {found.backend}")
    print(f"Peak of this machine's BLAS: {found.peak_flops_per_second / 1e9:.0f} GFLOP/s")
    output.show(table)
    if any(each.share_of_peak > 1 for each in found.training):
        print("Above 100 %: products with a 0 are counted, and the compiled step passes over them.")
    print(
        f"Classifying: {found.classified_per_second:,.0f} images/s; "
        f"one image in {1e6 * found.one_image_seconds:,.0f} µs"
    )
    if shortfall := libraries.shortfall(found.kernel):
        output.notice(shortfall)
