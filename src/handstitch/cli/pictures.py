"""Where verbs put their pictures, and what they do on a machine that cannot draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output
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


def place_of(target: Path, name: str, out: Path | None) -> Path | None:
    """Where the picture goes: to `out`, or under its name into the run folder `target`.

    None for a model file and no `out`: nothing is put where nobody asked for it. Raises UsageError
    if `out` is not a picture's name.
    """
    if out is None:
        return target / name if target.is_dir() else None
    if out.suffix.lower() not in _KINDS:
        raise UsageError(
            "the picture needs a name that says its kind",
            found=f"--out {out}",
            wanted=f"a name that ends in {' or '.join(_KINDS)}",
            fix=f"--out {out.with_suffix('.png') if out.name else name}",
        )
    return out


def present(
    facts: dict[str, Any],
    draw: Callable[[Lang], Any],
    place: Path | None,
    lang: Lang,
    *,
    asked: bool,
    json: bool,
) -> None:
    """Draw and write the picture, and say where it is: a line, or with the `facts` as JSON.

    A machine that cannot draw is a notice, and an error if the picture was `asked` for.
    """
    picture = _write(draw, place, lang, asked=asked)
    if json:
        output.print_json({"picture": picture and str(picture), **facts})
    elif picture is not None:
        print(f"\nPicture: {printable(picture)}")


def _write(
    draw: Callable[[Lang], Any], place: Path | None, lang: Lang, *, asked: bool
) -> Path | None:
    if place is None:
        output.notice("to have the picture as well, say where: --out FILE.png")
        return None
    from handstitch import figures, storage

    is_svg = place.suffix.lower() == ".svg"
    try:
        figure = draw(lang if is_svg else figures.png_language(lang, output.notice))
    except figures.MissingMatplotlibError as error:
        if asked:
            raise
        output.notice(f"{error.problem}: {error.facts['found']}; {error.facts['fix']}")
        return None
    data = figures.svg(figure).encode() if is_svg else figures.png(figure)
    try:
        storage.write(place, data, durable=False)
    except MachineError as error:
        if not asked:
            error.facts["fix"] = f"write it elsewhere: --out {place.name}"
        raise
    return place
