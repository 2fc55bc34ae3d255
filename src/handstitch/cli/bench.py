"""handstitch bench."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter, validators

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, resolve, with_settings
from handstitch.cli.progress import progress
from handstitch.config.messages import plural

PRESET = "course"
BATCH_SIZES = (64, 128, 256)
Seconds = Annotated[
    float,
    Parameter(
        metavar="X",
        help="seconds per measurement, up to 600",
        validator=validators.Number(gt=0, lte=600),
    ),
]


@with_settings(  # those that change how long a step takes
    "scaling",
    "shift",
    "flip",
    "erase",
    "mixup",
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
    "precision",
    preset=PRESET,
)
def bench(
    *,
    seconds: Seconds = 1,
    preset: Annotated[Preset, Parameter(show_default=PRESET)] = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Benchmark training and inference.

    The network of the course report, or of other settings, is trained on noise, half of it zeros,
    with batches of 64, 128 and 256, or of --batch-size. The share of peak is the arithmetic rate
    of a step, divided by that of the BLAS on large square matrices in float32; with --precision
    bfloat16 also by that of the unit that multiplies such numbers. Products with zeros are counted,
    too, so the numba backend, which skips them, may exceed 100 %. Nothing else should be running.
    """
    chosen = resolve(settings, config, preset or (None if config else PRESET)).config
    sizes = (chosen.batch_size,) if settings.get("batch_size") else BATCH_SIZES

    from handstitch import benchmark
    from handstitch.machine import libraries

    with progress("Training and classifying"):
        found = benchmark.measure(chosen, sizes, seconds)
    if json:
        output.print_json(found)
        return
    units = [f"of {found.bfloat16_unit}"] if found.bfloat16_unit else []
    print(
        f"Network {'-'.join(map(str, found.sizes))}, kernel {found.kernel}, "
        f"{plural(found.threads, 'thread')}\n"
        f"Backend: {found.backend}\n"
        f"Peak of this machine's BLAS: {found.peak_flops_per_second / 1e9:.0f} GFLOP/s in float32"
    )
    if found.unit_flops_per_second:
        print(
            f"Peak of {found.bfloat16_unit}: {found.unit_flops_per_second / 1e9:.0f} GFLOP/s "
            "in bfloat16, from registers"
        )
    output.print_table(
        ("batch", "µs/step", "images/s", "GFLOP/s", "share of peak", *units),
        (
            (
                str(rate.batch_size),
                f"{1e6 * rate.step_seconds:,.0f}",
                f"{rate.images_per_second:,.0f}",
                f"{rate.flops_per_second / 1e9:.0f}",
                f"{rate.share_of_peak:.0%}",
                *(f"{rate.share_of_unit:.0%}" for _ in units),
            )
            for rate in found.training
        ),
    )
    if any(rate.share_of_peak > 1 for rate in found.training):
        print("Above 100 %: products with zeros are counted, and the numba backend skips them.")
    print(
        f"Classifying: {found.classified_per_second:,.0f} images/s; "
        f"one image in {1e6 * found.one_image_seconds:,.0f} µs"
    )
    if warning := libraries.kernel_warning(found.kernel):
        output.notice(warning)
