"""handstitch search."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from handstitch.cli import output
from handstitch.cli.flags import FLAGS, ConfigFile, DataDir, Json, Preset, exclusive, with_settings
from handstitch.config import precedence
from handstitch.errors import Interrupted, UsageError, shell_word

if TYPE_CHECKING:
    from handstitch.search.executors import WorkerPool

MANY: Final = 10_000
"""Points of the largest grid that is trained without --yes."""

_WORKERS: Final = exclusive("--workers", "--dask", "--mpi")

COUNT: Final = Number(gte=1, lte=100_000)

Sampler = Literal["grid", "random", "tpe"]


@with_settings(several=True)
def search(
    *,
    sampler: Annotated[
        Sampler | None,
        Parameter(help="search method", show_default="grid; random with a range"),
    ] = None,
    trials: Annotated[
        int | None,
        Parameter(metavar="N", validator=COUNT, help="candidates of a random or TPE search"),
    ] = None,
    seeds: Annotated[
        int | None,
        Parameter(
            metavar="N",
            validator=COUNT,
            help="seeds of each candidate, from --seed on",
            show_default="1",
        ),
    ] = None,
    prune: Annotated[
        Literal["none", "halving", "median"] | None,
        Parameter(help="pruning: stop unpromising trials early", show_default="none"),
    ] = None,
    workers: Annotated[
        int | None,
        Parameter(
            group=(FLAGS, _WORKERS),
            metavar="N",
            validator=Number(gte=0, lte=1024),
            help="worker processes; 0: train in this process",
            show_default="one per core",
        ),
    ] = None,
    dask: Annotated[
        str | None,
        Parameter(
            group=(FLAGS, _WORKERS),
            metavar="ADDRESS",
            help="train on a Dask cluster: tls://HOST:PORT of its scheduler",
        ),
    ] = None,
    mpi: Annotated[
        bool,
        Parameter(
            group=(FLAGS, _WORKERS),
            help="train on the MPI ranks of mpiexec",
            negative=(),
            show_default=False,
        ),
    ] = False,
    storage: Annotated[
        str | None,
        Parameter(
            metavar="URL",
            help="PostgreSQL database for the Optuna study",
            show_default="a file in the folder",
        ),
    ] = None,
    yes: Annotated[
        bool, Parameter(help="accept a grid of any size", negative=(), show_default=False)
    ] = False,
    preset: Preset = None,
    config: ConfigFile = None,
    out: Annotated[
        Path | None,
        Parameter(help="folder of the search", show_default="the next free runs/search-N"),
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> int:
    """Search hyper-parameters and rank the candidates.

    Every flag of `train` accepts several values, and the grid of all combinations is trained, such
    as --lr 0.05 0.1 --hidden 512 300,100 (the widths of one network are joined by commas). Ranges
    are sampled at random: --lr log:0.0003..0.003 --dropout 0..0.4 --trials 30. The same command
    with the same --out resumes a search; so does --out alone. A random or TPE search, finished or
    not, takes more candidates: --out FOLDER --trials 60.
    """
    from handstitch import search as searches
    from handstitch.cli.search_output import SearchProgress, say_result
    from handstitch.cli.signals import stopping
    from handstitch.search import space
    from handstitch.search.folder import read_description

    given = {name: words for name, words in settings.items() if words is not None}
    started = read_description(out) if out is not None and searches.is_search(out) else None
    if started and not (given or preset or config or sampler or seeds or prune):
        plan = started.plan if trials is None else searches.more(started.plan, trials)
    else:
        parameters, fixed = space.read(given)
        _require_sampler(sampler, trials, parameters, repeated=bool(seeds or started))
        plan = searches.make(
            precedence.resolve(fixed, config, preset).config,
            parameters,
            kind=sampler,
            candidates=trials,
            seeds=seeds or 1,
            pruning=prune or "none",
            default_rate="optimizer" in parameters
            and "learning_rate" not in {**parameters, **fixed},
        )
    if plan.kind == "grid" and plan.candidates > MANY and not (yes or started):
        raise UsageError(
            f"this grid has {plan.candidates:,} points",
            found=f"{plan.trials:,} trials",
            wanted=f"at most {MANY:,} points, or --yes",
            fix="use fewer values, or sample them: --sampler random --trials 100",
        )
    stop, progress = searches.StopFlag(), SearchProgress()
    try:
        with progress.bar, stopping(stop, "the workers"):
            found = searches.run(
                plan,
                out,
                _worker_pool(dask, mpi, workers, plan.trials),
                storage=storage,
                data_dir=data_dir,
                after_trial=progress.trial,
                on_start=progress.begin,
                stop=stop,
            )
    except Interrupted as interrupted:
        if progress.search is not None:
            from handstitch.search import study

            output.notice("stopped; every finished trial is kept. Resume with:")
            again = output.command_line(
                "search",
                out=progress.search.folder,
                workers=workers,
                dask=dask,
                storage=storage and study.shown(study.parse(storage)),
                data_dir=data_dir,
                mpi=mpi,
            )
            program = "mpiexec -n 3 python -m mpi4py.futures -m " if mpi else ""
            output.command(program + again)
        return interrupted.exit_code
    say_result(found, json)
    return 0


def _require_sampler(
    sampler: Sampler | None, trials: int | None, parameters: dict[str, Any], *, repeated: bool
) -> None:
    """Raise UsageError unless sampler, --trials and search space fit together.

    `repeated`: a single candidate is a search, too, as it has several seeds or is resumed.
    """
    from handstitch.search import Range, space

    ranges = [name for name, axis in parameters.items() if isinstance(axis, Range)]
    shown = " ".join(
        f"{precedence.flags_of(name)[0]} {space.described(axis)}"
        for name, axis in parameters.items()
    )
    samples = bool(ranges) or sampler in {"random", "tpe"}
    rules = (
        (
            ranges and sampler == "grid",
            "a grid needs lists, not ranges",
            f"--sampler grid {shown}",
            "a list of values for each flag",
            "list the values, or sample them: --sampler random --trials 30",
        ),
        (
            samples and trials is None,
            "--trials is required",
            shown or "nothing to search",
            "the number of candidates of a random or TPE search",
            "for example: --trials 30",
        ),
        (
            trials is not None and not samples,
            "a grid has all its combinations as candidates",
            f"--trials {trials} {shown}",
            "--trials with a range, or with --sampler random or tpe",
            "leave --trials out, or: --sampler random",
        ),
        (
            not parameters and sampler != "grid" and (sampler or not repeated),
            "there is nothing to search",
            "one value for every setting, and no search to resume",
            "a range or several values for a flag",
            "for example: --lr 0.0005 0.0015 0.005; to resume a search, its folder: --out FOLDER",
        ),
    )
    for broken, problem, found, wanted, fix in rules:
        if broken:
            raise UsageError(problem, found=found, wanted=wanted, fix=fix)


def _worker_pool(
    dask: str | None, mpi: bool, workers: int | None, trials: int
) -> AbstractContextManager[WorkerPool]:
    """The worker pool of the flags, not started yet."""
    from handstitch import machine
    from handstitch.search import executors

    if mpi:
        return executors.mpi()
    if dask is not None:
        if "://" not in dask:
            raise UsageError(
                "this is not the address of a Dask scheduler",
                found=f"--dask {shell_word(dask)}",
                wanted="protocol, host and port of one: tls://HOST:8786",
                fix="correct it; for processes of this machine: --workers N",
            )
        return executors.dask(dask)
    count = min(machine.cores() if workers is None else workers, trials)
    return executors.processes(count) if count else executors.serial()
