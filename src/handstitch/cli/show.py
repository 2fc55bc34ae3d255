"""handstitch show: what a run, or a file of weights, looks like."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from handstitch.cli.flags import Json, Language, Model, RankBy
from handstitch.cli.pictures import Out
from handstitch.config.messages import nearest_name
from handstitch.errors import UsageError, printable

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
    path: Model = None,
    /,
    *,
    out: Out = None,
    lang: Language = "en",
    by: RankBy = None,
    json: Json = False,
) -> None:
    """Show a run, a search, or the weights in a model file.

    A run folder has its training curves shown, a search its settings in order and what can be
    told of them, a model file its weights; each as a table and in pictures. The commands choose.
    """
    from handstitch.cli.show_curves import curves
    from handstitch.cli.show_search import show_search
    from handstitch.cli.show_weights import weights
    from handstitch.runs import folder as run_folder
    from handstitch.search.folder import is_search

    target = run_folder.newest() if path is None else path
    if not target.exists():
        raise _nothing(target)
    searched = is_search(target)
    if by is not None and not searched:
        raise UsageError(
            "--by is for searches",
            found=f"--by {by}, and {target} is none",
            wanted="the folder of a search",
            fix="leave it out",
        )
    if out is not None and searched:
        raise UsageError(
            "a search has several pictures",
            found=f"--out {out}",
            wanted="no --out: they go into the folder pictures of the search",
            fix="leave it out",
        )
    if target.is_file():
        weights(target, out=out, lang=lang, json=json)
    elif searched:
        show_search(target, by or "best", lang=lang, json=json)
    else:
        curves(target, out=out, lang=lang, json=json)
        page = target / run_folder.PAGE
        if not json and page.is_file():
            print(f"Page: {printable(page)}")


def _nothing(target: Path) -> UsageError:
    verbs = [name for name in app if not name.startswith("-")]
    meant = nearest_name(str(target), verbs)
    return UsageError(
        f"there is nothing called {target} to show",
        found="no such file or folder",
        wanted=f"a run folder, a search, a model file, or one of: {', '.join(verbs)}",
        fix=f"perhaps: handstitch show {meant}" if meant else "see: handstitch show --help",
    )
