"""handstitch show: tables and pictures of a run, a search or a model file."""

from __future__ import annotations

from cyclopts import App

from handstitch.cli.flags import Json, Language, Model, RankBy
from handstitch.cli.pictures import Out
from handstitch.config.messages import nearest_name
from handstitch.errors import UsageError, printable

app = App(name="show", help="Show a run, a search, or the weights in a model file.")
app.command(
    "handstitch.cli.show_curves:curves",
    name="curves",
    help="Training curves: accuracies, losses and learning rate of every epoch.",
)
app.command(
    "handstitch.cli.show_weights:weights",
    name="weights",
    help="Weights of the layers: ranges, heat maps, first-layer units as images.",
)
app.command(
    "handstitch.cli.show_microscope:microscope",
    name="microscope",
    help="One training step on one image: every formula with its actual numbers.",
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

    A run folder shows its training curves, a search its ranked candidates, a model file its
    weights: as a table and as pictures. The commands show one of them.
    """
    from handstitch.cli.search_output import refuse_ranking, show_search
    from handstitch.cli.show_curves import curves
    from handstitch.cli.show_weights import weights
    from handstitch.runs import folder as run_folder
    from handstitch.search.folder import is_search

    target = run_folder.newest() if path is None else path
    if not target.exists():
        verbs = [name for name in app if not name.startswith("-")]
        meant = nearest_name(str(target), verbs)
        raise UsageError(
            f"there is no {target} to show",
            found="no such file or folder",
            wanted=f"a run folder, a search, a model file, or one of: {', '.join(verbs)}",
            fix=f"perhaps: handstitch show {meant}" if meant else "see: handstitch show --help",
        )
    searched = is_search(target)
    if not searched:
        refuse_ranking(by, target)
    if out is not None and searched:
        raise UsageError(
            "a search has several pictures",
            found=f"--out {out}",
            wanted="no --out: they are written to the folder pictures of the search",
            fix="omit --out",
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
