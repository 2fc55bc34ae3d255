"""handstitch show: what a run, or a file of weights, looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from handstitch.cli.flags import Json
from handstitch.cli.pictures import Language, Out, Shown
from handstitch.errors import UsageError
from handstitch.wording import alike

app = App(name="show", help="Show a run, a search, or the weights in a model file.")
app.command(
    "handstitch.cli.show_curves:curves",
    name="curves",
    help="Accuracies, losses and learning rate of every epoch.",
)
app.command(
    "handstitch.cli.show_weights:weights",
    name="weights",
    help="What each layer's weights are, and what the first layer looks for.",
)


@app.default
def show(
    path: Shown = None,
    /,
    *,
    out: Out = None,
    lang: Language = "en",
    by: Annotated[
        Literal["best", "last"] | None,
        Parameter(help="of a search: rank by each trial's best epoch, or by its last [best]"),
    ] = None,
    json: Json = False,
) -> None:
    """Show a run, a search, or the weights in a model file.

    A run folder has its training curves shown, a search its settings in order and what can be
    told of them, a model file its weights; each as a table and in pictures. The commands choose.
    """
    from handstitch import run_folder

    target = run_folder.newest() if path is None else path
    if not target.exists():
        raise _nothing(target)
    kind = next(kind for fits, kind in KINDS if fits(target))
    more = {} if by is None else {"by": by}
    if more and kind is not _search:
        raise UsageError(
            "--by is for searches",
            found=f"--by {by}, and {target} is none",
            wanted="the folder of a search",
            fix="leave it out",
        )
    kind(target, out=out, lang=lang, json=json, **more)


def _nothing(target: Path) -> UsageError:
    verbs = [name for name in app if not name.startswith("-")]
    meant = alike(str(target), verbs)
    return UsageError(
        f"there is nothing called {target} to show",
        found="no such file or folder",
        wanted=f"a run folder, a search, a model file, or one of: {', '.join(verbs)}",
        fix=f"perhaps: handstitch show {meant}" if meant else "see: handstitch show --help",
    )


def _run(target: Path, *, json: bool, **flags: Any) -> None:
    from handstitch.cli.show_curves import curves
    from handstitch.errors import printable
    from handstitch.run_folder import PAGE

    curves(target, json=json, **flags)
    page = target / PAGE
    if not json and page.is_file():
        print(f"Page: {printable(page)}")


def _weights(target: Path, **flags: Any) -> None:
    from handstitch.cli.show_weights import weights

    weights(target, **flags)


def _is_search(target: Path) -> bool:
    from handstitch.search.folder import is_search

    return is_search(target)


def _search(target: Path, *, out: Path | None, **flags: Any) -> None:
    from handstitch.cli.show_search import show_search

    if out is not None:
        raise UsageError(
            "a search has several pictures",
            found=f"--out {out}",
            wanted="no --out: they go into the folder pictures of the search",
            fix="leave it out",
        )
    show_search(target, **flags)


KINDS: Final[tuple[tuple[Callable[[Path], bool], Callable[..., None]], ...]] = (
    (Path.is_file, _weights),
    (_is_search, _search),
    (lambda target: True, _run),
)
"""What `show PATH` does, by what is there: the first that fits."""
