"""Pictures of the verbs: their paths, drawing and writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.progress import progress
from handstitch.errors import MachineError, UsageError, printable

if TYPE_CHECKING:
    from handstitch.figures import Lang

Out = Annotated[
    Path | None,
    Parameter(
        metavar="FILE", help="picture to write, .png or .svg", show_default="in the run folder"
    ),
]
_KINDS: Final = (".png", ".svg")


def picture_path(target: Path, name: str, out: Path | None) -> Path | None:
    """The path of a picture: `out`, or `name` in the run folder `target`.

    None for a model file without `out`: nothing is written beside it unasked. Raises as
    `with_suffix`.
    """
    from handstitch import storage

    if out is None:
        return storage.inside(target, name) if target.is_dir() else None
    return with_suffix(out, name)


def with_suffix(out: Path, name: str) -> Path:
    """`out`, for a picture that is usually called `name`. Raises UsageError unless its suffix is a
    picture's.
    """
    if out.suffix.lower() not in _KINDS:
        raise UsageError(
            "unknown picture format",
            found=f"--out {out}",
            wanted=f"a name that ends in {' or '.join(_KINDS)}",
            fix=f"--out {out.with_suffix('.png') if out.name else name}",
        )
    return out


def present(
    facts: dict[str, Any],
    draw: Callable[[Lang], Any],
    path: Path | None,
    lang: Lang,
    *,
    asked: bool,
    json: bool,
) -> None:
    """Draw and write the picture, and print its path: on a line, or with the `facts` as JSON.

    `asked`: the path was named by the user.
    """
    from handstitch import figures, storage

    if path is None:
        output.notice("for a picture of a model file, add --out FILE.png")
    else:
        is_svg = path.suffix.lower() == ".svg"
        with progress("Picture"):
            figure = draw(lang if is_svg else figures.png_language(lang))
            data = figures.svg(figure).encode() if is_svg else figures.png(figure)
        try:
            storage.write(path, data, durable=False)
        except MachineError as error:
            elsewhere = f"write it elsewhere: --out {path.name}"
            raise replace(error, fix=error.fix if asked else elsewhere) from error
    if json:
        output.print_json({"picture": path and str(path), **facts})
    elif path is not None:
        print(f"\nPicture: {printable(path)}")
