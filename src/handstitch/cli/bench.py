"""handstitch bench."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter, validators

from handstitch.cli import output
from handstitch.cli.flags import ConfigFile, Json, Preset, given_settings, resolve, with_settings

BATCH_SIZES = (64, 128, 256)
Seconds = Annotated[
    float,
    Parameter(
        metavar="X",
        help="for each measurement, up to 600",
        validator=validators.Number(gt=0, lte=600),
    ),
]


@with_settings
def bench(
    *,
    seconds: Seconds = 1,
    preset: Preset = None,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Benchmark training and inference.

    The course network, or the one that the settings describe, trains on noise, half of it 0, at
    several batch sizes, or at the given --batch-size. The share of peak is the arithmetic rate of
    a step, divided by that of the BLAS on large square matrices. Products with a 0 are counted,
    so the numba backend, which skips them, may exceed 100 %. Nothing else should be running.
    """
    resolved = resolve(settings, config, preset or (None if config else "course")).config
    batch_sizes = (
        (resolved.batch_size,) if "batch_size" in given_settings(settings) else BATCH_SIZES
    )

    from handstitch import benchmark
    from handstitch.config.messages import plural
    from handstitch.machine import libraries

    speed = benchmark.measure(resolved, batch_sizes, seconds)
    if json:
        output.emit(speed)
        return
    table = output.table("batch", "µs/step", "images/s", "GFLOP/s", "share of peak")
    for training in speed.training:
        table.add_row(
            str(training.batch_size),
            f"{1e6 * training.step_seconds:,.0f}",
            f"{training.images_per_second:,.0f}",
            f"{training.flops_per_second / 1e9:.0f}",
            f"{training.share_of_peak:.0%}",
        )
    network = "-".join(map(str, speed.sizes))
    print(f"Network {network}, kernel {speed.kernel}, {plural(speed.threads, 'thread')}")
    print(f"Backend: {speed.backend}")
    print(f"Peak of this machine's BLAS: {speed.peak_flops_per_second / 1e9:.0f} GFLOP/s")
    output.show(table)
    if any(training.share_of_peak > 1 for training in speed.training):
        print("Above 100 %: products with a 0 are counted, and the numba backend skips them.")
    print(
        f"Classifying: {speed.classified_per_second:,.0f} images/s; "
        f"one image in {1e6 * speed.one_image_seconds:,.0f} µs"
    )
    if warning := libraries.kernel_warning(speed.kernel):
        output.notice(warning)
